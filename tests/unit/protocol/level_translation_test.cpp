#include "protocol/level_translation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "protocol/names/measurement.h"

namespace {

using vscp::Event;

Event event_of(std::uint16_t vscp_class, std::uint16_t type, std::initializer_list<unsigned> bytes) {
  Event event;
  event.vscp_class = vscp_class;
  event.vscp_type = type;
  event.data_size = static_cast<std::uint16_t>(bytes.size());
  std::ranges::transform(bytes, event.data.begin(), [](unsigned byte) { return static_cast<std::uint8_t>(byte); });
  return event;
}

TEST(LevelTranslation, NormalizedIntegerToDouble) {
  Event event = event_of(10, 6, {0x89, 0x81, 0x01, 0x07});  // sensor 1, unit 1, 26.3
  ASSERT_TRUE(vscp::measurement_to_double(event));
  // 26.3 is 0x403a4ccccccccccd.
  Event expected = event_of(1060, 6, {1, 0, 0, 1, 0x40, 0x3a, 0x4c, 0xcc, 0xcc, 0xcc, 0xcc, 0xcd});
  EXPECT_TRUE(event == expected);
}

TEST(LevelTranslation, TheNumberThatUpstreamGetsWrong) {
  Event event = event_of(10, 6, {0x60, 0x09, 0xc4});  // 2500
  ASSERT_TRUE(vscp::measurement_to_double(event));
  EXPECT_EQ(vscp::decode_measurement(event)->value, 2500);
  EXPECT_EQ(event.data[4], 0x40);
}

TEST(LevelTranslation, ZoneAndPagesOfTypes) {
  Event zone = event_of(67, 6, {9, 8, 7, 0x68, 0xff});  // MEASUREZONEX2, unit 1, -1
  ASSERT_TRUE(vscp::measurement_to_text(zone));
  EXPECT_TRUE(zone == event_of(1040, 6 + 512, {9, 8, 7, 1, '-', '1', 0}));
  Event single = event_of(74, 255, {0x3f, 0x80, 0, 0});  // MEASUREMENT32X4
  ASSERT_TRUE(vscp::measurement_to_double(single));
  EXPECT_EQ(single.vscp_type, 255 + 1024);
  EXPECT_EQ(vscp::decode_measurement(single)->value, 1.0);
}

TEST(LevelTranslation, TextKeepsTheDecimalsOfItsSender) {
  Event event = event_of(10, 6, {0x88, 0x82, 0x08, 0x52});  // 21.30
  ASSERT_TRUE(vscp::measurement_to_text(event));
  EXPECT_STREQ(reinterpret_cast<const char*>(event.data.data() + 4), "21.30");
  EXPECT_EQ(event.data_size, 10);
}

TEST(LevelTranslation, WhatIsNoMeasurementStays) {
  for (const Event& event :
       {event_of(20, 3, {0, 1, 2}), event_of(85, 6, {9, 8, 7, 0x68, 0xff}), event_of(10, 6, {0x00, 0xff}),
        event_of(10, 6, {}), event_of(10, 300, {0x60, 1}), event_of(1060, 6, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})}) {
    Event changed = event;
    EXPECT_FALSE(vscp::measurement_to_double(changed));
    EXPECT_FALSE(vscp::measurement_to_text(changed));
    EXPECT_TRUE(changed == event);
  }
}

TEST(LevelTranslation, OverLevel2) {
  vscp::Guid guid;
  guid.bytes[0] = 0xfe;
  guid.bytes[15] = 1;
  Event event = event_of(20, 3, {5, 6});
  ASSERT_TRUE(vscp::level1_over_level2(event, guid));
  EXPECT_TRUE(event == event_of(532, 3, {0xfe, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 5, 6}));
  EXPECT_FALSE(vscp::level1_over_level2(event, guid));
  Event full = event_of(20, 3, {});
  full.data_size = vscp::kEventDataMax;
  EXPECT_FALSE(vscp::level1_over_level2(full, guid));
}

}  // namespace
