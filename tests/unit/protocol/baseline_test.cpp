// The codecs that the benchmark compares with ours give the same results as ours, so that the comparison is fair.
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "bench/baseline_codecs.h"

namespace {

using vscp::Event;
using vscp::LineFormat;

Event random_event(std::mt19937_64& random, std::size_t data_size) {
  Event event;
  event.time_ns = 1 + random() % 18'429'119'999'000'000'000ULL;
  event.timestamp_us = static_cast<std::uint32_t>(random());
  event.obid = static_cast<std::uint32_t>(random() >> (32 + random() % 32));
  for (auto& byte : event.guid.bytes) byte = static_cast<std::uint8_t>(random());
  event.head = static_cast<std::uint16_t>(random());
  event.vscp_class = static_cast<std::uint16_t>(random() >> (48 + random() % 16));
  event.vscp_type = static_cast<std::uint16_t>(random() >> (48 + random() % 16));
  event.data_size = static_cast<std::uint16_t>(data_size);
  for (std::size_t i = 0; i < data_size; ++i)
    event.data[i] = static_cast<std::uint8_t>(random() >> (56 + random() % 8));
  return event;
}

TEST(Baseline, WritesAndReadsTheSameLines) {
  std::mt19937_64 random(5);
  vscp::DateCache ours_dates;
  vscp::DateCache table_dates;
  for (int i = 0; i < 3000; ++i) {
    const Event event = random_event(random, random() % 3 == 0 ? random() % 513 : random() % 20);
    for (const LineFormat format : {LineFormat::kLegacy, LineFormat::kNanoseconds}) {
      char ours[vscp::kEventLineMax];
      char table[vscp::kEventLineMax];
      char libc[vscp::kEventLineMax];
      const std::string line(ours, vscp::encode_event_line(event, format, ours_dates, ours));
      ASSERT_EQ(line, std::string(table, baseline::encode_line_table(event, format, table_dates, table)));
      ASSERT_EQ(line, std::string(libc, baseline::encode_line_libc(event, format, libc, sizeof libc)));
      const std::string text = line.substr(0, line.size() - 2);
      Event by_us;
      Event by_table;
      Event by_libc;
      ASSERT_TRUE(vscp::decode_event_line(text, by_us).has_value()) << text;
      ASSERT_TRUE(baseline::decode_line_table(text, by_table)) << text;
      ASSERT_TRUE(baseline::decode_line_libc(text.c_str(), by_libc)) << text;
      ASSERT_EQ(by_us, by_table) << text;
      ASSERT_EQ(by_us, by_libc) << text;
    }
  }
}

TEST(Baseline, ReadsTheSameHexLists) {
  std::mt19937_64 random(6);
  for (std::size_t size = 1; size <= vscp::kEventDataMax; size += 7) {
    std::string text;
    for (std::size_t i = 0; i < size; ++i) {
      char value[8];
      std::snprintf(value, sizeof value, i == 0 ? "0x%02X" : ",0x%02X", static_cast<unsigned>(random() & 0xffU));
      text.append(value);
    }
    Event ours;
    Event table;
    Event libc;
    ASSERT_EQ(vscp::decode_data_list(text, ours.data.data()).value(), size);
    ASSERT_TRUE(baseline::decode_data_table(text, table.data.data(), table.data_size));
    ASSERT_TRUE(baseline::decode_data_libc(text.c_str(), libc.data.data(), libc.data_size));
    ASSERT_EQ(table.data_size, size);
    ASSERT_EQ(libc.data_size, size);
    ASSERT_TRUE(
        std::equal(ours.data.begin(), ours.data.begin() + static_cast<std::ptrdiff_t>(size), table.data.begin()));
    ASSERT_TRUE(
        std::equal(ours.data.begin(), ours.data.begin() + static_cast<std::ptrdiff_t>(size), libc.data.begin()));
  }
}

TEST(Baseline, RefusesBadInputToo) {
  Event event;
  for (const char* line : {"x,20,3,0,,1,01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10,1", "0,20,3,0,,1,01:02,1",
                           "0,20,3,0,,1,01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10,256",
                           "0,20,3,0,,1,01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10,1,x",
                           "0,65536,3,0,,1,01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10"}) {
    EXPECT_FALSE(baseline::decode_line_table(line, event)) << line;
    EXPECT_FALSE(baseline::decode_line_libc(line, event)) << line;
  }
}

}  // namespace
