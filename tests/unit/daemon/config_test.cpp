#include "router/daemon/config.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "drivers/link/link_driver.h"
#include "drivers/sim/sim_driver.h"
#include "tests/support/temp_dir.h"

namespace router {
namespace {

using Lines = std::vector<std::string>;

Lines lines(const std::vector<ConfigIssue>& issues) {
  Lines out;
  for (const ConfigIssue& issue : issues) out.push_back(to_text(issue));
  return out;
}

const std::vector<drivers::link::LinkListenerConfig>& link_of(const Config& config) {
  return driver_part<drivers::link::LinkDriverConfig>(config)->listeners;
}
const drivers::sim::SimDriverConfig& simulate_of(const Config& config) {
  return *driver_part<drivers::sim::SimDriverConfig>(config);
}

ConfigResult parse(std::string_view text) {
  return parse_config(text, "a.json", "/etc/vscp");
}
Lines errors_of(std::string_view text) {
  return lines(parse(text).errors);
}

TEST(Config, EmptyObjectGivesTheDocumentedDefaults) {
  const ConfigResult result = parse("{}");
  EXPECT_EQ(lines(result.errors), Lines{});
  EXPECT_EQ(lines(result.warnings), Lines{"a.json:1:1: link: there is no listener, so no client can connect: write "
                                          "\"link\": [ {} ] for one on 127.0.0.1:9598"});
  ASSERT_TRUE(result.config);
  const Config& c = *result.config;
  EXPECT_EQ(c.run_as_user, "");
  EXPECT_FALSE(c.guid.is_zero());
  EXPECT_EQ(c.debug, 0U);
  EXPECT_EQ(c.state_folder, "/etc/vscp/");
  EXPECT_FALSE(c.logging.file_enable);
  EXPECT_EQ(c.logging.file_level, LogLevel::kInfo);
  EXPECT_EQ(c.logging.file_size_max, 5242880U);
  EXPECT_EQ(c.logging.files_max, 7U);
  EXPECT_TRUE(c.logging.console_enable);
  EXPECT_EQ(c.workers.count, 0U);
  EXPECT_TRUE(c.workers.cpus.empty());
  EXPECT_EQ(c.workers.event_pool, 0U);
  EXPECT_EQ(c.log_bytes_per_worker, 67108864U);
  EXPECT_TRUE(link_of(c).empty());
  EXPECT_EQ(c.admin.socket, "/etc/vscp/vscprouterd.sock");
  EXPECT_FALSE(simulate_of(c).enable);
  EXPECT_EQ(simulate_of(c).nodes, 16U);
  EXPECT_DOUBLE_EQ(simulate_of(c).rate, 5.0);
  EXPECT_EQ(simulate_of(c).seed, 0U);
  EXPECT_FALSE(c.embedded);
}

TEST(Config, EmbeddedTextIsOneListenerOnThisMachine) {
  const ConfigResult result = embedded_config("/tmp/state");
  EXPECT_EQ(lines(result.errors), Lines{});
  EXPECT_EQ(lines(result.warnings), Lines{});
  ASSERT_TRUE(result.config);
  const Config& c = *result.config;
  EXPECT_TRUE(c.embedded);
  ASSERT_EQ(link_of(c).size(), 1U);
  ASSERT_EQ(link_of(c)[0].addresses.size(), 1U);
  EXPECT_EQ(link_of(c)[0].addresses[0].text, "127.0.0.1:9598");
  EXPECT_EQ(link_of(c)[0].path_users, "/tmp/state/users.json");
  EXPECT_EQ(c.admin.socket, "/tmp/state/vscprouterd.sock");
  EXPECT_FALSE(simulate_of(c).enable);
}

TEST(Config, EveryKeyIsRead) {
  const ConfigResult result = parse(R"({"runasuser": "vscp", "guid": "FF:FF:FF:FF:FF:FF:FF:F5:00:00:00:00:00:01:00:00",
    "servername": "north hall", "debug": "0xff", "state-folder": "/var/lib/vscp",
    "logging": {"file-enable-log": true, "file-log-level": "debug", "file-pattern": "%v", "file-path": "log/x.log",
      "file-max-size": 10000, "file-max-files": 3, "console-enable-log": false, "console-log-level": "trace",
      "console-pattern": "%v"},
    "workers": {"count": 2, "cpus": "0-2, 6", "event-pool": 4096}, "overrun-events": false, "log": {"bytes-per-worker": 1048576},
    "link": [{"interface": "127.0.0.1:1"}, {"interface": "127.0.0.1:2", "path-users": "/x/u.json"}],
    "admin": {"interface": "", "socket": "s"}, "simulate": {"enable": true, "nodes": 3, "rate": 1e6, "seed": 9}})");
  ASSERT_TRUE(result.config) << (result.errors.empty() ? "" : to_text(result.errors[0]));
  const Config& c = *result.config;
  EXPECT_EQ(c.run_as_user, "vscp");
  EXPECT_FALSE(c.overrun_events);
  EXPECT_EQ(vscp::to_string(c.guid), "FF:FF:FF:FF:FF:FF:FF:F5:00:00:00:00:00:01:00:00");
  EXPECT_EQ(c.server_name, "north hall");
  EXPECT_EQ(c.debug, 0xffU);
  EXPECT_EQ(c.state_folder, "/var/lib/vscp");
  EXPECT_TRUE(c.logging.file_enable);
  EXPECT_EQ(c.logging.file_level, LogLevel::kDebug);
  EXPECT_EQ(c.logging.file_path, "/etc/vscp/log/x.log");
  EXPECT_EQ(c.logging.file_size_max, 10000U);
  EXPECT_EQ(c.logging.files_max, 3U);
  EXPECT_FALSE(c.logging.console_enable);
  EXPECT_EQ(c.logging.console_level, LogLevel::kTrace);
  EXPECT_EQ(c.logging.console_pattern, "%v");
  EXPECT_EQ(c.workers.count, 2U);
  EXPECT_EQ(c.workers.cpus, (std::vector<std::uint32_t>{0, 1, 2, 6}));
  EXPECT_EQ(c.workers.event_pool, 4096U);
  EXPECT_EQ(c.log_bytes_per_worker, 1048576U);
  ASSERT_EQ(link_of(c).size(), 2U);
  EXPECT_EQ(link_of(c)[0].path_users, "/etc/vscp/users.json");
  EXPECT_EQ(link_of(c)[1].path_users, "/x/u.json");
  EXPECT_EQ(c.admin.socket, "/var/lib/vscp/s");
  EXPECT_TRUE(simulate_of(c).enable);
  EXPECT_EQ(simulate_of(c).nodes, 3U);
  EXPECT_DOUBLE_EQ(simulate_of(c).rate, 1e6);
  EXPECT_EQ(simulate_of(c).seed, 9U);
}

TEST(Config, AQueueLargerThanTheLogIsRefused) {
  EXPECT_EQ(errors_of("{\"log\": {\"bytes-per-worker\": 1048576},\n"
                      "\"link\": [{\"max-out-bytes\": 1048576}, {\"interface\": \"1\", \"max-out-bytes\": 1048577},\n"
                      "{\"interface\": \"2\", \"max-out-bytes\": 0}]}"),
            Lines{"a.json:2:74: link[1].max-out-bytes: 1048577 is more than a worker's log (log.bytes-per-worker, "
                  "1048576) holds: write at most that, or 0 for no limit of its own"});
}

TEST(Config, AllErrorsAtOnceInTheOrderOfTheFile) {
  EXPECT_EQ(errors_of("{\"sevrername\": 1,\n\"debug\": \"xyz\",\n\"guid\": \"1\",\n"
                      "\"workers\": {\"count\": 65, \"cpus\": \"3-1\", \"event-pool\": 5},\n"
                      "\"log\": {\"bytes-per-worker\": 5},\n"
                      "\"logging\": {\"console-log-level\": \"loud\"},\n"
                      "\"admin\": {\"interface\": \"127.0.0.1:9680\"},\n"
                      "\"simulate\": {\"rate\": 0, \"nodes\": 0},\n"
                      "\"link\": [{\"max-out-queue\": 1}]}"),
            (Lines{
                "a.json:1:2: sevrername: unknown key: did you mean \"servername\"?",
                "a.json:2:10: debug: \"xyz\" is no hex number: write a number, or hex digits in a string",
                "a.json:3:9: guid: \"1\" is no GUID: write 16 hex pairs with colons, or \"-\" to have it made from the "
                "machine's MAC address",
                "a.json:4:22: workers.count: 65 is too large: write a whole number from 0 to 64",
                "a.json:4:34: workers.cpus: \"3-1\" is no list of cpus: write numbers and ranges, each cpu once, for "
                "example \"0-3,6\", or \"\" for all",
                "a.json:4:55: workers.event-pool: 5 is too small: write 0 (as many as needed) or at least 1024",
                "a.json:5:29: log.bytes-per-worker: 5 is too small: write a whole number from 1048576 to 1099511627776",
                "a.json:6:34: logging.console-log-level: \"loud\" is not known: write \"trace\", \"debug\", \"info\", "
                "\"warn\", \"warning\", \"err\", \"error\", \"critical\" or \"off\"",
                "a.json:7:24: admin.interface: the web page is not supported by this version: remove the key, or "
                "write \"\"",
                "a.json:8:22: simulate.rate: 0 is too small: write a number from 0.001 to 1e+06",
                "a.json:8:34: simulate.nodes: 0 is too small: write a whole number from 1 to 65535",
                "a.json:9:28: link[0].max-out-queue: 1 is too small: write a whole number from 16 to 10000000",
            }));
}

TEST(Config, CpuLists) {
  const auto cpus = [](std::string_view list) {
    const ConfigResult r = parse("{\"workers\": {\"cpus\": \"" + std::string(list) + "\"}}");
    return r.config ? r.config->workers.cpus : std::vector<std::uint32_t>{9999};
  };
  using List = std::vector<std::uint32_t>;
  EXPECT_EQ(cpus(""), List{});
  EXPECT_EQ(cpus("5"), List{5});
  EXPECT_EQ(cpus("0-1,4 - 5"), (List{0, 1, 4, 5}));
  for (const char* bad : {"a", "1,", ",1", "1-", "-1", "1,1", "0-2,1", "4096", "0-99999999999", "1;2"}) {
    EXPECT_EQ(cpus(bad), List{9999}) << bad;
  }
  EXPECT_EQ(
      errors_of(R"({"workers": {"cpus": "0-1", "count": 3}})"),
      Lines{
          "a.json:1:38: workers.count: 3 workers do not fit on the 2 cpus of \"cpus\": write at most that many, or 0"});
}

TEST(Config, TwoListenersOnOneAddressAreAnError) {
  EXPECT_EQ(
      errors_of("{\"link\": [{}, {},\n{\"interface\": \"127.0.0.1:0\"}, {\"interface\": \"127.0.0.1:0\"}]}"),
      Lines{"a.json:1:15: link[1]: another listener has \"127.0.0.1:9598\" already: write another address or port"});
}

TEST(Config, FeaturesToComeAreClearErrors) {
  EXPECT_EQ(errors_of("{\n\"spool\": {\"path\": \"x\"}}"),
            (Lines{"a.json:2:10: spool: the spool is not supported by this version: remove the section, or write "
                   "\"enable\": false in it"}));
}

TEST(Config, SectionsThatAreOffAreFine) {
  const ConfigResult result = parse(R"({"link": [{}], "mqtt": {"enable": false, "host": "x"}, "can": [],
    "udp": [{"enable": false, "allow": "any"}], "spool": {}, "link-client": null, "vscpkey": "", "maindb": "",
    "drivers": {"level1": [{"enable": false, "name": "logger", "mqtt": {"host": "x"}}],
                "level2": [{"enable": false, "path-driver": "x.so"}]}})");
  EXPECT_EQ(lines(result.errors), Lines{});
  EXPECT_EQ(lines(result.warnings), Lines{});
}

