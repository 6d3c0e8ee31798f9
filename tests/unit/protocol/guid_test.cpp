#include "protocol/guid.h"

#include <gtest/gtest.h>

#include <cstring>

#include "protocol/codec_kernels.h"

namespace {

using vscp::Errc;
using vscp::Guid;
using vscp::parse_guid;

constexpr auto kOnlyLastIsOne = "FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:01";
constexpr auto kBroadcast = "FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF";
constexpr auto kZero = "00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00";

struct Form {
  std::string_view text;
  std::string_view meaning;
};

// Every form of vscp_globally_unique_identifiers.md and of the examples of vscp_tcpiplink.md.
constexpr Form kForms[] = {
    {"FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:01", kOnlyLastIsOne},
    {"ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:01", kOnlyLastIsOne},
    {"::1", kOnlyLastIsOne},
    {"*:1", kOnlyLastIsOne},
    {"::0102:03aa:44:01:30", "FF:FF:FF:FF:FF:FF:FF:FF:FF:01:02:03:AA:44:01:30"},
    {"{FFFFFFFF-FFFF-FFFF-0102-03AABB440130}", "FF:FF:FF:FF:FF:FF:FF:FF:01:02:03:AA:BB:44:01:30"},
    {"FFFFFFFF-FFFF-FFFF-0102-03AABB440130", "FF:FF:FF:FF:FF:FF:FF:FF:01:02:03:AA:BB:44:01:30"},
    {"::", kBroadcast},
    {"FFFFFFFF-FFFF-FFFF-FFFF-FFFF-FFFF-FFFF-FFFF", kBroadcast},
    {"-", kZero},
    {"-:1,2,3", "00:00:00:00:00:00:00:00:00:00:00:00:00:01:02:03"},
    {"-:1:2:3", "00:00:00:00:00:00:00:00:00:00:00:00:00:01:02:03"},
    {"FF:21::22:32", "FF:21:00:00:00:00:00:00:00:00:00:00:00:00:22:32"},
    {"FF:21::", "FF:21:00:00:00:00:00:00:00:00:00:00:00:00:00:00"},
    {"{::FE:0:5:93:40:2:32:0:1}", "FF:FF:FF:FF:FF:FF:FF:FE:00:05:93:40:02:32:00:01"},
    {"FF:FF:FF:FF:FF:FF:FF:FE:0:5:93:40:2:32:0:1", "FF:FF:FF:FF:FF:FF:FF:FE:00:05:93:40:02:32:00:01"},
    {"0:1:2:3:4:5:6:7:8:9:10:11:12:13:14:15", "00:01:02:03:04:05:06:07:08:09:10:11:12:13:14:15"},
    {"000102030405060708090a0b0c0d0e0f", "00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F"},
    {"0001:0203:0405:0607:0809:0a0b:0c0d:0e0f", "00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F"},
    {"{-}", kZero},
    {" ::1 ", kOnlyLastIsOne},
    {"{ *:1 }", kOnlyLastIsOne},
    {"{-:1,2,3}", "00:00:00:00:00:00:00:00:00:00:00:00:00:01:02:03"},
};

TEST(Guid, ReadsEveryFormOfTheSpec) {
  for (const Form& form : kForms) {
    const auto guid = parse_guid(form.text);
    ASSERT_TRUE(guid.has_value()) << form.text;
    EXPECT_EQ(vscp::to_string(*guid), form.meaning) << form.text;
  }
}

TEST(Guid, RefusesWhatIsNoGuid) {
  for (const std::string_view text :
       {"",
        " ",
        "{}",
        "{",
        "}",
        "x",
        "1",
        ":",
        ":::",
        "::1::",
        "FF::21::1",
        "1:2:3",
        "-1",
        "-:",
        "*:",
        "*",
        "-:1,2:3",
        "FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF",         // 15 bytes
        "FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:01:02",   // 17
        "FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:0G",      // no hex digit
        "FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF-01",      // two kinds of separators
        "FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:140",     // three digits
        "FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF::FF:01:02",  // nothing left for the gap
        "::0:1:2:3:4:5:6:7:8:9:a:b:c:d:e:f",
        "{::1",
        "::1}",
        "0x01:2:3:4:5:6:7:8:9:a:b:c:d:e:f:0",
        "FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF: 1",
        ":FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF"}) {
    const auto guid = parse_guid(text);
    ASSERT_FALSE(guid.has_value()) << text;
    EXPECT_EQ(guid.error(), Errc::kBadGuid) << text;
  }
}

TEST(Guid, ANulIsNoPartOfAGuid) {
  std::string text = kBroadcast;
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string bad = text;
    bad[i] = '\0';
    EXPECT_FALSE(parse_guid(bad).has_value()) << i;
  }
}

// Each character of the full form is tried with all 256 values, in each form of the kernels.
TEST(Guid, AllFormsOfTheKernelAgreeOnEveryCharacter) {
  const std::string text = "01:23:45:67:89:ab:cd:ef:FE:DC:BA:98:76:54:32:10";
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (int c = 0; c < 256; ++c) {
      std::string changed = text;
      changed[i] = static_cast<char>(c);
      Guid expected;
      const bool good =
          vscp::codec_kernels(vscp::CodecForm::kScalar)->parse_guid(changed.data(), expected.bytes.data());
      for (const auto form : {vscp::CodecForm::kSsse3, vscp::CodecForm::kAvx512}) {
        const auto* kernels = vscp::codec_kernels(form);
        if (kernels == nullptr) continue;
        Guid guid;
        ASSERT_EQ(kernels->parse_guid(changed.data(), guid.bytes.data()), good) << changed;
        if (good) {
          ASSERT_EQ(guid, expected) << changed;
        }
      }
    }
  }
}

TEST(Guid, FormatsUpperCaseWithoutTouchingMore) {
  Guid guid;
  for (std::size_t i = 0; i < 16; ++i) guid.bytes[i] = static_cast<std::uint8_t>(i * 17);
  for (std::size_t form = 0; form < vscp::kCodecFormCount; ++form) {
    const auto* kernels = vscp::codec_kernels(static_cast<vscp::CodecForm>(form));
    if (kernels == nullptr) continue;
    char out[vscp::kGuidTextSize + 2];
    std::memset(out, '#', sizeof out);
    kernels->format_guid(guid.bytes.data(), out + 1);
    EXPECT_EQ(std::string_view(out, sizeof out), "#00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF#");
  }
  char out[vscp::kGuidTextSize];
  EXPECT_EQ(vscp::format_guid(guid, out), out + vscp::kGuidTextSize);
}

TEST(Guid, ZeroAndOrder) {
  EXPECT_TRUE(Guid{}.is_zero());
  Guid guid;
  guid.bytes[15] = 1;
  EXPECT_FALSE(guid.is_zero());
  EXPECT_LT(Guid{}, guid);
}

}  // namespace
