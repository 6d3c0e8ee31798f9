#include "drivers/library/abi/event_layout.h"

#include <gtest/gtest.h>

#include <cstring>

#include "drivers/library/abi/level2_interface.h"

namespace {

using namespace drivers::library;

constexpr std::uint64_t kMark = 0x5ac3'96e1'7b2d'8f41;
constexpr std::uint64_t kTime = 1'770'091'506'123'456'789;  // 2026-02-03T04:05:06.123456789Z

vscp::Event some_event() {
  vscp::Event event;
  event.time_ns = kTime;
  event.timestamp_us = 77;
  event.obid = 9;
  event.head = 3U << 5U;
  event.vscp_class = 20;
  event.vscp_type = 3;
  for (std::size_t at = 0; at < 16; ++at) event.guid.bytes[at] = static_cast<std::uint8_t>(at + 0xf0);
  event.data_size = 3;
  event.data[0] = 1;
  event.data[1] = 2;
  event.data[2] = 3;
  return event;
}

template <typename Layout>
Layout& in(Level2Record& record) {
  return *static_cast<Layout*>(record.memory());
}

template <typename Layout>
Layout written(EventLayout layout) {
  EventBytes bytes;
  std::uint8_t data[512];
  write_event(some_event(), layout, data, bytes);
  Layout result;
  std::memcpy(&result, bytes.event.data(), sizeof result);
  EXPECT_EQ(result.data, data);
  return result;
}

TEST(EventLayout, WritesClassic) {
  const auto event = written<ClassicEvent>(EventLayout::kClassic);
  EXPECT_EQ(event.year, 2026);
  EXPECT_EQ(event.month, 2);
  EXPECT_EQ(event.day, 3);
  EXPECT_EQ(event.hour, 4);
  EXPECT_EQ(event.minute, 5);
  EXPECT_EQ(event.second, 6);
  EXPECT_EQ(event.timestamp, 77U);
  EXPECT_EQ(event.head, 3U << 5U);
  EXPECT_EQ(event.obid, 9U);
  EXPECT_EQ(event.vscp_class, 20);
  EXPECT_EQ(event.vscp_type, 3);
  EXPECT_EQ(event.guid[0], 0xf0);
  EXPECT_EQ(event.data_size, 3);
}

TEST(EventLayout, Writes2026) {
  const auto event = written<Event2026>(EventLayout::k2026);
  EXPECT_EQ(event.year, 0xffff);
  EXPECT_EQ(event.month, 0xff);
  EXPECT_EQ(event.timestamp_ns, kTime);
  EXPECT_EQ(event.head, 3U << 5U | 0x100U);
  EXPECT_EQ(event.vscp_class, 20);
  EXPECT_EQ(event.guid[15], 0xff);
  EXPECT_EQ(event.data_size, 3);
}

TEST(EventLayout, AClassicEventHasASafeSizeForALibraryOf2026) {
  EXPECT_EQ(written<Event2026>(EventLayout::kClassic).data_size, 3);
  EXPECT_EQ(written<Event2026>(EventLayout::kDetect).data_size, 3);
  EXPECT_EQ(written<ClassicEvent>(EventLayout::kDetect).data_size, 3);
}

TEST(EventLayout, ReadsBothTimesOf2026) {
  Level2Record record(kMark);
  record.prepare();
  auto& event = in<Event2026>(record);
  event.head = 0x100 | 6U << 5U;
  event.timestamp_ns = kTime;
  vscp::Event read;
  record.read_fields(EventLayout::k2026, read);
  EXPECT_EQ(read.time_ns, kTime);
  EXPECT_EQ(read.head, 6U << 5U);
  event.head = 0;
  event.year = 2026;
  event.month = 2;
  event.date = {.day = 3, .hour = 4, .minute = 5, .second = 6, .timestamp = 99};
  record.read_fields(EventLayout::k2026, read);
  EXPECT_EQ(read.time_ns, kTime / 1'000'000'000 * 1'000'000'000);
  EXPECT_EQ(read.timestamp_us, 99U);
}

TEST(EventLayout, ADateThatIsNoneIsNoTime) {
  Level2Record record(kMark);
  record.prepare();
  vscp::Event read;
  auto& event = in<ClassicEvent>(record);
  event.year = 2026;
  event.month = 13;
  event.day = 3;
  record.read_fields(EventLayout::kClassic, read);
  EXPECT_EQ(read.time_ns, 0U);
  event.month = 2;
  event.day = 30;
  record.read_fields(EventLayout::kClassic, read);
  EXPECT_EQ(read.time_ns, 0U);
  event.day = 28;
  event.hour = 99;
  record.read_fields(EventLayout::kClassic, read);
  EXPECT_EQ(read.time_ns, 0U);
}

TEST(EventLayout, TellsByWhatWasWritten) {
  Level2Record record(kMark);
  record.prepare();
  EXPECT_EQ(record.sign(), LayoutSign::kNone);
  in<ClassicEvent>(record) = ClassicEvent{};
  std::memset(record.memory(), 0xa5, sizeof(ClassicEvent));
  EXPECT_EQ(record.sign(), LayoutSign::kClassic);
  record.prepare();
  std::memset(record.memory(), 0, sizeof(Event2026));
  EXPECT_EQ(record.sign(), LayoutSign::k2026);
  record.prepare();
  in<Event2026>(record).crc = 0;
  EXPECT_EQ(record.sign(), LayoutSign::k2026);
  std::uint8_t data[4];
  record.prepare();
  in<Event2026>(record).data_size = 3;
  in<Event2026>(record).data = data;
  in<Event2026>(record).guid[14] = 1;
  EXPECT_EQ(record.sign(), LayoutSign::k2026);
  record.prepare();
  in<ClassicEvent>(record).data_size = 3;
  in<ClassicEvent>(record).data = data;
  EXPECT_EQ(record.sign(), LayoutSign::kClassic);
  EXPECT_FALSE(record.overrun());
  static_cast<std::uint8_t*>(record.memory())[64] = 1;
  EXPECT_TRUE(record.overrun());
}

TEST(NeutralEvent, TellsWhetherItsEndWasLookedAt) {
  std::array<std::uint8_t, 64> copy;
  const NeutralEvent classic;
  ASSERT_NE(classic.memory(), nullptr);
  EXPECT_FALSE(classic.touched());
  std::memcpy(copy.data(), classic.memory(), sizeof(ClassicEvent));
  EXPECT_TRUE(classic.touched());
  EXPECT_FALSE(classic.long_event_touched());
  const NeutralEvent longer;
  std::memcpy(copy.data(), longer.memory(), sizeof(Event2026));
  EXPECT_TRUE(longer.long_event_touched());
  EXPECT_EQ(copy, (std::array<std::uint8_t, 64>{}));
}

}  // namespace
