#include "drivers/link_client/send_line.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <string>

#include "protocol/event_line.h"

namespace drivers::link_client {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

std::string line_of(const vscp::Event& event) {
  std::array<char, vscp::kEventLineMax> text;
  vscp::DateCache dates;
  return {text.data(), vscp::encode_event_line(event, vscp::LineFormat::kLegacy, dates, text.data())};
}

std::string send_of(std::string_view line, std::uint32_t obid) {
  std::array<char, kSendLineMax> text;
  return {text.data(), write_send(line, obid, text.data())};
}

TEST(SendLine, PutsTheCommandInFrontAndTheObidIn) {
  EXPECT_EQ(send_of("64,20,3,123,2026-01-02T03:04:05Z,1,G,1,2\r\n", 0),
            "SEND 64,20,3,0,2026-01-02T03:04:05Z,1,G,1,2\r\n");
  EXPECT_EQ(send_of("0,1,2,3,D,4,G\r\n", 4'294'967'295U), "SEND 0,1,2,4294967295,D,4,G\r\n");
  EXPECT_EQ(obid_of_line("64,20,3,123,D,1,G,1,2\r\n"), 123U);
}

TEST(SendLine, FitsAndReadsBackWithTheLargestEvent) {
  vscp::Event event;
  event.time_ns = 1'767'323'045 * kSecond;
  event.timestamp_us = std::numeric_limits<std::uint32_t>::max();
  event.head = 0xfcff;
  event.vscp_class = 65535;
  event.vscp_type = 65535;
  event.obid = 1;
  event.guid.bytes.fill(0xff);
  event.data_size = vscp::kEventDataMax;
  event.data.fill(255);
  const std::string send = send_of(line_of(event), std::numeric_limits<std::uint32_t>::max());
  ASSERT_LE(send.size(), kSendLineMax);
  vscp::Event back;
  ASSERT_TRUE(vscp::decode_event_line(std::string_view(send).substr(5, send.size() - 7), back));
  event.obid = std::numeric_limits<std::uint32_t>::max();
  EXPECT_EQ(back, event);
}

TEST(SendLine, FractionOfTheSecondComesBackWhereTheCounterHasIt) {
  vscp::Event event;
  const std::uint64_t time_ns = 1'767'323'045 * kSecond + 123'456'000;
  event.timestamp_us = static_cast<std::uint32_t>(time_ns / 1000);
  event.time_ns = time_ns / kSecond * kSecond;
  restore_fraction(event);
  EXPECT_EQ(event.time_ns, time_ns);
  restore_fraction(event);
  EXPECT_EQ(event.time_ns, time_ns);
  // Somebody's own counter.
  event.time_ns = 1'767'323'045 * kSecond;
  event.timestamp_us = static_cast<std::uint32_t>(event.time_ns / 1000) + 1'000'000;
  restore_fraction(event);
  EXPECT_EQ(event.time_ns, 1'767'323'045 * kSecond);
}

}  // namespace
}  // namespace drivers::link_client
