#include "drivers/link/link_config.h"
#include "tests/unit/io/tls_rig.h"

#include <gtest/gtest.h>

namespace drivers::link {
namespace {

using Lines = std::vector<std::string>;

struct Parsed {
  LinkListenerConfig config;
  Lines errors;
  Lines warnings;
};

Parsed finish(const LinkListenerConfig& config, const router::ConfigContext& context) {
  Parsed out{config, {}, {}};
  for (const auto& issue : context.errors) out.errors.push_back(to_text(issue));
  for (const auto& issue : context.warnings) out.warnings.push_back(to_text(issue));
  return out;
}

Parsed listener(std::string_view text) {
  router::ConfigContext context;
  context.file = "a.json";
  const auto root = router::parse_config_text(text, context);
  return finish(parse_link_listener(root ? &*root : nullptr, "link[0]", context), context);
}

Parsed tcpipsrv(std::string_view text) {
  router::ConfigContext context;
  context.file = "tcpipsrv.json";
  const auto root = router::parse_config_text(text, context);
  return finish(root ? parse_tcpipsrv(*root, context) : LinkListenerConfig{}, context);
}

TEST(LinkConfig, EmptyObjectGivesTheDocumentedDefaults) {
  const Parsed p = listener("{}");
  EXPECT_EQ(p.errors, Lines{});
  const LinkListenerConfig& c = p.config;
  ASSERT_EQ(c.addresses.size(), 1U);
  EXPECT_EQ(c.addresses[0].text, "127.0.0.1:9598");
  EXPECT_TRUE(c.guid.is_zero());
  EXPECT_EQ(c.path_users, "users.json");
  EXPECT_EQ(c.max_out_queue, 32000U);
  EXPECT_FALSE(c.receive_sent_events);
  EXPECT_EQ(c.line_format, vscp::LineFormat::kLegacy);
  EXPECT_EQ(c.slow_consumer, router::SlowConsumer::kDropLowestPriority);
  EXPECT_EQ(c.hold_producers_ms, 500U);
  EXPECT_EQ(c.login_timeout_s, 30U);
  EXPECT_EQ(c.idle_timeout_s, 43200U);
  EXPECT_EQ(c.keepalive_ms, 2000U);
  EXPECT_EQ(c.rcvloop_gap_ms, 50U);
  EXPECT_EQ(c.line_max, 4096U);
  EXPECT_EQ(c.max_sessions, 200000U);
  EXPECT_EQ(c.max_sessions_per_address, 0U);
  EXPECT_EQ(c.login_failure_delay_ms, 1000U);
  EXPECT_EQ(c.login_failure_delay_max_ms, 8000U);
  EXPECT_EQ(c.in_filter, vscp::Filter{});
  EXPECT_EQ(c.out_filter, vscp::Filter{});
}

TEST(LinkConfig, EveryKeyIsRead) {
  const Parsed p =
      listener(R"({"interface": "9598,[::1]:7000", "guid": "FF:00:00:00:00:00:00:00:00:00:00:00:00:00:00:07",
    "path-users": "u.json", "max-out-queue": 16, "receive-sent-events": true,
    "line-format": "nanoseconds", "slow-consumer": "disconnect", "hold-producers-ms": 0, "max-out-bytes": 65536, "login-timeout-s": 5,
    "idle-timeout-s": 0, "keepalive-ms": 3000, "rcvloop-gap-ms": 0, "line-max": 2600, "max-sessions": 5,
    "max-sessions-per-address": 2, "login-failure-delay-ms": 0, "login-failure-delay-max-ms": 0,
    "filter": {"in-filter": "1,20,3,-", "in-mask": "7,0xffff,0,-", "out-filter": "", "out-mask": "0,1,2,-"}, "tls": {}})");
  EXPECT_EQ(p.errors, Lines{});
  const LinkListenerConfig& c = p.config;
  ASSERT_EQ(c.addresses.size(), 2U);
  EXPECT_TRUE(c.addresses[0].all_interfaces);
  EXPECT_EQ(c.guid.bytes[15], 7);
  EXPECT_EQ(c.path_users, "u.json");
  EXPECT_EQ(c.max_out_queue, 16U);
  EXPECT_EQ(c.max_out_bytes, 65536U);
  EXPECT_TRUE(c.receive_sent_events);
  EXPECT_EQ(c.line_format, vscp::LineFormat::kNanoseconds);
  EXPECT_EQ(c.slow_consumer, router::SlowConsumer::kDisconnect);
  EXPECT_EQ(c.hold_producers_ms, 0U);
  EXPECT_EQ(c.login_timeout_s, 5U);
  EXPECT_EQ(c.idle_timeout_s, 0U);
  EXPECT_EQ(c.keepalive_ms, 3000U);
  EXPECT_EQ(c.rcvloop_gap_ms, 0U);
  EXPECT_EQ(c.line_max, 2600U);
  EXPECT_EQ(c.max_sessions, 5U);
  EXPECT_EQ(c.max_sessions_per_address, 2U);
  EXPECT_EQ(c.login_failure_delay_ms, 0U);
  EXPECT_EQ(c.login_failure_delay_max_ms, 0U);
  EXPECT_EQ(c.in_filter.filter_priority, 1);
  EXPECT_EQ(c.in_filter.mask_class, 0xffff);
  EXPECT_EQ(c.in_filter.filter_class, 20);
  EXPECT_EQ(c.out_filter.mask_class, 1);
  EXPECT_EQ(c.out_filter.mask_type, 2);
}

TEST(LinkConfig, AllErrorsAtOnceWithPlaceAndHint) {
  const Parsed p = listener(
      "{\"interface\": \"9598s\",\n\"max-out-queue\": 15, \"max-out-bytes\": 1,\n"
      "\"line-format\": \"nano\", \"slow-consumer\": \"dropoldest\",\n"
      "\"hold-producers-ms\": 10001, \"line-max\": 100,\n"
      "\"filter\": {\"in-filter\": \"junk\", \"in-msk\": \"\"},\n"
      "\"tls\": null, \"guid\": \"1:2\", \"path-users\": \"\",\n"
      "\"login-failure-delay-ms\": 9000, \"max-out-qeue\": 1}");
  EXPECT_EQ(
      p.errors,
      (Lines{
          "a.json:6:22: link[0].guid: \"1:2\" is no GUID: write 16 hex pairs with colons, or leave the key out "
          "for the router's own GUID",
          "a.json:6:43: link[0].path-users: is empty: write the name of the users file, \"users.json\"",
          "a.json:2:18: link[0].max-out-queue: 15 is too small: write a whole number from 16 to 10000000",
          "a.json:2:39: link[0].max-out-bytes: 1 is too small: write 65536 or more, or 0 for no limit",
          "a.json:3:41: link[0].slow-consumer: \"dropoldest\" is not known: write \"drop-lowest-priority\", "
          "\"drop-oldest\" or \"disconnect\" (did you mean \"drop-oldest\"?)",
          "a.json:4:22: link[0].hold-producers-ms: 10001 is too large: write a whole number from 0 to 10000",
          "a.json:3:16: link[0].line-format: \"nano\" is not known: write \"legacy\" or \"nanoseconds\"",
          "a.json:1:1: link[0].login-failure-delay-max-ms: 8000 is less than login-failure-delay-ms: write 9000 "
          "or more",
          "a.json:4:41: link[0].line-max: 100 is too small: write a whole number from 2600 to 65536",
          "a.json:5:25: link[0].filter.in-filter: \"junk\" is no filter (" +
              std::string(vscp::to_text(vscp::parse_filter_half("junk").error())) +
              "): write \"priority,class,type,GUID\", for example \"0,20,0,-\"",
          "a.json:5:33: link[0].filter.in-msk: unknown key: did you mean \"in-mask\"?",
          "a.json:1:15: link[0].interface: \"9598s\" asks for TLS, which needs a certificate: write \"tls\": { "
          "\"certfile\": ..., \"keyfile\": ... }, or leave the \"s\" out",
          "a.json:7:33: link[0].max-out-qeue: unknown key: did you mean \"max-out-queue\"?",
      }));
}

// Which addresses speak TLS; the certificates themselves are tested in io.
TEST(LinkConfig, TlsOfAddresses) {
  const std::string tls = R"("tls": {"certfile": ")" + tls_test::files().path("server.pem") + R"(", "keyfile": ")" +
                          tls_test::files().path("server.key") + "\"}";
  Parsed p = listener("{\"interface\": \"9598,9599\", " + tls + "}");
  EXPECT_EQ(p.errors, Lines{});
  ASSERT_TRUE(p.config.tls.has_value());
  EXPECT_FALSE(p.config.tls->check_certificate);
  EXPECT_TRUE(p.config.addresses[0].tls && p.config.addresses[1].tls);
  p = listener("{\"interface\": \"9598,9599s\", " + tls + "}");
  EXPECT_TRUE(!p.config.addresses[0].tls && p.config.addresses[1].tls);
  EXPECT_FALSE(listener(R"({"tls": {}})").config.addresses[0].tls);
  EXPECT_EQ(listener(R"({"tls": {"cert-reqs": 1}})").errors,
            (Lines{"a.json:1:9: link[0].tls.certfile: is missing: write the file of the certificate",
                   "a.json:1:9: link[0].tls.cafile: is missing: write the file of the authority whose clients may come"}));
}