TEST(Config, DriversMustBeObjects) {
  EXPECT_EQ(errors_of("{\"drivers\": {\"level1\": [[]],\n\"level2\": [{\"enable\": true, \"path-driver\": \"/x/sim.so\"}, 5], "
                      "\"level3\": []}}"),
            (Lines{"a.json:1:25: drivers.level1[0]: is a list: write an object, { ... }",
                   "a.json:2:58: drivers.level2[1]: is a whole number: write an object, { ... }",
                   "a.json:2:62: drivers.level3: unknown key: did you mean \"level1\"?"}));
}

TEST(Config, DeadKeysOfUpstreamAreWarnings) {
  const ConfigResult result = parse("{\"link\": [{}],\n\"vscpkey\": \"/etc/vscp/vscp.key\", \"classtypedb\": \"x\"}");
  EXPECT_TRUE(result.config);
  EXPECT_EQ(lines(result.warnings),
            (Lines{"a.json:2:12: vscpkey: has no meaning for this router and is not used: remove it",
                   "a.json:2:49: classtypedb: has no meaning for this router and is not used: remove it"}));
}

TEST(Config, SyntaxErrorsAndMissingFiles) {
  EXPECT_EQ(errors_of("{\"link\": [}"), Lines{"a.json:1:11: a value is missing before \"}\""});
  EXPECT_EQ(errors_of("[]"), Lines{"a.json:1:1: is a list: write an object, { ... }"});
  const test::TempDir folder;
  const ConfigResult result = load_config(folder.path() + "/none.json");
  EXPECT_FALSE(result.config);
  EXPECT_EQ(lines(result.errors), Lines{folder.path() + "/none.json: cannot be opened: No such file or directory"});
}

