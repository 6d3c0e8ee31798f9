#include "protocol/frame.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "protocol/crc.h"
#include "protocol/datetime.h"

namespace {

using vscp::CommandFrame;
using vscp::Errc;
using vscp::Event;
using vscp::FrameType;

using Bytes = std::vector<std::uint8_t>;

Event sample() {
  Event event;
  event.time_ns = vscp::parse_datetime("2026-11-22T01:02:03.5Z").value();
  event.timestamp_us = 0x01020304;
  event.head = 0x60;
  event.vscp_class = 0x1234;
  event.vscp_type = 0x5678;
  for (std::size_t i = 0; i < 16; ++i) event.guid.bytes[i] = static_cast<std::uint8_t>(0xf0 + i);
  event.data_size = 3;
  event.data[0] = 1;
  event.data[1] = 2;
  event.data[2] = 255;
  return event;
}

Bytes encoded(const Event& event, FrameType type) {
  Bytes bytes(vscp::kEventFrameMax);
  bytes.resize(vscp::encode_event_frame(event, type, bytes.data()));
  return bytes;
}

void fix_crc(Bytes& bytes) {
  const std::uint16_t crc = vscp::crc16_ccitt({bytes.data() + 1, bytes.size() - 3});
  bytes[bytes.size() - 2] = static_cast<std::uint8_t>(crc >> 8U);
  bytes[bytes.size() - 1] = static_cast<std::uint8_t>(crc & 0xffU);
}

TEST(EventFrame, Type0HasTheSpecsLayout) {
  const Bytes bytes = encoded(sample(), FrameType::kEvent0);
  const Bytes expected{0x00, 0x00, 0x60, 1,    2,    3,    4,    0x07, 0xea, 11,   22,   1,    2,
                       3,    0x12, 0x34, 0x56, 0x78, 0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7,
                       0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff, 0,    3,    1,    2,    255};
  ASSERT_EQ(bytes.size(), expected.size() + 2);
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), bytes.begin()));
  Event event;
  ASSERT_TRUE(vscp::decode_event_frame(bytes, event).has_value());
  Event cut = sample();
  cut.time_ns -= 500'000'000;  // this form has whole seconds
  EXPECT_EQ(event, cut);
}

TEST(EventFrame, Type1HasTheSpecsLayout) {
  Event source = sample();
  source.time_ns = 0x0102030405060708ULL;
  const Bytes bytes = encoded(source, FrameType::kEvent1);
  const Bytes expected{0x10, 0x01, 0x60, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0x12, 0x34};
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), bytes.begin()));
  Event event;
  ASSERT_TRUE(vscp::decode_event_frame(bytes, event).has_value());
  source.timestamp_us = static_cast<std::uint32_t>(source.time_ns / 1000 & 0xffffffffU);
  EXPECT_EQ(event, source);
  EXPECT_EQ(vscp::event_frame_size(bytes).value(), bytes.size());
}

TEST(EventFrame, NoTimeStaysNoTime) {
  Event source = sample();
  source.time_ns = 0;
  for (const FrameType type : {FrameType::kEvent0, FrameType::kEvent1}) {
    Event event;
    ASSERT_TRUE(vscp::decode_event_frame(encoded(source, type), event).has_value());
    EXPECT_EQ(event.time_ns, 0U);
  }
}

TEST(EventFrame, TheTypeNibbleDecidesNotTheHead) {
  Bytes bytes = encoded(sample(), FrameType::kEvent0);
  bytes[1] = 0x01;  // head says nanoseconds
  fix_crc(bytes);
  Event event;
  ASSERT_TRUE(vscp::decode_event_frame(bytes, event).has_value());
  EXPECT_EQ(event.timestamp_us, 0x01020304U);
  EXPECT_EQ(event.head, 0x60);
}

// Firmware writes nanoseconds with a nibble of 0 and says so in the head.
TEST(EventFrame, NanosecondsWithNibble0AreKnownByTheHead) {
  Event source = sample();
  source.time_ns = 0x0102030405060708ULL;
  Bytes bytes = encoded(source, FrameType::kEvent1);
  bytes[0] = 0x00;
  Event event;
  ASSERT_TRUE(vscp::decode_event_frame(bytes, event).has_value());
  EXPECT_EQ(event.time_ns, source.time_ns);
  EXPECT_EQ(event.head, 0x60);
}

TEST(EventFrame, ArgumentOfSendIsAFrameWithoutItsEnds) {
  Event source = sample();
  source.timestamp_us = static_cast<std::uint32_t>(source.time_ns / 1000 & 0xffffffffU);
  const Bytes bytes = encoded(source, FrameType::kEvent1);
  const std::span argument(bytes.data() + 1, bytes.size() - 3);
  Event event;
  ASSERT_TRUE(vscp::decode_event_argument(argument, event).has_value());
  EXPECT_EQ(event, source);
  for (std::size_t size = 0; size < argument.size(); ++size) {
    EXPECT_EQ(vscp::decode_event_argument(argument.first(size), event).error(), Errc::kShortFrame) << size;
  }
  EXPECT_EQ(vscp::decode_event_argument({bytes.data() + 1, bytes.size() - 2}, event).error(), Errc::kLongFrame);
  Bytes large(bytes.begin() + 1, bytes.end());
  large[33] = 0x02;
  large[34] = 0x01;
  EXPECT_EQ(vscp::decode_event_argument(large, event).error(), Errc::kDataSize);
}

