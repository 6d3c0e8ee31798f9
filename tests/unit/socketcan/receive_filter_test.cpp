#include "drivers/socketcan/receive_filter.h"

#include <gtest/gtest.h>

#include <random>

#include "protocol/can_id.h"

namespace drivers::socketcan {
namespace {

const vscp::Guid kGuid = *vscp::parse_guid("25:00:00:00:00:00:00:00:00:00:00:00:00:07:00:00");

/// As the kernel compares.
bool passes(const std::optional<can_filter>& filter, std::uint32_t raw_id) {
  return filter && (raw_id & filter->can_mask) == (filter->can_id & filter->can_mask);
}

TEST(ReceiveFilter, LetsThroughExactlyWhatTheFilterDoes) {
  std::mt19937 random(11);
  const auto some = [&random](unsigned below) { return static_cast<std::uint16_t>(random() % below); };
  std::uint64_t passed = 0;
  for (int round = 0; round < 4000; ++round) {
    vscp::Filter filter;
    // Few bits in the masks, so that a good part of the frames passes.
    filter.mask_priority = static_cast<std::uint8_t>(some(8) & some(8));
    filter.filter_priority = static_cast<std::uint8_t>(some(8));
    filter.mask_class = static_cast<std::uint16_t>(some(512) & some(512) & some(512));
    filter.filter_class = some(512);
    filter.mask_type = static_cast<std::uint16_t>(some(256) & some(256) & some(256));
    filter.filter_type = some(256);
    filter.mask_guid.bytes[15] = static_cast<std::uint8_t>(some(256) & some(256) & some(256));
    filter.filter_guid.bytes[15] = static_cast<std::uint8_t>(some(256));
    filter.mask_guid.bytes[0] = static_cast<std::uint8_t>(round % 3 == 0 ? 0xff : 0);
    filter.filter_guid.bytes[0] = static_cast<std::uint8_t>(round % 6 == 0 ? 0x24 : 0x25);
    if (round % 50 == 0) filter.mask_class = filter.filter_class = 0x4000;
    const auto kernel = receive_filter(filter, kGuid);
    for (int i = 0; i < 100; ++i) {
      vscp::CanFrame frame;
      frame.id = static_cast<std::uint32_t>(random()) & CAN_EFF_MASK;
      vscp::Event event;
      ASSERT_TRUE(vscp::can_to_event(frame, kGuid, event));
      ASSERT_EQ(passes(kernel, frame.id | CAN_EFF_FLAG), filter.matches(event));
      passed += filter.matches(event);
    }
  }
  EXPECT_GT(passed, 10'000U);
}

TEST(ReceiveFilter, OnlyDataFramesOf29BitsPass) {
  const auto all = receive_filter({}, kGuid);
  EXPECT_TRUE(passes(all, 0x123 | CAN_EFF_FLAG));
  EXPECT_FALSE(passes(all, 0x123));
  EXPECT_FALSE(passes(all, 0x123 | CAN_EFF_FLAG | CAN_RTR_FLAG));
  EXPECT_FALSE(passes(all, 0x123 | CAN_RTR_FLAG));
}

TEST(ReceiveFilter, ClassesThatNoFrameHasPassNothing) {
  vscp::Filter filter;
  filter.filter_class = filter.mask_class = 1024;
  EXPECT_FALSE(receive_filter(filter, kGuid));
  filter.filter_class = 0;  // "not 1024": all of a bus
  EXPECT_TRUE(passes(receive_filter(filter, kGuid), CAN_EFF_FLAG | CAN_EFF_MASK));
}

}  // namespace
}  // namespace drivers::socketcan