TEST(Config, DebugShowsDebugLinesOnTheConsole) {
  const auto level_of = [](std::string_view text) {
    const ConfigResult result = parse(text);
    return result.config ? result.config->logging.console_level : LogLevel::kOff;
  };
  EXPECT_EQ(level_of(R"({"debug": 0})"), LogLevel::kInfo);
  EXPECT_EQ(level_of(R"({"debug": 1})"), LogLevel::kDebug);
  EXPECT_EQ(level_of(R"({"logging": {"console-log-level": "err"}, "debug": "0x2"})"), LogLevel::kDebug);
  EXPECT_EQ(level_of(R"({"logging": {"console-log-level": "trace"}, "debug": 1})"), LogLevel::kTrace);
}

class Site : public testing::Test {
 protected:
  void write(const std::string& name, std::string_view text) {
    const std::filesystem::path path = folder_.path() + "/" + name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  std::string at(const std::string& name) const { return folder_.path() + "/" + name; }

  test::TempDir folder_;
};

TEST_F(Site, AnUpstreamFileWithItsServerDriverWorks) {
  write("vscpd.json", R"({
    "runasuser": "vscp", "debug": 4294967295, "guid": "FF:FF:FF:FF:FF:FF:FF:F5:88:88:00:00:00:00:00:01",
    "servername": "old site", "classtypedb": "", "maindb": "", "discoverydb": "", "vscpkey": "",
    "logging": {"file-enable-log": true, "file-log-level": "debug", "file-pattern": "[vscp: %c] [%^%l%$] %v",
      "file-path": "/tmp/vscpd.log", "file-max-size": 5242880, "file-max-files": 7, "console-enable-log": true,
      "console-log-level": "debug", "console-pattern": "%v"},
    "drivers": {"level1": [], "level2": [
      {"enable": true, "name": "tcpip-srv", "path-driver": "/usr/lib/libvscpl2drv-tcpipsrv.so",
       "path-config": "drv/tcpipsrv.json", "guid": "FF:FF:FF:FF:FF:FF:FF:F5:02:88:88:00:00:00:00:01",
       "mqtt": {"host": "localhost"}}]}})");
  write("drv/tcpipsrv.json",
        R"({"debug": true, "interface": "9598", "path-users": "users.json", "max-out-queue": 500, "filter": {}})");
  const ConfigResult result = load_config(at("vscpd.json"));
  EXPECT_EQ(lines(result.errors), Lines{});
  EXPECT_EQ(lines(result.warnings), Lines{});
  ASSERT_TRUE(result.config);
  ASSERT_EQ(link_of(*result.config).size(), 1U);
  const auto& listener = link_of(*result.config)[0];
  EXPECT_EQ(listener.path_users, at("drv/users.json"));
  EXPECT_EQ(listener.max_out_queue, 500U);
  EXPECT_TRUE(listener.receive_sent_events);
  EXPECT_TRUE(listener.addresses[0].all_interfaces);
  EXPECT_EQ(vscp::to_string(listener.guid), "FF:FF:FF:FF:FF:FF:FF:F5:02:88:88:00:00:00:00:01");
  EXPECT_EQ(result.config->debug, 4294967295U);
}

