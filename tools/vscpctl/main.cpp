// vscpctl: the command-line tool of vscprouterd. Options only; the work is in one file per subcommand.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <string>

#include "router/core/users.h"
#include "tools/client/address.h"
#include "tools/vscpctl/admin.h"
#include "protocol/guid.h"
#include "tools/vscpctl/driver_test.h"
#include "tools/vscpctl/mkpasswd.h"
#include "tools/vscpctl/selection.h"
#include "tools/vscpctl/send.h"
#include "tools/vscpctl/sim.h"
#include "tools/vscpctl/spool.h"
#include "tools/vscpctl/watch.h"

namespace {

using tools::ctl::AdminOptions;
using tools::ctl::ConnectionOptions;

/// Everything that the command line can set.
struct Options {
  ConnectionOptions connection;
  tools::ctl::WatchOptions watch;
  tools::ctl::SendOptions send;
  tools::ctl::SimOptions sim;
  tools::ctl::MkpasswdOptions mkpasswd;
  AdminOptions admin;
  tools::ctl::DriverTestOptions driver;
  std::string driver_guid;
  std::string event_layout = "detect";
  std::string guid_form = "raw";
  bool no_write = false;
  tools::ctl::SpoolOptions spool;
  std::string spool_name;
  unsigned spool_most = 10;
  bool spool_sure = false;
  std::string duration;
  std::string repeat;
  std::string patience;
};

constexpr const char* kConnectionHelp =
    "The password comes from --password-file, else $VSCP_PASSWORD, else it is asked for on the terminal.\n";

std::string check_address(const std::string& text) {
  const auto address = tools::parse_address(text);
  return address ? std::string() : address.error().text;
}

void add_connection(CLI::App& command, ConnectionOptions& options) {
  command.add_option("--host", options.host, "server: host:port, [::1]:9598 or unix:/path")
      ->check(check_address)
      ->type_name("ADDRESS")
      ->capture_default_str();
  command.add_option("--user", options.user, "user name (default: $VSCP_USER, else admin)")->type_name("NAME");
  command.add_option("--password-file", options.password_file, "file whose first line is the password")
      ->type_name("FILE");
}

std::string check_duration(const std::string& text) {
  return tools::ctl::parse_duration(text) ? std::string() : "'" + text + "' is no duration; write 10s, 500ms, 2m or 1h";
}

CLI::App* add_watch(CLI::App& app, Options& options) {
  CLI::App* command = app.add_subcommand("watch", "Show live events");
  auto& watch = options.watch;
  add_connection(*command, options.connection);
  command->add_option("--class", watch.selection.classes, "only this class, by number or name; may be repeated")
      ->type_name("N|NAME")
      ->allow_extra_args(false);
  command->add_option("--type", watch.selection.types, "only this type, by number or name; may be repeated")
      ->type_name("N|NAME")
      ->allow_extra_args(false);
  command->add_option("--guid", watch.selection.guid_prefix, "only GUIDs that begin so, as FF:FF:01")
      ->type_name("GUID");
  command->add_option("--priority", watch.selection.priority, "only this priority, 0 (highest) to 7")
      ->check(CLI::Range(0, 7).description(""))
      ->type_name("N");
  command
      ->add_option("--filter", watch.selection.filter, "filter as the link protocol has it: priority,class,type,GUID")
      ->type_name("P,C,T,GUID");
  command->add_option("--mask", watch.selection.mask, "mask to --filter; a 0 bit lets both values pass")
      ->type_name("P,C,T,GUID");
  auto* json = command->add_flag("--json", watch.json, "one JSON object per line");
  command->add_flag("--raw", watch.raw, "the lines as the server sends them")->excludes(json);
  command->add_option("--count", watch.count, "stop after so many events")->type_name("N");
  command->add_option("--for", options.duration, "stop after this time, as 10s")
      ->type_name("TIME")
      ->check(check_duration);
  command->add_flag("--reconnect", watch.reconnect,
                    "connect again when the connection is lost, waiting longer each time");
  command->add_option("--colour,--color", watch.colour, "auto, always or never")
      ->type_name("WHEN")
      ->check(CLI::IsMember({"auto", "always", "never"}).description(""))
      ->capture_default_str();
  command->footer(std::string(kConnectionHelp) +
                  "Examples:\n"
                  "  vscpctl watch\n"
                  "  vscpctl watch --class MEASUREMENT --type TEMPERATURE --for 10s\n"
                  "  vscpctl watch --class ALARM --class SECURITY --reconnect\n"
                  "  vscpctl watch --guid FF:FF:FF:FF:FF:FF:FF:F5 --json | jq .measurement\n"
                  "  vscpctl watch --filter 0,20,0,- --mask 0,0xffff,0,- --raw\n");
  return command;
}

CLI::App* add_send(CLI::App& app, Options& options) {
  CLI::App* command = app.add_subcommand("send", "Send events");
  auto& send = options.send;
  add_connection(*command, options.connection);
  command
      ->add_option("line", send.line,
                   "event line head,class,type,obid,datetime,timestamp,GUID,data...; - reads lines from standard input")
      ->type_name("");
  command->add_option("--class", send.event.vscp_class, "class, by number or name")->type_name("N|NAME");
  command->add_option("--type", send.event.vscp_type, "type, by number or name")->type_name("N|NAME");
  command->add_option("--data", send.event.data, "data bytes, as 1,2,0x03")->type_name("BYTES");
  command->add_option("--guid", send.event.guid, "GUID of the node (default: the connection's)")->type_name("GUID");
  command->add_option("--priority", send.event.priority, "0 (highest) to 7 (default: 3)")
      ->check(CLI::Range(0, 7).description(""))
      ->type_name("N");
  command->add_flag("--lockstep", send.lockstep, "wait for each answer before the next line (old servers need this)");
  command->footer(std::string(kConnectionHelp) +
                  "Examples:\n"
                  "  vscpctl send --class INFORMATION --type ON --data 0,1,2\n"
                  "  vscpctl send 0,20,3,,,,-,0,1,2\n"
                  "  vscpctl send - < events.txt        (empty lines and lines with # are left out)\n");
  return command;
}

CLI::App* add_sim(CLI::App& app, Options& options) {
  CLI::App* command = app.add_subcommand("sim", "Send the events of a field of simulated nodes");
  auto& sim = options.sim;
  add_connection(*command, options.connection);
  command->add_option("--nodes", sim.field.nodes, "number of nodes")
      ->type_name("N")
      ->check(CLI::Range(1U, drivers::sim::kNodesMax).description(""))
      ->capture_default_str();
  command->add_option("--rate", sim.field.events_per_second, "events per second of all nodes together")
      ->type_name("N")
      ->check(CLI::Range(drivers::sim::kRateMin, drivers::sim::kRateMax).description(""))
      ->capture_default_str();
  command->add_option("--seed", sim.field.seed, "equal seeds give equal events")->type_name("N")->capture_default_str();
  command->add_option("--for", options.duration, "stop after this time, as 10s")
      ->type_name("TIME")
      ->check(check_duration);
  command->add_option("--count", sim.count, "stop after so many events")->type_name("N");
  command->add_flag("--lockstep", sim.lockstep, "wait for each answer before the next event (old servers need this)");
  command->footer(std::string(kConnectionHelp) +
                  "Temperatures, buttons, lamps, smoke alarms (priority 0) and heartbeats.\n"
                  "Examples:\n"
                  "  vscpctl sim\n"
                  "  vscpctl sim --nodes 500 --rate 2000 --for 1m --seed 7\n");
  return command;
}

void add_socket(CLI::App& command, Options& options) {
  command
      .add_option("--socket", options.admin.socket,
                  "admin socket of the daemon (default: $VSCPROUTERD_SOCKET, else the usual places)")
      ->type_name("PATH");
}

CLI::App* add_reload(CLI::App& app, Options& options) {
  CLI::App* command = app.add_subcommand("reload", "Make the daemon read its users files again");
  add_socket(*command, options);
  command->footer("If a file has errors they are shown, and the daemon keeps the users that it has.\n");
  return command;
}

CLI::App* add_admin(CLI::App& app, Options& options, const char* name, const char* help, const char* examples) {
  CLI::App* command = app.add_subcommand(name, help);
  add_socket(*command, options);
  command->add_flag("--json", options.admin.json, "the daemon's answer as it is");
  command->add_option("--watch", options.repeat, "ask again and again, as 1s")
      ->type_name("TIME")
      ->check(check_duration);
  command->footer(examples);
  return command;
}

CLI::App* add_spool(CLI::App& app, Options& options) {
  CLI::App* command = app.add_subcommand("spool", "Show and drop events that wait for brokers and other servers");
  add_socket(*command, options);
  auto* folder = command->add_option("--folder", options.spool.folder, "not of a daemon: folder of a spool that none has open");
  folder->type_name("FOLDER");
  command->add_flag("--purge", options.spool.purge, "with --folder: drop all of it, after showing it")->needs(folder);
  command->add_flag("--json", options.spool.json, "one JSON object");
  command->require_subcommand(0, 1);
  CLI::App* show = command->add_subcommand("show", "Show the first events that wait");
  show->add_option("name", options.spool_name, "name of the spool, as spool lists it, or DRIVER/NAME")->required();
  show->add_option("--max", options.spool_most, "how many at most, up to 1000")
      ->check(CLI::Range(1, 1000).description(""))
      ->type_name("N")
      ->capture_default_str();
  CLI::App* purge = command->add_subcommand("purge", "Drop what waits and is not in flight, for good");
  purge->add_option("name", options.spool_name, "name of the spool, as spool lists it, or DRIVER/NAME")->required();
  purge->add_flag("--yes", options.spool_sure, "do not ask");
  for (CLI::App* part : {show, purge}) {
    part->excludes(folder);
    add_socket(*part, options);
    part->add_flag("--json", options.spool.json, "the daemon's answer as it is");
  }
  command->footer(
      "Examples:\n"
      "  vscpctl spool\n"
      "  vscpctl spool show site --max 20\n"
      "  vscpctl spool purge site\n"
      "  vscpctl spool --folder /var/lib/vscprouterd/spool/site\n"
      "  vscpctl spool --folder /var/lib/vscprouterd/spool/site --purge\n");
  return command;
}

CLI::App* add_driver(CLI::App& app, Options& options) {
  CLI::App* driver = app.add_subcommand("driver", "Try out driver libraries");
  driver->require_subcommand(1);
  CLI::App* test = driver->add_subcommand("test", "Run a library through its whole interface and say what it does wrong");
  auto& library = options.driver.library;
  test->add_option("file", library.path, "the shared object")->required()->type_name("FILE.so");
  test->add_option("--config", library.configuration,
                   "Level I: its configuration string; Level II: path of its configuration file")
      ->type_name("TEXT");
  test->add_option("--level", options.driver.level, "1 (CANAL) or 2 (default: by the functions that it has)")
      ->check(CLI::Range(1, 2).description(""))
      ->type_name("N");
  test->add_option("--flags", library.flags, "Level I: flags of CanalOpen")->type_name("N");
  test->add_option("--guid", options.driver_guid, "GUID of the interface")->type_name("GUID");
  test->add_option("--guid-form", options.guid_form, "Level II: what VSCPOpen gets, raw or text")
      ->check(CLI::IsMember({"raw", "text"}).description(""))
      ->type_name("FORM")
      ->capture_default_str();
  test->add_option("--event-layout", options.event_layout, "Level II: detect, classic or 2026")
      ->check(CLI::IsMember({"detect", "classic", "2026"}).description(""))
      ->type_name("LAYOUT")
      ->capture_default_str();
  test->add_option("--for", options.duration, "read for this time (default: 2s)")
      ->type_name("TIME")
      ->check(check_duration);
  test->add_option("--patience", options.patience, "a call that takes longer hangs (default: 10s)")
      ->type_name("TIME")
      ->check(check_duration);
  test->add_flag("--no-write", options.no_write, "send nothing: what is connected may act on it");
  driver->footer(
      "Each stage runs in a process of its own, so that a crash is one line of the report. Unless --no-write is given,\n"
      "the library is sent heartbeats and general events (class 20).\n"
      "Examples:\n"
      "  vscpctl driver test ./mydriver.so --config '/dev/ttyUSB0;115200'\n"
      "  vscpctl driver test ./vscpl2drv-mine.so --config ./mine.json --for 10s --no-write\n");
  return driver;
}

/// Options of the text forms to what they mean; false after telling what is wrong.
bool complete_driver(Options& options) {
  using namespace drivers::library;
  auto& test = options.driver;
  if (!options.driver_guid.empty()) {
    const auto guid = vscp::parse_guid(options.driver_guid);
    if (!guid) {
      tools::ctl::fail("'" + options.driver_guid + "' is no GUID");
      return false;
    }
    test.library.guid = *guid;
  }
  if (options.event_layout == "classic") test.library.layout = EventLayout::kClassic;
  if (options.event_layout == "2026") test.library.layout = EventLayout::k2026;
  if (options.guid_form == "text") test.library.guid_form = GuidForm::kText;
  if (!options.duration.empty()) test.reading = *tools::ctl::parse_duration(options.duration);
  if (!options.patience.empty()) test.patience = *tools::ctl::parse_duration(options.patience);
  test.write = !options.no_write;
  return true;
}

CLI::App* add_mkpasswd(CLI::App& app, Options& options) {
  CLI::App* command =
      app.add_subcommand("mkpasswd", "Make a password hash, or set a user's password in the users file");
  command->add_flag("--stdin", options.mkpasswd.from_stdin, "read the password from standard input");
  command->add_option("--users", options.mkpasswd.users_file, "users file to change; it is made if there is none")
      ->type_name("FILE");
  command
      ->add_option("--user", options.mkpasswd.user,
                   "whose password to set in the users file; a user that it does not have is added")
      ->type_name("NAME");
  command
      ->add_option("--privilege", options.mkpasswd.privilege,
                   "privilege of a user that is added, 0 to 15 (default: 15 in a new file, else 6)")
      ->check(CLI::Range(0U, router::kPrivilegeMax).description(""))
      ->type_name("N");
  command->footer(
      "The password is asked for twice and never shown. The hash is argon2id. Privilege 4 may send and receive "
      "events,\n"
      "6 also set filters and GUIDs, 15 everything.\n"
      "Examples:\n"
      "  vscpctl mkpasswd\n"
      "  vscpctl mkpasswd --users /etc/vscprouterd/users.json --user admin\n"
      "  pwgen -s 20 1 | tee secret.txt | vscpctl mkpasswd --stdin\n");
  return command;
}

/// The first argument if it should be a command and is none; else null.
const char* unknown_command(const CLI::App& app, int argument_count, char** arguments) {
  if (argument_count < 2 || *arguments[1] == '-') return nullptr;
  const auto commands = app.get_subcommands([](const CLI::App*) { return true; });
  const bool known = std::any_of(commands.begin(), commands.end(),
                                 [&](const CLI::App* command) { return command->get_name() == arguments[1]; });
  return known ? nullptr : arguments[1];
}

int run_spool(Options& options, const CLI::App& spool) {
  if (!options.spool.folder.empty()) return tools::ctl::run_spool(options.spool);
  options.admin.json = options.spool.json;
  if (spool.got_subcommand("show"))
    return tools::ctl::run_spool_show(options.admin, options.spool_name, options.spool_most);
  if (spool.got_subcommand("purge"))
    return tools::ctl::run_spool_purge(options.admin, options.spool_name, options.spool_sure);
  return tools::ctl::run_spools(options.admin);
}

int run(CLI::App& app, Options& options, const CLI::App* watch, const CLI::App* send, const CLI::App* sim,
        const CLI::App* stat, const CLI::App* sessions, const CLI::App* reload, const CLI::App* spool) {
  if (!options.duration.empty()) {
    options.watch.duration = options.sim.duration = tools::ctl::parse_duration(options.duration);
  }
  if (!options.repeat.empty()) options.admin.repeat = tools::ctl::parse_duration(options.repeat);
  options.watch.connection = options.send.connection = options.sim.connection = options.connection;
  if (app.got_subcommand(watch)) return tools::ctl::run_watch(options.watch);
  if (app.got_subcommand(send)) return tools::ctl::run_send(options.send);
  if (app.got_subcommand(sim)) return tools::ctl::run_sim(options.sim);
  if (app.got_subcommand(stat)) return tools::ctl::run_stat(options.admin);
  if (app.got_subcommand(sessions)) return tools::ctl::run_sessions(options.admin);
  if (app.got_subcommand(reload)) return tools::ctl::run_reload(options.admin);
  if (app.got_subcommand("driver")) {
    return complete_driver(options) ? tools::ctl::run_driver_test(options.driver) : tools::ctl::kExitUsage;
  }
  if (app.got_subcommand(spool)) return run_spool(options, *spool);
  return tools::ctl::run_mkpasswd(options.mkpasswd);
}

}  // namespace

