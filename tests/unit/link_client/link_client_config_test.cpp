#include "drivers/link_client/link_client_config.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "drivers/link_client/link_client_driver.h"
#include "tests/support/temp_dir.h"

namespace drivers::link_client {
namespace {

struct Read {
  std::vector<std::string> errors;
  LinkClientConfig config;
};

Read read(const std::string& text, const std::string& folder = "/nonexistent") {
  Read out;
  router::ConfigContext context;
  context.file = "a.json";
  const auto tree = router::parse_config_text(text, context);
  if (tree) {
    router::ObjectReader root(&*tree, "", context);
    router::ConfigPlace place;
    place.folder = folder;
    place.state_folder = "/state";
    place.log_bytes = 64U << 20U;
    out.config = static_cast<const LinkClientDriverConfig&>(*LinkClientDriverConfig::read(root, place)).config;
    root.finish();
  }
  for (const auto& issue : context.errors) out.errors.push_back(router::to_text(issue));
  return out;
}

std::string error_of(const std::string& entry) {
  const Read got = read("{\"link-client\": [{" + entry + "}]}");
  return got.errors.size() == 1 ? got.errors[0] : std::to_string(got.errors.size()) + " errors";
}

TEST(LinkClientConfig, AddressesOfAllForms) {
  const auto check = [](const std::string& keys, const std::string& host, unsigned port) {
    const Read got = read("{\"link-client\": [{" + keys + "}]}");
    ASSERT_TRUE(got.errors.empty()) << got.errors[0];
    EXPECT_EQ(got.config.remotes[0].host, host);
    EXPECT_EQ(got.config.remotes[0].port, port);
  };
  check(R"("host": "hall")", "hall", 9598);
  check(R"("host": "hall:1234")", "hall", 1234);
  check(R"("host": "hall", "port": 77)", "hall", 77);
  check(R"("host": "tcp://192.168.1.8:9598")", "192.168.1.8", 9598);
  check(R"("host": "tcp://[fe80::1]:9")", "fe80::1", 9);
  check(R"("host": "[::1]")", "::1", 9598);
  check(R"("host": "::1")", "::1", 9598);
}

TEST(LinkClientConfig, WhatIsNoAddressIsAnErrorWithItsPlace) {
  EXPECT_TRUE(
      error_of("").starts_with("a.json:1:18: link-client[0].host: is missing: write \"name\", \"name:port\", "));
  for (const char* bad : {"udp://x", "tls://", "x:0", "x:70000", "x:y", "[::1", "[::1]x", ":9598", "tcp://", "a b", "u@h"}) {
    EXPECT_NE(error_of(std::string("\"host\": \"") + bad + '"')
                  .find(std::string("link-client[0].host: \"") + bad + "\" is no address"),
              std::string::npos)
        << bad;
  }
}

TEST(LinkClientConfig, Defaults) {
  const Read got = read(
      R"({"link-client": [{"host": "hall"}, {"host": "pump", "mode": "interval"}, {"host": "x", "enable": false}]})");
  ASSERT_TRUE(got.errors.empty());
  ASSERT_EQ(got.config.remotes.size(), 2U);
  EXPECT_EQ(got.config.remotes[0].name, "hall:9598");
  EXPECT_EQ(got.config.remotes[0].mode, Mode::kPersistent);
  EXPECT_TRUE(got.config.remotes[0].deduplicate);
  EXPECT_FALSE(got.config.remotes[1].deduplicate);
  EXPECT_TRUE(got.config.duplicates.has_value());
  EXPECT_FALSE(read(R"({"link-client": [{"host": "pump", "mode": "interval"}]})").config.duplicates.has_value());
  EXPECT_TRUE(read(R"({"duplicates": {}})").config.duplicates.has_value());
  EXPECT_TRUE(read(R"({"link-client": null})").errors.empty());
}

TEST(LinkClientConfig, TlsIsWhatTheObjectOrTheSchemeSays) {
  const auto tls_of = [](const std::string& members) {
    const Read got = read(R"({"link-client": [{)" + members + "}]}");
    EXPECT_TRUE(got.errors.empty()) << got.errors[0];
    return got.config.remotes.at(0).tls;
  };
  EXPECT_FALSE(tls_of(R"("host": "tcp://h")").has_value());
  EXPECT_FALSE(tls_of(R"("host": "h", "tls": null)").has_value());
  EXPECT_TRUE(tls_of(R"("host": "h", "tls": {})").value().check_certificate);
  for (const char* scheme : {"tls://", "stcp://", "ssl://"}) {
    const auto tls = tls_of(std::string("\"host\": \"") + scheme + "h:77\"");
    ASSERT_TRUE(tls.has_value());
    EXPECT_TRUE(tls->check_certificate && tls->check_host_name && tls->ca_file.empty());
  }
  EXPECT_FALSE(tls_of(R"("host": "tls://h", "tls": {"no-hostname-checking": 1})").value().check_host_name);
}

TEST(LinkClientConfig, LoginAndPasswordFile) {
  const test::TempDir folder;
  std::ofstream(folder.path() + "/secret") << "open sesame\r\nsecond line\n";
  const Read got =
      read(R"({"link-client": [{"host": "hall", "user": "site", "password-file": "secret"}]})", folder.path());
  ASSERT_TRUE(got.errors.empty()) << got.errors[0];
  EXPECT_EQ(got.config.remotes[0].password, "open sesame");
  EXPECT_NE(error_of(R"("host": "h", "user": "site", "password-file": "none")")
                .find("password-file: cannot read /nonexistent/none: No such file"),
            std::string::npos);
  EXPECT_NE(error_of(R"("host": "h", "user": "site")").find(R"(password: is missing: write it, or "password-file")"),
            std::string::npos);
  EXPECT_NE(error_of(R"("host": "h", "password": "x")").find("user: is missing, but there is a password"),
            std::string::npos);
  EXPECT_NE(error_of("\"host\": \"h\", \"user\": \"a\\r\\nSHUTDOWN\", \"password\": \"x\"")
                .find("user: has a control character"),
            std::string::npos);
}

TEST(LinkClientConfig, ASpoolHasTheKeysOfABrokers) {
  const Read got = read(
      R"({"link-client": [{"host": "h", "name": "a", "spool": {"max-bytes": 2000000, "max-age-s": 5, "when-full": "drop-oldest"}},)"
      R"({"host": "i", "spool": {"enable": false}}, {"host": "j", "name": "b c", "spool": {"folder": "/x/../y"}}]})");
  ASSERT_TRUE(got.errors.empty()) << got.errors[0];
  const router::StoreConfig& a = got.config.remotes[0].spool;
  EXPECT_TRUE(a.on_disk);
  EXPECT_EQ(a.folder, "/state/spool/link-a");
  EXPECT_EQ(a.bytes_max, 2'000'000U);
  EXPECT_EQ(a.age_max_s, 5U);
  EXPECT_EQ(a.when_full, router::StoreFullPolicy::kDropOldest);
  EXPECT_FALSE(got.config.remotes[1].spool.on_disk);
  EXPECT_EQ(got.config.remotes[2].spool.folder, "/y");
  EXPECT_EQ(got.config.remotes[2].spool.bytes_max, 1U << 30U);
  EXPECT_NE(error_of(R"("host": "h", "name": "b c", "spool": {})").find("write \"folder\""), std::string::npos);
  EXPECT_NE(error_of(R"("host": "h", "spool": {}, "send": false)").find("has no use with \"send\""), std::string::npos);
  EXPECT_NE(error_of(R"("host": "h", "spool": {}, "slow-consumer": "drop-oldest")").find("no use beside a spool"),
            std::string::npos);
  EXPECT_NE(error_of(R"("host": "h", "spool": {"max-bytes": 3})").find("spool.max-bytes"), std::string::npos);
}

TEST(LinkClientConfig, WhatCannotBeIsRefusedWithASentence) {
  EXPECT_NE(error_of(R"("host": "h", "tls": {"ca": "x"})").find("link-client[0].tls.ca: "), std::string::npos);
  EXPECT_NE(error_of(R"("host": "h", "tls": {"cafile": "none"})").find("tls.cafile: cannot read /nonexistent/none: No such"),
            std::string::npos);
  EXPECT_NE(error_of(R"("host": "h", "send": false, "receive": false)").find(R"(is false, and so is "receive")"),
            std::string::npos);
  EXPECT_NE(error_of(R"("host": "h", "slow-consumer": "disconnect")").find("is not for a far side that is away"),
            std::string::npos);
  EXPECT_NE(error_of(R"("host": "h", "retry-s": 9, "retry-max-s": 3)").find("3 is less than retry-s"),
            std::string::npos);
  EXPECT_NE(error_of(R"("host": "h", "filter": {"in-mask": "x"})").find("filter.in-mask"), std::string::npos);
  EXPECT_NE(error_of(R"("host": "h", "intervall-s": 3)").find("interval-s"), std::string::npos);
  EXPECT_NE(error_of(R"("host": "h", "guid": "x")").find("is no GUID"), std::string::npos);
  const Read twice = read(R"({"link-client": [{"host": "h"}, {"host": "h"}]})");
  ASSERT_EQ(twice.errors.size(), 1U);
  EXPECT_NE(twice.errors[0].find("another entry has the name \"h:9598\" already"), std::string::npos);
}

}  // namespace
}  // namespace drivers::link_client