TEST_F(Site, AStateFolderOfTheCommandLineTakesThePlaceOfTheFiles) {
  write("a.json", R"({"state-folder": "old", "link": [{}], "admin": {"socket": "s"}})");
  const ConfigResult plain = load_config(at("a.json"));
  ASSERT_TRUE(plain.config);
  EXPECT_EQ(plain.config->state_folder, at("old"));
  EXPECT_EQ(plain.config->admin.socket, at("old/s"));
  const ConfigResult other = load_config(at("a.json"), at("new"));
  ASSERT_TRUE(other.config);
  EXPECT_EQ(other.config->state_folder, at("new"));
  EXPECT_EQ(other.config->admin.socket, at("new/s"));
  EXPECT_EQ(link_of(*other.config)[0].path_users, at("users.json"));
  const ConfigResult relative = load_config(at("a.json"), "new");
  ASSERT_TRUE(relative.config);
  EXPECT_EQ(relative.config->state_folder, (std::filesystem::current_path() / "new").string());
}

TEST_F(Site, ErrorsInTheDriversFileNameThatFile) {
  write("vscpd.json",
        "{\"drivers\": {\"level2\": [\n{\"enable\": true, \"path-driver\": \"tcpipsrv.so\", \"path-config\": "
        "\"t.json\"},\n{\"enable\": true, \"path-driver\": \"tcpipsrv.so\"},\n"
        "{\"path-driver\": \"tcpipsrv.so\", \"path-config\": \"none.json\"},\n"
        "{\"enable\": true, \"path-driver\": \"tcpipsrv.so\", \"path-config\": \"none.json\"}]}}");
  write("t.json", "{\"path-users\": \"u\",\n\"interface\": \"9598s\"}");
  EXPECT_EQ(lines(load_config(at("vscpd.json")).errors),
            (Lines{at("vscpd.json") + ":3:1: drivers.level2[1].path-config: is missing: write the name of the driver's "
                                      "configuration file (tcpipsrv.json)",
                   at("vscpd.json") + ":4:1: drivers.level2[2].enable: is missing: write \"enable\": true or false",
                   at("t.json") + ":2:14: interface: \"9598s\" asks for TLS, which needs a certificate: write \"tls\": { "
                                  "\"certfile\": ..., \"keyfile\": ... }, or leave the \"s\" out",
                   at("none.json") + ": cannot be opened: No such file or directory"}));
}

