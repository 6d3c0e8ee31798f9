#include "router/core/carried_event.h"

#include <gtest/gtest.h>

#include <vector>

namespace router {
namespace {

vscp::Event sample() {
  vscp::Event event{};
  event.time_ns = 1'767'323'045'123'456'789;
  event.timestamp_us = 4'000'000'001;
  event.obid = 77;
  event.head = 0x60;
  event.vscp_class = 1040;
  event.vscp_type = 6;
  for (std::size_t i = 0; i < event.guid.bytes.size(); ++i) event.guid.bytes[i] = static_cast<std::uint8_t>(i * 16);
  event.data_size = 487;
  for (std::size_t i = 0; i < event.data_size; ++i) event.data[i] = static_cast<std::uint8_t>(i * 7);
  return event;
}

TEST(CarriedEvent, ComesBackWithItsOriginAndWithoutItsChannel) {
  const vscp::Event event = sample();
  const EventOrigin origin{0x0102030405060708, 99, 3};
  CarriedEventBytes bytes;
  const auto record = encode_carried_event(event, origin, bytes);
  EXPECT_EQ(record.size(), kCarriedHeader + 36 + 487 + 2);
  vscp::Event back{};
  const auto read = decode_carried_event(record, back);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, origin);
  vscp::Event expected = event;
  expected.obid = 0;
  EXPECT_EQ(back, expected);
  EXPECT_EQ(back.timestamp_us, event.timestamp_us);
}

TEST(CarriedEvent, EveryTruncationAndAnotherFormAreErrors) {
  CarriedEventBytes bytes;
  const auto record = encode_carried_event(sample(), {}, bytes);
  vscp::Event event;
  for (std::size_t size = 0; size < record.size(); ++size) {
    EXPECT_FALSE(decode_carried_event(record.first(size), event)) << size;
  }
  std::vector<std::uint8_t> other(record.begin(), record.end());
  other[0] = 2;
  EXPECT_EQ(decode_carried_event(other, event).error(), vscp::Errc::kBadFrameType);
  other[0] = 1;
  other[kCarriedHeader + 20] ^= 1U;
  EXPECT_EQ(decode_carried_event(other, event).error(), vscp::Errc::kBadCrc);
}

}  // namespace
}  // namespace router