TEST(EventFrame, LargestData) {
  Event source = sample();
  source.data_size = vscp::kEventDataMax;
  source.data.fill(0x5a);
  const Bytes bytes = encoded(source, FrameType::kEvent1);
  EXPECT_EQ(bytes.size(), vscp::kEventFrameMax);
  Event event;
  ASSERT_TRUE(vscp::decode_event_frame(bytes, event).has_value());
  EXPECT_EQ(event.data_size, vscp::kEventDataMax);
}

TEST(EventFrame, NamesWhatIsWrong) {
  Event event;
  const Bytes good = encoded(sample(), FrameType::kEvent0);
  const auto error_of = [&event](const Bytes& bytes) {
    const auto result = vscp::decode_event_frame(bytes, event);
    return result ? Errc{} : result.error();
  };
  EXPECT_EQ(error_of({}), Errc::kShortFrame);
  for (std::size_t size = 1; size < good.size(); ++size) {
    EXPECT_EQ(error_of(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size))), Errc::kShortFrame);
  }
  Bytes bytes = good;
  bytes.push_back(0);
  EXPECT_EQ(error_of(bytes), Errc::kLongFrame);
  for (const unsigned first : {0x01U, 0x11U, 0x20U, 0xd0U, 0xe0U, 0xf0U, 0xffU}) {
    bytes = good;
    bytes[0] = static_cast<std::uint8_t>(first);
    EXPECT_EQ(error_of(bytes), Errc::kBadFrameType);
  }
  for (std::size_t i = 1; i < good.size(); ++i) {
    if (i == 34 || i == 35) continue;  // the size
    bytes = good;
    bytes[i] ^= 1;
    EXPECT_EQ(error_of(bytes), Errc::kBadCrc) << i;
  }
  bytes = good;
  bytes[34] = 2;
  bytes[35] = 1;  // 513
  EXPECT_EQ(error_of(bytes), Errc::kDataSize);
  EXPECT_EQ(vscp::event_frame_size(bytes).error(), Errc::kDataSize);
}

TEST(EventFrame, ImpossibleDatesAreErrors) {
  Event event;
  const std::pair<std::size_t, unsigned> changes[] = {{7, 0xff}, {9, 13},  {9, 0},   {10, 31}, {10, 200},
                                                      {11, 24},  {12, 60}, {13, 61}, {8, 0}};
  for (const auto& [at, value] : changes) {
    Bytes bytes = encoded(sample(), FrameType::kEvent0);
    bytes[at] = static_cast<std::uint8_t>(value);
    fix_crc(bytes);
    EXPECT_EQ(vscp::decode_event_frame(bytes, event).error(), Errc::kBadDate) << at << ' ' << value;
  }
}

TEST(EventFrame, TheNoCrcMarkNeedsTheHeadBit) {
  Event source = sample();
  source.head |= vscp::kHeadNoCrc;
  Bytes bytes = encoded(source, FrameType::kEvent0);
  Event event;
  EXPECT_TRUE(vscp::decode_event_frame(bytes, event).has_value());
  bytes[bytes.size() - 2] = 0xaa;
  bytes[bytes.size() - 1] = 0x55;
  EXPECT_TRUE(vscp::decode_event_frame(bytes, event).has_value());
  bytes[2] &= 0xf7;
  EXPECT_EQ(vscp::decode_event_frame(bytes, event).error(), Errc::kBadCrc);
}

TEST(CommandFrame, RoundTrip) {
  const Bytes argument{'a', 'b', ':', 'c'};
  for (const FrameType type : {FrameType::kCommand, FrameType::kReply}) {
    const std::uint16_t error = type == FrameType::kReply ? 0x0102 : 0;
    Bytes out(64);
    const auto size =
        vscp::encode_command_frame({.type = type, .code = 0x0203, .error = error, .argument = argument}, out);
    ASSERT_EQ(size.value(), (type == FrameType::kReply ? 7U : 5U) + argument.size());
    out.resize(*size);
    const auto frame = vscp::decode_command_frame(out);
    ASSERT_TRUE(frame.has_value());
    EXPECT_EQ(frame->type, type);
    EXPECT_EQ(frame->code, 0x0203);
    EXPECT_EQ(frame->error, error);
    EXPECT_TRUE(std::ranges::equal(frame->argument, argument));
    for (std::size_t i = 1; i < out.size(); ++i) {
      Bytes changed = out;
      changed[i] ^= 0x80;
      EXPECT_EQ(vscp::decode_command_frame(changed).error(), Errc::kBadCrc);
    }
  }
}

TEST(CommandFrame, NamesWhatIsWrong) {
  EXPECT_EQ(vscp::decode_command_frame({}).error(), Errc::kShortFrame);
  EXPECT_EQ(vscp::decode_command_frame(Bytes{0xe0, 0, 0, 0}).error(), Errc::kShortFrame);
  EXPECT_EQ(vscp::decode_command_frame(Bytes{0xf0, 0, 0, 0, 0, 0}).error(), Errc::kShortFrame);
  for (const unsigned first : {0x00U, 0x10U, 0xe1U, 0xf3U, 0x50U}) {
    EXPECT_EQ(vscp::decode_command_frame(Bytes{static_cast<std::uint8_t>(first), 0, 0, 0, 0, 0, 0}).error(),
              Errc::kBadFrameType);
  }
  Bytes small(4);
  EXPECT_EQ(vscp::encode_command_frame({}, small).error(), Errc::kNoSpace);
  Bytes reply(6);
  EXPECT_EQ(vscp::encode_command_frame({.type = FrameType::kReply, .argument = {}}, reply).error(), Errc::kNoSpace);
  const Bytes argument(10);
  Bytes short_by_one(14);
  EXPECT_EQ(vscp::encode_command_frame({.argument = argument}, short_by_one).error(), Errc::kNoSpace);
}

}  // namespace
