#include "drivers/link/measurement_command.h"

#include <gtest/gtest.h>

#include <string>

#include "protocol/names/measurement.h"

namespace drivers::link {
namespace {

using vscp::Errc;

vscp::Event made(const std::string& text) {
  vscp::Event event;
  const auto result = make_measurement(text, event);
  EXPECT_TRUE(result.has_value()) << text << ": " << (result ? "" : vscp::to_text(result.error()));
  return event;
}

void expect_error(const std::string& text, Errc expected) {
  vscp::Event event;
  const auto result = make_measurement(text, event);
  ASSERT_FALSE(result.has_value()) << text;
  EXPECT_EQ(result.error(), expected) << text << ": " << vscp::to_text(result.error());
}

TEST(Measurement, BothLevelsAndFormatsAreReadBack) {
  struct Case {
    const char* text;
    std::uint16_t vscp_class;
    double value;
    const char* unit;
    std::uint8_t sensor;
  };
  // Type 6 is temperature: unit 0 is Kelvin, 1 Celsius, 2 Fahrenheit.
  const Case cases[] = {
      {"0,2,6,-17.25,1,,200,3,4", 1060, -17.25, "°C", 200},
      {"float,2,6,1e300,0", 1060, 1e300, "K", 0},
      {"FLOAT,2,6,0.1,2,-,9", 1060, 0.1, "°F", 9},
      {"1,2,6,-17.25,1,,200,3,4", 1040, -17.25, "°C", 200},
      {"string,2,6,12345.678901,1", 1040, 12345.678901, "°C", 0},
      {"0,1,6,1.5,1,,7", 10, 1.5, "°C", 7},
      {"STRING,1,6,-17.25,2,,5", 10, -17.25, "°F", 5},
      {" 0 , 0x2 , 0x06 , 3 , 1 \r", 1060, 3, "°C", 0},
  };
  for (const Case& each : cases) {
    const vscp::Event event = made(each.text);
    EXPECT_EQ(event.vscp_class, each.vscp_class) << each.text;
    EXPECT_EQ(event.vscp_type, 6) << each.text;
    EXPECT_EQ(event.head, 3U << 5U) << each.text;
    const auto read = vscp::decode_measurement(event);
    ASSERT_TRUE(read.has_value()) << each.text;
    EXPECT_EQ(read->value, each.value) << each.text;
    EXPECT_EQ(read->unit, each.unit) << each.text;
    EXPECT_EQ(read->sensor, each.sensor) << each.text;
  }
}

TEST(Measurement, PlaceOfTheSensor) {
  const auto read = vscp::decode_measurement(made("0,2,6,1,1,-,255,0xfe,253"));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->sensor, 255);
  EXPECT_EQ(read->zone, 254);
  EXPECT_EQ(read->subzone, 253);
  // Level I has no room for a zone; it is checked all the same.
  EXPECT_EQ(made("0,1,6,1,1,-,1,2,3").data_size, 5);
}

TEST(Measurement, Guid) {
  EXPECT_TRUE(made("0,2,6,1,1").guid.is_zero());
  EXPECT_TRUE(made("0,2,6,1,1,-").guid.is_zero());
  const std::string text = "01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10";
  EXPECT_EQ(vscp::to_string(made("0,2,6,1,1," + text).guid), text);
  expect_error("0,2,6,1,1,1:2", Errc::kBadGuid);
  expect_error("0,2,6,1,1,guid", Errc::kBadGuid);
}

TEST(Measurement, TypesOfBothLevels) {
  EXPECT_EQ(made("0,2,65535,1,0").vscp_type, 65535);
  EXPECT_EQ(made("0,1,255,1,0").vscp_type, 255);
  expect_error("0,1,256,1,0", Errc::kNumberRange);
  expect_error("0,2,65536,1,0", Errc::kNumberRange);
}

TEST(Measurement, TextAsLongAsItFits) {
  EXPECT_EQ(made("1,1,6,1234567,1").data_size, 8);
  expect_error("1,1,6,12345678,1", Errc::kNumberRange);
  const std::string longest = "1." + std::string(481, '5');
  EXPECT_EQ(made("1,2,6," + longest + ",1").data_size, vscp::kEventDataSpec);
  expect_error("1,2,6," + longest + "5,1", Errc::kNumberRange);
}

TEST(Measurement, MissingFields) {
  for (const char* text : {"", " ", "0", "0,2", "0,2,6", "0,2,6,1", "0,2,6,,1", "0,,6,1,1", "0,2,,1,1", "0,2,6,1,"}) {
    expect_error(text, Errc::kMissingField);
  }
}

TEST(Measurement, BadNumbers) {
  for (const char* text : {"2,2,6,1,1",   "Float,2,6,1,1", ",2,6,1,1",      "0,x,6,1,1",       "0,2,6x,1,1",
                           "0,2,-6,1,1",  "0,2,6,1,0x",    "0,2,6,1,0xg",   "0,2,6,warm,1",    "0,2,6,1x,1",
                           "0,2,6,nan,1", "0,2,6,inf,1",   "0,2,6,1e400,1", "1,2,6,warm,1",    "1,1,6,warm,1",
                           "1,1,6,nan,1", "0,2,6,+1,1",    "0,2,6,1,1,-,x", "0,2,6,1,1,-,1,x", "0,2,6,1,1,-,1,1,x"}) {
    expect_error(text, Errc::kBadNumber);
  }
}

TEST(Measurement, NumbersOutOfRange) {
  for (const char* text :
       {"0,0,6,1,1", "0,3,6,1,1", "0,99999999999,6,1,1", "0,2,6,1,256", "0,2,6,1,0x100", "0,1,6,1,4", "0,1,6,1,1,-,8",
        "0,2,6,1,1,-,256", "0,2,6,1,1,-,1,256", "0,2,6,1,1,-,1,1,256", "0,1,6,1e39,1", "0,2,6,1,1,-,1,2,3,4"}) {
    expect_error(text, Errc::kNumberRange);
  }
}

}  // namespace
}  // namespace drivers::link