TEST(LinkConfig, SomethingElseThanAnObjectIsAnError) {
  EXPECT_EQ(listener("[]").errors, Lines{"a.json:1:1: link[0]: is a list: write an object, { ... }"});
}

TEST(TcpipsrvConfig, AFileOfTheUpstreamDriverWorks) {
  const Parsed p = tcpipsrv(R"({"debug": true, "write": true, "key-file": "/etc/vscp/vscp.key", "max-out-queue": 1000,
    "max-in-queue": 32000, "interface": "9598", "encryption": "aes256", "path-users": "/etc/vscp/users.json",
    "response-timeout": 0, "tls": {"certificate": "", "verify-peer": false}, "logging": {"file-enable-log": true},
    "filter": {"in-filter": "incoming filter on string form", "in-mask": "", "out-filter": "0,20,3,-",
               "out-mask": "0,0xffff,0,-"}})");
  EXPECT_EQ(p.errors, Lines{});
  ASSERT_EQ(p.warnings.size(), 1U);
  EXPECT_TRUE(p.warnings[0].starts_with(
      "tcpipsrv.json:4:29: filter.in-filter: \"incoming filter on string form\" is no filter ("))
      << p.warnings[0];
  EXPECT_TRUE(p.warnings[0].ends_with("; it is taken as empty")) << p.warnings[0];
  ASSERT_EQ(p.config.addresses.size(), 1U);
  EXPECT_TRUE(p.config.addresses[0].all_interfaces);
  EXPECT_EQ(p.config.path_users, "/etc/vscp/users.json");
  EXPECT_EQ(p.config.max_out_queue, 1000U);
  EXPECT_TRUE(p.config.receive_sent_events);
  EXPECT_EQ(p.config.out_filter.filter_class, 20);
  EXPECT_EQ(p.config.out_filter.mask_class, 0xffff);
  EXPECT_EQ(p.config.in_filter, vscp::Filter{});
}

