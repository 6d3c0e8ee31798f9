#include "protocol/names/names.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "protocol/names/names_table.h"

namespace vscp {
namespace {

TEST(NamesTable, IsSortedWithoutDuplicates) {
  const auto classes = names_table::classes();
  ASSERT_GT(classes.size(), 50U);
  const auto ascending = [](const auto& rows) {
    return std::ranges::adjacent_find(rows, [](const auto& a, const auto& b) { return a.number >= b.number; }) ==
           rows.end();
  };
  EXPECT_TRUE(ascending(classes));
  for (const auto& row : classes) {
    EXPECT_TRUE(ascending(names_table::types(row))) << row.token;
    EXPECT_FALSE(names_table::types(row).empty()) << row.token;
  }
}

TEST(Names, FindsEveryRowByNumberAndByName) {
  for (const auto& row : names_table::classes()) {
    EXPECT_EQ(class_token(row.number), row.token);
    EXPECT_EQ(find_class(row.token), row.number);
    for (const auto& type : names_table::types(row)) {
      EXPECT_EQ(type_token(row.number, type.number), type.token);
      EXPECT_EQ(find_type(row.number, type.token), type.number) << row.token;
    }
  }
}

TEST(Names, KnowsTheFactsOfTheSpecification) {
  EXPECT_EQ(event_name(10, 6), "CLASS1.MEASUREMENT/TEMPERATURE");
  EXPECT_EQ(event_name(20, 9), "CLASS1.INFORMATION/NODE_HEARTBEAT");
  EXPECT_EQ(event_name(1, 2), "CLASS1.ALARM/ALARM");
  EXPECT_EQ(event_name(1026, 2), "CLASS2.INFORMATION/HEART_BEAT");
  EXPECT_EQ(event_name(65535, 1), "CLASS2.VSCPD/LOOP");
}

TEST(Names, MirrorsLevel1OverLevel2) {
  EXPECT_EQ(event_name(522, 6), "CLASS2.LEVEL1.MEASUREMENT/TEMPERATURE");
  EXPECT_EQ(find_class("class2.level1.measurement"), 522);
  EXPECT_EQ(find_type(522, "temperature"), 6);
  EXPECT_EQ(class_token(1023), "CLASS2.LEVEL1.LOCAL");
}

TEST(Names, NoTokenIsLongerThanItsRoom) {
  for (const auto& row : names_table::classes()) {
    const std::size_t extra = row.number < 512 ? std::string_view("LEVEL1.").size() : 0;
    EXPECT_LE(row.token.size() + extra, kClassTokenMax) << row.token;
    for (const auto& type : names_table::types(row)) EXPECT_LE(type.token.size(), kTypeTokenMax) << type.token;
  }
}

TEST(Names, MapsPagesOfTheLevel2Measurements) {
  EXPECT_EQ(type_token(1040, 256), "GENERAL");
  EXPECT_EQ(type_token(1060, 6), "TEMPERATURE");
  EXPECT_EQ(type_token(1060, 1280), "");
}

TEST(Names, UnknownNumbersStayNumbers) {
  EXPECT_EQ(class_token(300), "");
  EXPECT_EQ(event_name(300, 1), "300/1");
  EXPECT_EQ(event_name(10, 200), "CLASS1.MEASUREMENT/200");
  EXPECT_EQ(event_name(2000, 70), "2000/70");
}

TEST(Names, ReadsNumbersAndNamesInAnyCase) {
  EXPECT_EQ(find_class("10"), 10);
  EXPECT_EQ(find_class("0x0A"), 10);
  EXPECT_EQ(find_class("65535"), 65535);
  EXPECT_EQ(find_class("measurement"), 10);
  EXPECT_EQ(find_class("Class1.Alarm"), 1);
  EXPECT_EQ(find_class("INFORMATION"), 20);  // Level I first
  EXPECT_EQ(find_class("CLASS2.INFORMATION"), 1026);
  EXPECT_EQ(find_class("65536"), std::nullopt);
  EXPECT_EQ(find_class("-1"), std::nullopt);
  EXPECT_EQ(find_class("10x"), std::nullopt);
  EXPECT_EQ(find_class(""), std::nullopt);
  EXPECT_EQ(find_type(10, "nonsense"), std::nullopt);
  EXPECT_EQ(find_type(300, "GENERAL"), std::nullopt);
  EXPECT_EQ(find_type(300, "7"), 7);
}

TEST(Names, SuggestsTheNearest) {
  EXPECT_EQ(nearest_class("MEASURMENT"), "CLASS1.MEASUREMENT");
  EXPECT_EQ(nearest_type(10, "temprature"), "TEMPERATURE");
  EXPECT_EQ(nearest_class("zzzzzzzzzzzz"), "");
}

}  // namespace
}  // namespace vscp
