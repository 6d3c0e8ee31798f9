#include "drivers/udp/udp_config.h"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <fstream>
#include <string>
#include <vector>

#include "tests/support/temp_dir.h"

namespace drivers::udp {
namespace {

struct Parsed {
  std::optional<EntryConfig> entry;
  std::vector<std::string> errors;
};

Parsed parse(const std::string& text, const std::string& folder = "/nowhere") {
  router::ConfigContext context;
  context.file = "a.json";
  const auto node = router::parse_config_text(text, context);
  EXPECT_TRUE(node) << text;
  Parsed out;
  if (node) out.entry = parse_entry(*node, "udp[0]", folder, 64U << 20U, context);
  for (const auto& issue : context.errors) out.errors.push_back(router::to_text(issue));
  return out;
}

/// The only error, or all of them.
std::string error_of(const std::string& text) {
  const Parsed parsed = parse(text);
  std::string all;
  for (const auto& error : parsed.errors) all += (all.empty() ? "" : "\n") + error;
  return all;
}

void expect_error(const std::string& text, const std::string& part) {
  const std::string error = error_of(text);
  EXPECT_NE(error.find(part), std::string::npos) << text << "\n" << error;
  EXPECT_EQ(error.find('\n'), std::string::npos) << "one mistake, one error: " << error;
}

TEST(UdpConfig, AnEntryWithAPeer) {
  const auto parsed = parse(R"({"name": "hall", "interface": "192.168.1.8:4000", "peers": [
      {"address": "192.168.1.20", "frame-type": 0, "ack": true, "encryption": "aes128", "key": "000102030405060708090a0b0c0d0e0f"}]})");
  ASSERT_EQ(parsed.errors, std::vector<std::string>{});
  const EntryConfig& entry = *parsed.entry;
  EXPECT_EQ(entry.name, "hall");
  EXPECT_TRUE(entry.allow.empty());
  ASSERT_EQ(entry.peers.size(), 1U);
  const LaneConfig& peer = entry.peers[0];
  EXPECT_EQ(peer.name, "192.168.1.20:33333");
  EXPECT_EQ(ntohs(reinterpret_cast<const sockaddr_in&>(peer.target->address).sin_port), 33333);
  EXPECT_EQ(peer.frame_type, vscp::FrameType::kEvent0);
  EXPECT_TRUE(peer.acknowledge);
  EXPECT_TRUE(peer.deduplicate) << "as ack";
  EXPECT_EQ(peer.encryption.key.size(), 16U);
  EXPECT_TRUE(peer.encryption.required);
}

TEST(UdpConfig, AddressesOfPeers) {
  const auto address = [](const std::string& text) {
    const auto parsed = parse(R"({"peers": [{"address": ")" + text + "\"}]}");
    return parsed.errors.empty() ? parsed.entry->peers[0].target->text : "error";
  };
  EXPECT_EQ(address("10.0.0.5:1"), "10.0.0.5:1");
  EXPECT_EQ(address("::1"), "[::1]:33333");
  EXPECT_EQ(address("[::1]"), "[::1]:33333");
  EXPECT_EQ(address("[::1]:7"), "[::1]:7");
  for (const char* text :
       {"example.org", "10.0.0.5:0", "10.0.0.5:x", "33333", "10.0.0.5:1s", "[::1", "10.0.0.5:70000"}) {
    EXPECT_EQ(address(text), "error") << text;
  }
}

TEST(UdpConfig, AGroupHasTheSpecsAddressAndEverybodyInIt) {
  const auto parsed = parse(R"({"group": "224.0.23.158", "device": "eth0", "ttl": 4, "announce-interval-s": 30})");
  ASSERT_EQ(parsed.errors, std::vector<std::string>{});
  EXPECT_EQ(parsed.entry->interface.text, "224.0.23.158:9598");
  EXPECT_EQ(parsed.entry->others.target->text, "224.0.23.158:9598");
  ASSERT_EQ(parsed.entry->allow.size(), 1U);
  EXPECT_EQ(parsed.entry->allow[0].bits, 0U);
  EXPECT_EQ(parsed.entry->group->ttl, 4);
  EXPECT_TRUE(parsed.entry->group->announce);
  EXPECT_EQ(parse(R"({"group": "[ff02::1234]:5"})").entry->interface.text, "[ff02::1234]:5");
}

