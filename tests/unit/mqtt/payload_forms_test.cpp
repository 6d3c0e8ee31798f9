// Lines and frames as payloads, and which form a payload is.
#include <gtest/gtest.h>

#include "protocol/frame.h"
#include "tests/unit/mqtt/payload_events.h"

namespace drivers::mqtt::test {
namespace {

using vscp::Errc;

constexpr PayloadStyle kString{.format = PayloadFormat::kString};
constexpr PayloadStyle kOldString{.format = PayloadFormat::kString, .dialect = PayloadDialect::kLegacy};
constexpr PayloadStyle kBinary{.format = PayloadFormat::kBinary};
constexpr PayloadStyle kOldBinary{.format = PayloadFormat::kBinary, .dialect = PayloadDialect::kLegacy};

TEST(StringPayload, IsAnEventLineWithoutItsEnd) {
  EXPECT_EQ(encoded(full_event(), kString),
            "352,20,3,7,,1764644645123456000,FF:FF:FF:FF:FF:FF:FF:FE:5C:CF:7F:C4:1E:7B:00:08,1,2,3");
  EXPECT_EQ(encoded(full_event({}), kOldString),
            "96,20,3,7,2025-12-02T03:04:05Z,1000,FF:FF:FF:FF:FF:FF:FF:FE:5C:CF:7F:C4:1E:7B:00:08");
}

TEST(StringPayload, ReadsLinesWithAndWithoutTheirEnd) {
  for (const std::string_view end : {"", "\r\n", "\n", " "}) {
    const Read result = read(encoded(full_event(), kString).append(end));
    ASSERT_TRUE(result.hints) << to_text(result.error());
    EXPECT_EQ(result.hints->format, PayloadFormat::kString);
    EXPECT_EQ(result.event.time_ns, full_event().time_ns);
    EXPECT_EQ(result.event.data_size, 3);
  }
  EXPECT_EQ(read(std::string(" 0,10,6,0,,,-,1").append(1, '\0')).error(), Errc{});
  EXPECT_EQ(read("0,10,6,0,,,-,1").event.time_ns, kNow);
  EXPECT_TRUE(read("0,10,6,0,,,-,1").hints->time_missing);
  EXPECT_EQ(read("0,10,6,0,,,-,1").event.timestamp_us, static_cast<std::uint32_t>(kNow / 1000));
  EXPECT_EQ(read("0,10,6,0,,77,-,1").event.timestamp_us, 77U);
}

TEST(StringPayload, EmptyFieldsComeFromTheTopic) {
  const TopicDefaults topic = parse_topic_defaults("vscp/::8/10/6");
  const Read result = read("0,,,0,,,,1", PayloadFormat::kAuto, topic);
  ASSERT_TRUE(result.hints);
  EXPECT_EQ(result.event.vscp_class, 10);
  EXPECT_EQ(result.event.vscp_type, 6);
  EXPECT_EQ(result.event.guid, guid_of("::8"));
  EXPECT_EQ(read("0,0, ,0,,,,1", PayloadFormat::kAuto, topic).event.vscp_class, 0);
  EXPECT_EQ(read("0,0, ,0,,,,1", PayloadFormat::kAuto, topic).event.vscp_type, 6);
  EXPECT_EQ(read("0,0,0,0,,,-,1", PayloadFormat::kAuto, topic).event.vscp_type, 0);
  EXPECT_EQ(read("0,,6,0,,,-,1").error(), Errc::kNoClassType);
  EXPECT_EQ(read(",,,,,,").error(), Errc::kNoClassType);
}

TEST(StringPayload, GarbageIsAnError) {
  EXPECT_EQ(read("1,2,3,4").error(), Errc::kMissingField);
  EXPECT_EQ(read("0,x,6,0,,,-,1").error(), Errc::kBadNumber);
  EXPECT_EQ(read("0,10,6,0,,,-,300").error(), Errc::kNumberRange);
  EXPECT_EQ(read("21.5").error(), Errc::kMissingField);
  EXPECT_EQ(read("a,b,c,d,e,f,g", PayloadFormat::kString).error(), Errc::kBadNumber);
  std::string line = "0,10,6,0,,,-";
  for (int i = 0; i < 513; ++i) line += ",1";
  EXPECT_EQ(read(line).error(), Errc::kDataSize);
}

std::string frame_of(const vscp::Event& event, vscp::FrameType type) {
  std::uint8_t out[vscp::kEventFrameMax];
  return {reinterpret_cast<const char*>(out), vscp::encode_event_frame(event, type, out)};
}

TEST(BinaryPayload, IsAZeroByteAndAFrame) {
  EXPECT_EQ(encoded(full_event(), kBinary), std::string(1, '\0') + frame_of(full_event(), vscp::FrameType::kEvent1));
  EXPECT_EQ(encoded(full_event(), kOldBinary), std::string(1, '\0') + frame_of(full_event(), vscp::FrameType::kEvent0));
}

TEST(BinaryPayload, ReadsFramesWithAndWithoutTheByte) {
  // Data bytes that make a frame of type 0 look like a byte and a frame must not lead astray.
  for (const unsigned size : {0U, 1U, 3U, 16U, 255U, 256U, 487U, 512U}) {
    vscp::Event event = full_event();
    event.data_size = static_cast<std::uint16_t>(size);
    event.data.fill(0);
    for (const auto type : {vscp::FrameType::kEvent0, vscp::FrameType::kEvent1}) {
      for (const std::string_view before : {std::string_view(), std::string_view("\0", 1)}) {
        const Read result = read(std::string(before) + frame_of(event, type));
        ASSERT_TRUE(result.hints) << to_text(result.error());
        EXPECT_EQ(result.hints->format, PayloadFormat::kBinary);
        EXPECT_EQ(result.event.data_size, size);
        EXPECT_EQ(result.event.guid, event.guid);
        EXPECT_EQ(result.event.vscp_class, 20);
        EXPECT_EQ(result.event.obid, 0U);
      }
    }
  }
}

TEST(BinaryPayload, TheTopicGivesOnlyTheGuid) {
  vscp::Event event = full_event();
  event.guid = {};
  event.vscp_class = 0;
  event.time_ns = 0;
  event.timestamp_us = 0;
  const Read result =
      read(frame_of(event, vscp::FrameType::kEvent1), PayloadFormat::kAuto, parse_topic_defaults("vscp/::8/10/6"));
  ASSERT_TRUE(result.hints);
  EXPECT_EQ(result.event.guid, guid_of("::8"));
  EXPECT_EQ(result.event.vscp_class, 0);
  EXPECT_TRUE(result.hints->time_missing);
  EXPECT_EQ(result.event.time_ns, kNow);
  EXPECT_EQ(result.event.timestamp_us, static_cast<std::uint32_t>(kNow / 1000));
}

TEST(BinaryPayload, DamageIsAnError) {
  const std::string frame = frame_of(full_event(), vscp::FrameType::kEvent1);
  std::string damaged = frame;
  damaged[20] ^= 1;
  EXPECT_EQ(read(damaged).error(), Errc::kBadCrc);
  EXPECT_EQ(read(std::string(1, '\0') + damaged).error(), Errc::kBadCrc);
  EXPECT_EQ(read(frame + "x").error(), Errc::kLongFrame);
  EXPECT_EQ(read(frame + frame).error(), Errc::kLongFrame);
  EXPECT_EQ(read(frame.substr(0, frame.size() - 1)).error(), Errc::kShortFrame);
  damaged = frame;
  damaged[0] = 0x11;
  EXPECT_EQ(read(damaged).error(), Errc::kEncrypted);
  EXPECT_EQ(read(std::string(1, '\0') + damaged).error(), Errc::kEncrypted);
  EXPECT_EQ(read("\xe0\x01\x02\x03\x04", PayloadFormat::kBinary).error(), Errc::kBadFrameType);
  for (const std::string_view bytes :
       {std::string_view("\0\0", 2), std::string_view("\0x", 2), std::string_view("\x10\x01", 2)}) {
    const Errc error = read(bytes).error();
    EXPECT_TRUE(error == Errc::kShortFrame || error == Errc::kBadFrameType) << to_text(error);
  }
  for (std::size_t size = 2; size < frame.size(); ++size) EXPECT_FALSE(read(frame.substr(0, size)).hints) << size;
}

TEST(PayloadDetection, NothingAndNonsense) {
  EXPECT_EQ(read("").error(), Errc::kEmptyPayload);
  EXPECT_EQ(read("", PayloadFormat::kJson).error(), Errc::kEmptyPayload);
  for (const std::string_view text :
       {std::string_view(" "), std::string_view("\r\n"), std::string_view("\0", 1), std::string_view("hello"),
        std::string_view("ON"), std::string_view("[1,2]"), std::string_view("\"x\""), std::string_view("true"),
        std::string_view("\xff\xfe"), std::string_view("\xe0\0\0", 3)}) {
    EXPECT_EQ(read(text).error(), Errc::kUnknownPayload) << text;
  }
}

TEST(PayloadDetection, AToldFormatIsTheOnlyOneTried) {
  const std::string json = R"({"class":10,"type":6})";
  EXPECT_EQ(read(json, PayloadFormat::kJson).error(), Errc{});
  EXPECT_EQ(read(json, PayloadFormat::kXml).error(), Errc::kBadXml);
  EXPECT_NE(read(json, PayloadFormat::kString).error(), Errc{});
  EXPECT_NE(read(json, PayloadFormat::kBinary).error(), Errc{});
  EXPECT_EQ(read("<event class='10' type='6'/>", PayloadFormat::kJson).error(), Errc::kBadJson);
}

TEST(PayloadDetection, NamesOfFormats) {
  EXPECT_EQ(to_text(PayloadFormat::kAuto), "auto");
  EXPECT_EQ(to_text(PayloadFormat::kJson), "json");
  EXPECT_EQ(to_text(PayloadFormat::kXml), "xml");
  EXPECT_EQ(to_text(PayloadFormat::kString), "string");
  EXPECT_EQ(to_text(PayloadFormat::kBinary), "binary");
}

TEST(PayloadSize, TheLargestEventHasRoomInEveryStyle) {
  vscp::Event event = full_event();
  event.vscp_class = 1040;
  event.vscp_type = 65535;
  event.obid = event.timestamp_us = 0xffffffff;
  event.time_ns = 18'429'292'799'999'999'999ULL;
  event.head = 0xffff;
  event.data_size = 512;
  event.data.fill('9');
  event.data[0] = event.data[1] = event.data[2] = event.data[3] = 255;
  for (std::size_t i = 4; i < 512; ++i) event.data[i] = i < 200 ? '0' : ' ';
  event.data[4] = '-';
  event.data[8] = '.';
  for (std::size_t i = 40; i < 60; ++i) event.data[i] = '9';
  for (const auto format :
       {PayloadFormat::kJson, PayloadFormat::kXml, PayloadFormat::kString, PayloadFormat::kBinary}) {
    for (const auto dialect : {PayloadDialect::kCurrent, PayloadDialect::kLegacy}) {
      std::vector<char> out(kPayloadWriteMax);
      vscp::DateCache dates;
      const std::size_t size = encode_payload(event, {format, dialect, true}, dates, out.data());
      EXPECT_LE(size + 64, kPayloadWriteMax) << to_text(format);
      EXPECT_EQ(read({out.data(), size}).error(), Errc{}) << std::string(out.data(), size);
    }
  }
}

}  // namespace
}  // namespace drivers::mqtt::test