int main(int argument_count, char** arguments) {
  Options options;
  CLI::App app("Watch, feed and inspect a VSCP link server.", "vscpctl");
  app.set_version_flag("--version", "vscpctl " VSCPROUTER_VERSION);
  app.require_subcommand(1);
  const CLI::App* watch = add_watch(app, options);
  const CLI::App* send = add_send(app, options);
  const CLI::App* sim = add_sim(app, options);
  const CLI::App* stat = add_admin(app, options, "stat", "Show the daemon's counters",
                                   "Examples:\n  vscpctl stat\n  vscpctl stat --watch 1s\n  vscpctl stat --json\n");
  const CLI::App* sessions = add_admin(app, options, "sessions", "List the connected sessions",
                                       "Examples:\n  vscpctl sessions\n  vscpctl sessions --json | jq .sessions\n");
  const CLI::App* reload = add_reload(app, options);
  const CLI::App* spool = add_spool(app, options);
  add_driver(app, options);
  add_mkpasswd(app, options);
  app.footer(
      "Examples:\n"
      "  vscpctl sim --nodes 20 &\n"
      "  vscpctl watch --for 10s\n"
      "  vscpctl send --class INFORMATION --type BUTTON --data 1,0,0,0,1\n"
      "  vscpctl COMMAND --help   options and examples of one command\n");
  if (argument_count < 2) {
    std::fputs(app.help().c_str(), stderr);
    return tools::ctl::kExitUsage;
  }
  try {
    app.parse(argument_count, arguments);
  } catch (const CLI::ParseError& error) {
    if (const char* wrong = unknown_command(app, argument_count, arguments)) {
      tools::ctl::fail(std::string("there is no command '") + wrong + "'; vscpctl --help lists them");
      return tools::ctl::kExitUsage;
    }
    return app.exit(error) == 0 ? tools::ctl::kExitOk : tools::ctl::kExitUsage;
  }
  return run(app, options, watch, send, sim, stat, sessions, reload, spool);
}