TEST_F(Site, GuidComesFromTheFirstRealNetworkDevice) {
  const auto device = [&](const std::string& name, const std::string& mac, const std::string& index, bool real) {
    write(name + "/address", mac + "\n");
    write(name + "/ifindex", index + "\n");
    if (real) write(name + "/device/x", "");
  };
  device("lo", "00:00:00:00:00:00", "1", false);
  device("docker0", "02:42:00:00:00:01", "2", false);
  device("eth1", "AA:BB:CC:DD:EE:02", "9", true);
  device("eth0", "aa:bb:cc:dd:ee:01", "3", true);
  device("ib0", "00:11:22:33:44:55:66:77:88:99:00:11:22:33:44:55:66:77:88:99", "1", true);
  EXPECT_EQ(vscp::to_string(machine_guid(folder_.path())), "FF:FF:FF:FF:FF:FF:FF:FE:AA:BB:CC:DD:EE:01:00:00");
  std::filesystem::remove_all(at("eth0"));
  std::filesystem::remove_all(at("eth1"));
  EXPECT_EQ(vscp::to_string(machine_guid(folder_.path())), "FF:FF:FF:FF:FF:FF:FF:FE:02:42:00:00:00:01:00:00");
  std::filesystem::remove_all(at("docker0"));
  EXPECT_EQ(vscp::to_string(machine_guid(folder_.path())).substr(0, 24), "FF:FF:FF:FF:FF:FF:FF:FD:");
  EXPECT_EQ(vscp::to_string(machine_guid(at("none"))).substr(35), ":00:00:00:00");
}

TEST_F(Site, ZeroGuidIsReplacedAndOthersStay) {
  write("eth0/address", "aa:bb:cc:dd:ee:01\n");
  for (const char* text : {"{}", R"({"guid": ""})", R"({"guid": "-"})",
                           R"({"guid": "00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00"})"}) {
    const ConfigResult result = parse_config(text, "a", "/", folder_.path());
    ASSERT_TRUE(result.config);
    EXPECT_EQ(vscp::to_string(result.config->guid), "FF:FF:FF:FF:FF:FF:FF:FE:AA:BB:CC:DD:EE:01:00:00") << text;
  }
}

