#include "drivers/socketcan/socketcan_config.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "drivers/socketcan/socketcan_driver.h"

namespace drivers::socketcan {
namespace {

struct Read {
  std::vector<std::string> errors;
  std::vector<CanConfig> entries;
};

Read read(const std::string& text) {
  Read out;
  router::ConfigContext context;
  context.file = "a.json";
  const auto tree = router::parse_config_text(text, context);
  if (tree) {
    router::ObjectReader root(&*tree, "", context);
    out.entries = static_cast<const SocketcanDriverConfig&>(*SocketcanDriverConfig::read(root, {})).entries;
    root.finish();
  }
  for (const auto& issue : context.errors) out.errors.push_back(router::to_text(issue));
  return out;
}

std::string error_of(const std::string& entry) {
  const Read got = read("{\"can\": [{" + entry + "}]}");
  return got.errors.size() == 1 ? got.errors[0] : std::to_string(got.errors.size()) + " errors";
}

TEST(SocketcanConfig, ReadsAllKeys) {
  const Read got = read(R"({"can": [{"device": "can0"},
    {"device": "can1", "guid": "25:00:00:00:00:00:00:00:00:00:00:00:00:07:01:02", "fd": true, "bit-rate-switch": false,
     "send": false, "filter": {"in-filter": "0,10,6,-", "in-mask": "0,0xffff,0,-"}, "max-out-queue": 100, "max-age-s": 5,
     "receive-buffer-bytes": 100000, "error-events": false, "restart": false},
    {"device": "no interface", "enable": false}]})");
  ASSERT_EQ(got.errors.size(), 1U) << "also what is switched off must be right";
  ASSERT_EQ(got.entries.size(), 2U);
  EXPECT_EQ(got.entries[0].device, "can0");
  EXPECT_TRUE(got.entries[0].guid.is_zero());
  EXPECT_TRUE(got.entries[0].send && got.entries[0].receive && got.entries[0].restart && got.entries[0].error_events);
  const CanConfig& entry = got.entries[1];
  EXPECT_TRUE(entry.fd && !entry.bit_rate_switch && !entry.send && !entry.error_events && !entry.restart);
  EXPECT_EQ(entry.guid.bytes[13], 7);
  EXPECT_EQ(entry.guid.bytes[14] + entry.guid.bytes[15], 0) << "those are the nodes'";
  EXPECT_EQ(entry.in_filter.filter_class, 10);
  EXPECT_EQ(entry.in_filter.mask_class, 0xffff);
  EXPECT_EQ(entry.max_out_queue, 100U);
  EXPECT_EQ(entry.max_age_s, 5U);
  EXPECT_EQ(entry.receive_buffer, 100'000U);
}

TEST(SocketcanConfig, NothingIsFine) {
  EXPECT_TRUE(read("{}").errors.empty());
  EXPECT_TRUE(read(R"({"can": null})").errors.empty());
  EXPECT_TRUE(read(R"({"can": []})").entries.empty());
}

TEST(SocketcanConfig, MistakesSayWhatToWrite) {
  EXPECT_EQ(error_of(""),
            R"(a.json:1:10: can[0].device: is missing: write the name of a CAN interface, for example "can0")");
  EXPECT_EQ(error_of(R"("device": "a name that is long")"),
            "a.json:1:21: can[0].device: \"a name that is long\" can be no interface's name (1 to 15 characters, no "
            "blank, slash or "
            "colon): write the name of a CAN interface, for example \"can0\"");
  EXPECT_EQ(
      error_of(R"("device": "can0", "guid": "x")"),
      R"(a.json:1:37: can[0].guid: "x" is no GUID: write 16 hex pairs with colons, or "-" for the channel's own)");
  EXPECT_EQ(error_of(R"("device": "can0", "bit-rate-switch": true)"),
            R"(a.json:1:48: can[0].bit-rate-switch: is for FD frames: write "fd": true, or remove it)");
  EXPECT_EQ(error_of(R"("device": "can0", "bit-rate": 125000)"),
            R"(a.json:1:29: can[0].bit-rate: unknown key: remove it)");
  EXPECT_EQ(
      error_of(R"("device": "can0", "send": false, "receive": false)"),
      R"(a.json:1:37: can[0].send: is false, and so is "receive": write true for one of them, or "enable": false)");
  EXPECT_EQ(read(R"({"can": [{"device": "can0"}, {"device": "can0"}]})").errors,
            std::vector<std::string>{
                R"(a.json:1:30: can[1]: another entry has the device "can0" already: remove one of them)"});
  EXPECT_EQ(read(R"({"can": {"device": "can0"}})").errors.size(), 1U);
}

TEST(SocketcanConfig, NamesThatTheKernelKnows) {
  for (const std::string_view name : {"can0", "vcan0", "slcan12", "x", "abcdefghijklmno", "can-a.1"}) {
    EXPECT_TRUE(is_interface_name(name)) << name;
  }
  for (const std::string_view name : {"", ".", "..", "abcdefghijklmnop", "a b", "a/b", "a:b", "a\tb", "a\n"}) {
    EXPECT_FALSE(is_interface_name(name)) << name;
  }
}

}  // namespace
}  // namespace drivers::socketcan