TEST(TcpipsrvConfig, TlsByUpstreamsNames) {
  const std::string certificate = R"("certificate": ")" + tls_test::files().path("both.pem") + "\"";
  const Parsed p = tcpipsrv(R"({"path-users": "u", "interface": "9598s", "tls": {)" + certificate +
                            R"(, "verify_peer": true, "ca-file": ")" + tls_test::files().path("ca.pem") + "\"}}");
  EXPECT_EQ(p.errors, Lines{});
  ASSERT_TRUE(p.config.tls.has_value());
  EXPECT_TRUE(p.config.tls->check_certificate && p.config.addresses[0].tls);
  EXPECT_EQ(tcpipsrv(R"({"path-users": "u", "interface": "9598s", "tls": {"certificate": "/none.pem"}})").errors,
            Lines{"tcpipsrv.json:1:50: tls: cannot read /none.pem: No such file or directory"});
}

TEST(TcpipsrvConfig, SaysThatTlsIsNotOn) {
  const Parsed p = tcpipsrv(R"({"path-users": "u", "receive-sent-events": false, "tls": {"certificate": "/x.pem"}})");
  EXPECT_EQ(p.errors, Lines{});
  EXPECT_FALSE(p.config.receive_sent_events);
  EXPECT_EQ(p.warnings, Lines{"tcpipsrv.json:1:58: tls: has a certificate, but no address has an \"s\" behind its port: "
                              "connections are not encrypted, as they never were with the driver"});
}

TEST(TcpipsrvConfig, ErrorsNameTheFile) {
  const Parsed p = tcpipsrv("{\"interface\": \"x\",\n\"colour\": 1}");
  EXPECT_EQ(p.errors, (Lines{"tcpipsrv.json:1:15: interface: \"x\" has no port: write a port (\"9598\"), \"ip:port\" "
                             "(\"192.168.1.8:9598\") or \"[ip6]:port\" (\"[::1]:9598\")",
                             "tcpipsrv.json:1:1: path-users: is missing: write the name of the users file",
                             "tcpipsrv.json:2:1: colour: unknown key: remove it"}));
}

}  // namespace
}  // namespace drivers::link