TEST(DefaultStateFolder, PrefersWhatSystemdGives) {
  ::setenv("STATE_DIRECTORY", "/var/lib/one:/var/lib/two", 1);
  EXPECT_EQ(default_state_folder(), "/var/lib/one");
  ::unsetenv("STATE_DIRECTORY");
  EXPECT_NE(default_state_folder(), "/var/lib/one");
}

/// Every key of a schema as "link[].interface".
void schema_keys(const ConfigNode& schema, const std::string& prefix, std::set<std::string>& out) {
  if (const ConfigNode* properties = schema.find("properties")) {
    for (const ConfigMember& member : properties->members) {
      const std::string path = config_path(prefix, member.key);
      out.insert(path);
      schema_keys(member.value, path, out);
    }
  }
  if (const ConfigNode* items = schema.find("items")) schema_keys(*items, prefix + "[]", out);
}

TEST(Schema, HasExactlyTheKeysThatTheCodeKnows) {
  ConfigContext context;
  std::string text;
  ASSERT_TRUE(read_config_file(VSCPROUTER_SCHEMA, text, context));
  const auto schema = parse_config_text(text, context);
  ASSERT_TRUE(schema) << to_text(context.errors[0]);
  std::set<std::string> in_schema;
  schema_keys(*schema, "", in_schema);

  std::set<std::string> in_code;
  parse_config(
      R"({"link": [{}], "link-client": [{}], "can": [{"device": "can0"}], "udp": [{"peers": [{}]}, {"group": ""}], "drivers": {"level2": [{"enable": true, "path-driver": "tcpipsrv", "path-config": "x"}]}})",
      "a", "/nonexistent", "/sys/class/net", &in_code);
  EXPECT_EQ(in_schema, in_code);
}

TEST(Schema, DefaultsAreThoseOfTheCode) {
  // A file that writes every default of the schema must give the same configuration as one that writes none.
  ConfigContext context;
  std::string text;
  ASSERT_TRUE(read_config_file(VSCPROUTER_SCHEMA, text, context));
  const auto schema = parse_config_text(text, context);
  ASSERT_TRUE(schema);
  const ConfigNode& link = *schema->find("properties")->find("link")->find("items")->find("properties");
  std::ostringstream file;
  file << "{\"link\": [{";
  const char* comma = "";
  for (const ConfigMember& member : link.members) {
    const ConfigNode* value = member.value.find("default");
    if (value == nullptr) continue;
    file << comma << '"' << member.key << "\": " << text.substr(value->begin, value->end - value->begin);
    comma = ", ";
  }
  file << "}]}";
  const ConfigResult written = parse(file.str());
  const ConfigResult left_out = parse("{\"link\": [{}]}");
  ASSERT_TRUE(written.config) << file.str() << to_text(written.errors[0]);
  const auto& a = link_of(*written.config)[0];
  const auto& b = link_of(*left_out.config)[0];
  EXPECT_EQ(a.addresses[0].text, b.addresses[0].text);
  EXPECT_EQ(a.path_users, b.path_users);
  EXPECT_EQ(a.max_out_queue, b.max_out_queue);
  EXPECT_EQ(a.receive_sent_events, b.receive_sent_events);
  EXPECT_EQ(a.line_format, b.line_format);
  EXPECT_EQ(a.slow_consumer, b.slow_consumer);
  EXPECT_EQ(a.hold_producers_ms, b.hold_producers_ms);
  EXPECT_EQ(a.login_timeout_s, b.login_timeout_s);
  EXPECT_EQ(a.idle_timeout_s, b.idle_timeout_s);
  EXPECT_EQ(a.keepalive_ms, b.keepalive_ms);
  EXPECT_EQ(a.rcvloop_gap_ms, b.rcvloop_gap_ms);
  EXPECT_EQ(a.line_max, b.line_max);
  EXPECT_EQ(a.max_sessions, b.max_sessions);
  EXPECT_EQ(a.max_sessions_per_address, b.max_sessions_per_address);
  EXPECT_EQ(a.login_failure_delay_ms, b.login_failure_delay_ms);
  EXPECT_EQ(a.login_failure_delay_max_ms, b.login_failure_delay_max_ms);
}

}  // namespace
}  // namespace router
