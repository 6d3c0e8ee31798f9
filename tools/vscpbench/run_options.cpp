#include "tools/vscpbench/run_options.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>

#include "tools/vscpbench/duration.h"
#include "tools/vscpbench/scenario.h"

namespace bench {

/// What a command's words say, before another look makes settings of them.
struct RunOptions::Words {
  const CLI::App* command = nullptr;
  Settings settings;
  std::string password_file;
  std::string duration;
  std::string warmup = "500ms";
  std::string stall = "5s";
  std::vector<std::string> more_scenarios;
  unsigned priority = 3;
  std::optional<unsigned> producers;
  std::optional<unsigned> consumers;
  std::optional<std::uint32_t> time_every;

  void add_to(CLI::App& app, const std::string& name, const std::string& text);
  std::expected<Settings, std::string> complete() const;

 private:
  void add_server_options(CLI::App& app);
  void add_load_options(CLI::App& app);
  void add_event_options(CLI::App& app);
  void add_crowd_options(CLI::App& app);
  void add_output_options(CLI::App& app);
  std::string choose_scenarios(Settings& s) const;
  std::string complete_times(Settings& s) const;
  std::string read_password(std::string& password) const;
};

void RunOptions::Words::add_server_options(CLI::App& app) {
  auto& s = settings;
  const char* group = "The server";
  app.add_option("--host", s.host, "HOST, HOST:PORT, [IPV6]:PORT or unix:PATH")->capture_default_str()->group(group);
  app.add_option("--user", s.user, "user name; default $VSCP_USER")->envname("VSCP_USER")->group(group);
  app.add_option("--password-file", password_file, "file whose first line is the password; default $VSCP_PASSWORD")
      ->group(group);
  app.add_option("--pid", s.pid, "its process; default: who listens on the port on this machine")->group(group);
  app.add_option("--spawn", s.spawn.program, "start this vscprouterd for the run, and stop it afterwards")
      ->group(group);
  app.add_option("--server-workers", s.spawn.workers, "with --spawn: worker threads, 0 = the daemon's choice")
      ->group(group);
  app.add_option("--server-option", s.spawn.server_options,
                 "with --spawn: KEY=VALUE for its link listener (repeatable)")
      ->group(group);
  app.add_option("--user-option", s.spawn.user_options, "with --spawn: KEY=VALUE for its user (repeatable)")
      ->group(group);
}

void RunOptions::Words::add_load_options(CLI::App& app) {
  auto& s = settings;
  const char* group = "The load";
  app.add_option("--producers", producers, "with --consumers, instead of a scenario")->group(group);
  app.add_option("--consumers", consumers, "with --producers, instead of a scenario; 0 = only send")->group(group);
  app.add_option("--wire", s.wires, "dialect, several with commas")
      ->delimiter(',')
      ->capture_default_str()
      ->group(group);
  app.add_option("--payload", s.payloads, "data bytes per event, several with commas; default: the scenario's own")
      ->delimiter(',')
      ->check(CLI::Range(0, 512))
      ->group(group);
  app.add_option("--rate", s.load.rate, "events per second of all producers, open loop; 0 = flat out")
      ->check(CLI::NonNegativeNumber)
      ->group(group);
  app.add_option("--events", s.load.events, "events to send, of all producers, instead of --for")->group(group);
  app.add_option("--for", duration, "how long to measure; default: the scenario's own")->group(group);
  app.add_option("--warmup", warmup, "sending before the measurement")->capture_default_str()->group(group);
  app.add_option("--repeat", s.repeat, "runs of each scenario: median and spread")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str()
      ->group(group);
  app.add_option("--window", s.load.window,
                 "events of all producers that some consumer does not have yet; 0 = no limit, the server may drop")
      ->capture_default_str()
      ->group(group);
  app.add_option("--window-bytes", s.load.window_bytes, "the same in bytes; 0 = only --window counts")
      ->capture_default_str()
      ->group(group);
  app.add_option("--threads", s.load.threads, "client threads")
      ->check(CLI::Range(1, 256))
      ->capture_default_str()
      ->group(group);
  app.add_option("--stall", stall, "give up when nothing moves for so long")->capture_default_str()->group(group);
  app.add_flag("--verify", s.load.verify, "compare every byte of every event")->group(group);
  app.add_flag("--spin", s.load.spin, "client threads never sleep: truer latencies for a core")->group(group);
}

void RunOptions::Words::add_event_options(CLI::App& app) {
  auto& s = settings;
  const char* group = "The events";
  app.add_option("--class", s.shape.vscp_class, "VSCP class")->capture_default_str()->group(group);
  app.add_option("--type", s.shape.vscp_type, "VSCP type")->capture_default_str()->group(group);
  app.add_option("--priority", priority, "0 (highest) to 7")
      ->check(CLI::Range(0, 7))
      ->capture_default_str()
      ->group(group);
  const std::map<std::string, TimeForm> forms{
      {"none", TimeForm::kNone}, {"date", TimeForm::kDate}, {"ns", TimeForm::kNanoseconds}};
  app.add_option("--time", s.shape.time_form, "time that events are sent with: none, date or ns")
      ->transform(CLI::CheckedTransformer(forms))
      ->group(group);
  app.add_option("--time-every", time_every,
                 "take the latency of one event in so many (default 1 with a rate, 16 without)")
      ->group(group);
}

void RunOptions::Words::add_crowd_options(CLI::App& app) {
  auto& s = settings;
  const char* group = "Crowds";
  app.add_option("--sessions", s.sessions,
                 "sessions of connect-storm, idle-crowd, slow-crowd; at least, of filter-crowd")
      ->check(CLI::Range(1, 10'000'000))
      ->group(group);
  app.add_option("--processes", s.processes, "client processes, at least; default: one per 15000 sessions")
      ->check(CLI::Range(0, 1000))
      ->group(group);
  app.add_option("--at-once", s.at_once, "sessions that are being opened at the same time")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str()
      ->group(group);
  app.add_option("--filters", s.filters, "filter-crowd: how many distinct filters, several with commas")
      ->delimiter(',')
      ->check(CLI::Range(1, 1'000'000))
      ->group(group);
  app.add_option("--filter-by", s.filter_by, "filter-crowd: class, guid or both with a comma (default)")
      ->delimiter(',')
      ->check(CLI::IsMember({"class", "guid"}))
      ->group(group);
  app.add_option("--reader", s.readers, "slow-crowd: stop, trickle or both with a comma (default)")
      ->delimiter(',')
      ->check(CLI::IsMember({"stop", "trickle"}))
      ->group(group);
}

void RunOptions::Words::add_output_options(CLI::App& app) {
  auto& s = settings;
  const char* group = "The result";
  app.add_option("--json", s.json, "write the result there; - = standard output, tables then go to standard error")
      ->group(group);
  app.add_flag("--allow-loss", s.allow_loss, "lost events are no failure")->group(group);
  app.add_flag("--quiet", s.quiet, "no progress")->group(group);
}

void RunOptions::Words::add_to(CLI::App& app, const std::string& name, const std::string& text) {
  auto* added = app.add_subcommand(name, text);
  command = added;
  add_server_options(*added);
  add_load_options(*added);
  add_event_options(*added);
  add_crowd_options(*added);
  add_output_options(*added);
}

std::string RunOptions::Words::read_password(std::string& password) const {
  if (const char* value = std::getenv("VSCP_PASSWORD"); value != nullptr) password = value;
  if (password_file.empty()) return {};
  std::ifstream file(password_file);
  if (!std::getline(file, password)) return "cannot read a password from " + password_file;
  if (password.ends_with('\r')) password.pop_back();
  return {};
}

std::string RunOptions::Words::complete_times(Settings& s) const {
  if (s.load.events != 0 && !duration.empty()) return "give --events or --for, not both";
  const auto measured = parse_duration(duration.empty() ? "1s" : duration);
  const auto before = parse_duration(warmup);
  const auto patience = parse_duration(stall);
  if (!measured || !before || !patience) return "a duration is a number with s, ms, m or h, like 5s";
  if (*measured <= 0 || *patience <= 0) return "--for and --stall must be longer than 0";
  if (!duration.empty()) s.seconds = *measured;
  s.load.warmup_seconds = *before;
  s.load.stall_seconds = *patience;
  return {};
}

std::string RunOptions::Words::choose_scenarios(Settings& s) const {
  s.scenarios.insert(s.scenarios.end(), more_scenarios.begin(), more_scenarios.end());
  if (producers || consumers) {
    if (!s.scenarios.empty()) return "give a scenario or --producers and --consumers, not both";
    s.scenarios = {std::to_string(producers.value_or(1)) + ":" + std::to_string(consumers.value_or(1))};
  }
  if (s.scenarios.empty()) return "which scenario? `vscpbench list` shows them, `all` is all of them";
  if (s.scenarios == std::vector<std::string>{"all"}) {
    s.scenarios.clear();
    for (const auto& scenario : scenarios()) s.scenarios.emplace_back(scenario.name);
  }
  for (const auto& name : s.scenarios) {
    if (const auto found = find_scenario(name); !found) return found.error();
  }
  return {};
}

/// Fills what follows from other options.
std::expected<Settings, std::string> RunOptions::Words::complete() const {
  auto s = settings;
  if (s.spawn.program.empty() && !(s.spawn.server_options.empty() && s.spawn.user_options.empty())) {
    return std::unexpected("--server-option and --user-option need --spawn");
  }
  if (auto error = choose_scenarios(s); !error.empty()) return std::unexpected(error);
  for (const auto& wire : s.wires) {
    if (make_wire(wire) == nullptr) {
      return std::unexpected("there is no wire \"" + wire + "\"; there are: " + wire_names());
    }
  }
  s.shape.head = static_cast<std::uint16_t>(priority << 5U);
  s.time_every_given = time_every.has_value();
  s.load.time_every = std::max(1U, time_every.value_or(1));
  if (auto error = complete_times(s); !error.empty()) return std::unexpected(error);
  if (auto error = read_password(s.password); !error.empty()) return std::unexpected(error);
  return s;
}

RunOptions::RunOptions(CLI::App& app) : run_(std::make_unique<Words>()), latency_(std::make_unique<Words>()) {
  run_->add_to(app, "run", "run scenarios; `vscpbench list` shows them");
  auto* run = app.get_subcommand("run");
  run->add_option("SCENARIO", run_->settings.scenarios, "names or PRODUCERS:CONSUMERS; all = every one")
      ->delimiter(',');
  run->add_option("--scenario", run_->more_scenarios, "the same, as an option")->delimiter(',');
  latency_->add_to(app, "latency", "short for: run latency");
  latency_->more_scenarios = {"latency"};
}

RunOptions::~RunOptions() = default;

bool RunOptions::chosen() const {
  return run_->command->parsed() || latency_->command->parsed();
}

std::expected<Settings, std::string> RunOptions::settings() const {
  return latency_->command->parsed() ? latency_->complete() : run_->complete();
}

}  // namespace bench