TEST(UdpConfig, AKeyMayLieInAFileAndBeTooLong) {
  const test::TempDir folder;
  std::ofstream(folder.path() + "/key") << std::string(64, 'a') << "\nmore\n";
  const auto parsed = parse(R"({"allow": "any", "encryption": "aes192", "key-file": "key"})", folder.path());
  ASSERT_EQ(parsed.errors, std::vector<std::string>{});
  EXPECT_EQ(parsed.entry->others.encryption.key.size(), 32U);
}

TEST(UdpConfig, WhatIsOffIsCheckedAndLeftOut) {
  EXPECT_FALSE(parse(R"({"enable": false, "allow": "any"})").entry);
  EXPECT_FALSE(parse(R"({"enable": false, "allow": "any", "colour": 1})").errors.empty());
  const auto parsed = parse(R"({"peers": [{"address": "10.0.0.1", "enable": false}, {"address": "10.0.0.2"}]})");
  ASSERT_EQ(parsed.errors, std::vector<std::string>{});
  EXPECT_EQ(parsed.entry->peers.size(), 1U);
}

TEST(UdpConfig, EachMistakeIsToldOnce) {
  expect_error("{}", "udp[0].allow: is missing, and there are no peers");
  expect_error(R"({"allow": "any", "interface": "9598s"})", "udp[0].interface");
  expect_error(R"({"allow": "any", "interface": "224.0.23.158:9598"})", "write it as \"group\"");
  expect_error(R"({"group": "10.0.0.1"})", "is no multicast address");
  expect_error(R"({"group": "224.0.23.158", "interface": "1.2.3.4:5"})", "has no use beside \"group\"");
  expect_error(R"({"group": "224.0.23.158", "ack": true})", "is not for groups");
  expect_error(R"({"peers": [{}]})", "udp[0].peers[0].address: is missing");
  expect_error(R"({"peers": [{"address": "224.0.0.1"}]})", "is a multicast address");
  expect_error(R"({"peers": [{"address": "fe80::1"}]})", "does not say on which network interface");
  expect_error(R"({"peers": [{"address": "1.2.3.4"}, {"address": "1.2.3.4"}]})", "has the name");
  expect_error(R"({"peers": [{"address": "1.2.3.4", "send": false, "receive": false}]})", "are both false");
  expect_error(R"({"interface": "127.0.0.1:1", "peers": [{"address": "::1"}]})", "cannot send to");
  expect_error(R"({"allow": ["any", "x"]})", "is no address or network");
  expect_error(R"({"allow": "any", "ttl": 3})", "is for groups only");
  expect_error(R"({"allow": "any", "frame-type": 1})", "belongs into an entry of \"peers\"");
  expect_error(R"({"peers": [{"address": "1.2.3.4"}], "filter": {}})", "is for the senders of \"allow\"");
  expect_error(R"({"allow": "any", "encryption": "aes128"})", "udp[0].key: is missing: write 32 hex digits");
  expect_error(R"({"allow": "any", "encryption": "aes256", "key": "00112233445566778899aabbccddeeff"})",
               "write 64 hex digits");
  expect_error(R"({"allow": "any", "key": "00112233445566778899aabbccddeeff"})", "has no use without \"encryption\"");
  expect_error(R"({"allow": "any", "encryption": "aes128", "key-file": "x"})", "cannot read /nowhere/x");
  expect_error(R"({"allow": "any", "require-encryption": true})", "there is no \"encryption\"");
  expect_error(R"({"peers": [{"address": "1.2.3.4", "attempts": 3}]})", "has no use without \"ack\"");
  expect_error(R"({"peers": [{"address": "1.2.3.4", "slow-consumer": "disconnect"}]})", "there is no connection");
  expect_error(R"({"peers": [{"address": "1.2.3.4", "max-out-bytes": 1099511627776}]})", "max-out-bytes");
}

TEST(UdpConfig, AKeyIsNotRepeatedInAnError) {
  const std::string error = error_of(R"({"allow": "any", "encryption": "aes128", "key": "topsecret"})");
  EXPECT_NE(error.find("udp[0].key"), std::string::npos);
  EXPECT_EQ(error.find("topsecret"), std::string::npos);
}

}  // namespace
}  // namespace drivers::udp
