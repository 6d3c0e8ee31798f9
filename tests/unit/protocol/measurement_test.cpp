#include "protocol/names/measurement.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace vscp {
namespace {

Event event_of(std::uint16_t vscp_class, std::uint16_t type, std::vector<std::uint8_t> data) {
  Event event;
  event.vscp_class = vscp_class;
  event.vscp_type = type;
  event.data_size = static_cast<std::uint16_t>(data.size());
  std::ranges::copy(data, event.data.begin());
  return event;
}

std::string shown(std::uint16_t vscp_class, std::uint16_t type, std::vector<std::uint8_t> data) {
  const auto result = decode_measurement(event_of(vscp_class, type, std::move(data)));
  if (!result) return "nothing";
  return std::string(result->text.view()) + "|" + std::string(result->unit);
}

TEST(Measurement, NormalizedIntegersOfTheSpecification) {
  EXPECT_EQ(shown(10, 6, {0x80, 0x02, 0x1B, 0x22}), "694600|K");
  EXPECT_EQ(shown(10, 6, {0x88, 0x85, 0x8D}), "-0.00115|°C");
  EXPECT_EQ(shown(10, 6, {0x90, 0x81, 0x01, 0x07}), "26.3|°F");
  EXPECT_EQ(shown(10, 6, {0x88, 0x00, 0xff}), "-1|°C");
  EXPECT_EQ(shown(10, 6, {0x88, 0x82, 0x08, 0x52}), "21.30|°C");  // as fine as it was measured
  EXPECT_EQ(shown(10, 6, {0x88, 0xff, 0x01}), "1e-127|°C");
}

TEST(Measurement, IntegersOfEveryLength) {
  EXPECT_EQ(shown(10, 1, {0x60, 0xff}), "-1|");
  EXPECT_EQ(shown(10, 1, {0x60, 0x7f, 0xff}), "32767|");
  EXPECT_EQ(shown(10, 1, {0x60, 0x80, 0x00, 0x00}), "-8388608|");
  EXPECT_EQ(shown(10, 1, {0x60, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}), "36028797018963967|");
}

TEST(Measurement, SingleOfTheSpecification) {
  const auto result = decode_measurement(event_of(10, 6, {0xAE, 0x41, 0x83, 0x80, 0x00}));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->text, "16.4375");
  EXPECT_EQ(result->value, 16.4375);
  EXPECT_EQ(result->unit, "°C");
  EXPECT_EQ(result->sensor, 6);
  EXPECT_TRUE(result->has_sensor);
  EXPECT_FALSE(result->has_zone);
}

TEST(Measurement, ASingleIsTheDecimalThatWasMeant) {
  const auto result = decode_measurement(event_of(10, 6, {0xA8, 0x3d, 0xcc, 0xcc, 0xcd}));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->text, "0.1");
  EXPECT_EQ(result->value, 0.1);
}

TEST(Measurement, Strings) {
  EXPECT_EQ(shown(10, 6, {0x48, '-', '1', '.', '5'}), "-1.5|°C");
  EXPECT_EQ(shown(10, 12, {0x40, '1', '2', '3', 'e', '5', 0}), "123e5|Pa");
  EXPECT_EQ(shown(10, 6, {0x48, '1', ',', '5'}), "nothing");
  EXPECT_EQ(shown(10, 6, {0x48, 0x1b, '[', '2', 'J'}), "nothing");
  EXPECT_EQ(shown(10, 6, {0x48, '1', '.', '5', 'e'}), "nothing");
  EXPECT_EQ(shown(10, 6, {0x48}), "nothing");
}

TEST(Measurement, TextThatIsTooLongIsShownInItsShortestForm) {
  std::vector<std::uint8_t> data{1, 2, 3, 1};
  data.insert(data.end(), 39, '1');
  data[6] = '.';
  EXPECT_EQ(shown(1040, 6, data), "11." + std::string(36, '1') + "|°C");
  data.push_back('1');
  EXPECT_EQ(shown(1040, 6, data), "11.11111111111111|°C");
  data.insert(data.end(), 512 - data.size(), '0');
  EXPECT_EQ(shown(1040, 6, data), "11.11111111111111|°C");
}

TEST(Measurement, TheLongestTexts) {
  EXPECT_EQ(shown(10, 6, {0x89, 0x89, 0x80, 0, 0, 0, 0, 0}), "-140737.488355328|°C");
  EXPECT_EQ(shown(60, 6, {0x80, 0x10, 0, 0, 0, 0, 0, 0}), "-2.2250738585072014e-308|K");
}

TEST(Measurement, FloatClasses) {
  EXPECT_EQ(shown(70, 6, {0x41, 0x83, 0x80, 0x00}), "16.4375|K");
  EXPECT_EQ(shown(60, 35, {0x40, 0x49, 0x00, 0, 0, 0, 0, 0}), "50|%");
  EXPECT_EQ(shown(60, 35, {0x7f, 0xf0, 0, 0, 0, 0, 0, 0}), "nothing");  // infinite
  EXPECT_EQ(shown(70, 6, {0x41, 0x83, 0x80}), "nothing");
}

TEST(Measurement, FloatClassesHaveNoSensorIndex) {
  EXPECT_FALSE(decode_measurement(event_of(70, 6, {0x41, 0x83, 0x80, 0x00}))->has_sensor);
  EXPECT_FALSE(decode_measurement(event_of(60, 35, {0x40, 0x49, 0x00, 0, 0, 0, 0, 0}))->has_sensor);
}

TEST(Measurement, ZoneClasses) {
  for (const std::uint16_t vscp_class : {std::uint16_t{65}, std::uint16_t{85}}) {
    const auto result = decode_measurement(event_of(vscp_class, 6, {9, 1, 2, 0x80, 0x81, 0x01, 0x07}));
    ASSERT_TRUE(result);
    EXPECT_EQ(result->text, "26.3");
    EXPECT_EQ(result->unit, "K");
    EXPECT_EQ(result->sensor, 9);
    EXPECT_EQ(result->zone, 1);
    EXPECT_EQ(result->subzone, 2);
    EXPECT_TRUE(result->has_sensor);
    EXPECT_TRUE(result->has_zone);
  }
}

TEST(Measurement, Level1OverLevel2) {
  std::vector<std::uint8_t> data(16, 0xab);
  data.insert(data.end(), {0x88, 0x81, 0x01, 0x07});
  EXPECT_EQ(shown(522, 6, data), "26.3|°C");
  EXPECT_EQ(shown(522, 6, {0x88, 0x81, 0x01, 0x07}), "nothing");
}

TEST(Measurement, Level2) {
  EXPECT_EQ(shown(1040, 6, {1, 2, 3, 1, '2', '1', '.', '5'}), "21.5|°C");
  EXPECT_EQ(shown(1060, 6, {1, 2, 3, 1, 0x40, 0x35, 0x80, 0, 0, 0, 0, 0}), "21.5|°C");
  EXPECT_EQ(shown(1060, 28, {1, 2, 3, 4, 0x40, 0x35, 0x80, 0, 0, 0, 0, 0}), "21.5|cl");
  EXPECT_EQ(shown(1060, 6, {1, 2, 3, 200, 0x40, 0x35, 0x80, 0, 0, 0, 0, 0}), "21.5|");
  EXPECT_EQ(shown(1060, 5000, {1, 2, 3, 0, 0x40, 0x35, 0x80, 0, 0, 0, 0, 0}), "21.5|");
  EXPECT_EQ(shown(1040, 6, {1, 2, 3}), "nothing");
}

TEST(Measurement, OnlyTheFirstPageHasUnits) {
  EXPECT_EQ(shown(11, 6, {0x88, 0x81, 0x01, 0x07}), "26.3|");
  EXPECT_EQ(shown(61, 6, {0x40, 0x49, 0x00, 0, 0, 0, 0, 0}), "50|");
}

TEST(Measurement, WhatIsNoNumberIsNothing) {
  EXPECT_EQ(shown(10, 6, {}), "nothing");
  EXPECT_EQ(shown(10, 6, {0x00, 1, 2}), "nothing");      // bits
  EXPECT_EQ(shown(10, 6, {0x20, 1, 2}), "nothing");      // bytes
  EXPECT_EQ(shown(10, 6, {0xE0, 1, 2}), "nothing");      // reserved
  EXPECT_EQ(shown(10, 6, {0x60}), "nothing");            // integer without bytes
  EXPECT_EQ(shown(10, 6, {0x80, 1}), "nothing");         // exponent without mantissa
  EXPECT_EQ(shown(10, 4, {0x50, '1', '2'}), "nothing");  // time, unit 2: a packed date
  EXPECT_EQ(shown(20, 3, {0x60, 1}), "nothing");         // not a measurement class
}

TEST(Measurement, NeverReadsBeyondTheData) {
  // Every class, every short length, every coding: nothing may crash (the sanitizer builds watch).
  for (std::uint32_t vscp_class = 0; vscp_class < 1100; ++vscp_class) {
    for (std::uint8_t coding = 0; coding < 8; ++coding) {
      for (std::size_t size = 0; size < 30; ++size) {
        const std::vector<std::uint8_t> data(size, static_cast<std::uint8_t>(coding << 5U));
        const auto result = decode_measurement(event_of(static_cast<std::uint16_t>(vscp_class), 6, data));
        ASSERT_TRUE(!result || !result->text.view().empty());
      }
    }
  }
}

}  // namespace
}  // namespace vscp
