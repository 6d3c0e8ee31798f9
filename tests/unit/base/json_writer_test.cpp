#include "router/base/json_writer.h"

#include <gtest/gtest.h>

#include <limits>

#include "router/base/config_node.h"
#include "router/base/random.h"

namespace router {
namespace {

TEST(JsonWriter, WritesNestedValuesOnOneLine) {
  JsonWriter w;
  w.begin_object().member("a", 1).member("b", true).key("c").begin_array().value("x").value(-2).null().end_array();
  w.key("d").begin_object().end_object().key("e").begin_array().end_array().member("f", 0.5).end_object();
  EXPECT_EQ(w.text(), R"({"a":1,"b":true,"c":["x",-2,null],"d":{},"e":[],"f":0.5})");
  EXPECT_EQ(w.depth(), 0U);
}

TEST(JsonWriter, IndentsOnRequest) {
  JsonWriter w(2);
  w.begin_object().member("a", 1).key("b").begin_array().value(1U).value(2U).end_array().key("c").begin_object();
  w.end_object().end_object();
  EXPECT_EQ(w.text(), "{\n  \"a\": 1,\n  \"b\": [\n    1,\n    2\n  ],\n  \"c\": {}\n}");
}

TEST(JsonWriter, WritesEveryNumberSoThatItReadsBack) {
  JsonWriter w;
  w.begin_array().value(std::numeric_limits<std::uint64_t>::max()).value(std::numeric_limits<std::int64_t>::min());
  w.value(0.1).value(1e300).value(std::numeric_limits<double>::quiet_NaN());
  w.value(std::numeric_limits<double>::infinity()).value(std::uint8_t{7}).end_array();
  EXPECT_EQ(w.text(), "[18446744073709551615,-9223372036854775808,0.1,1e+300,null,null,7]");
}

TEST(JsonWriter, EscapesWhatJsonAndHtmlNeed) {
  std::string out;
  append_json_string(out, std::string_view("a\"b\\c\n\r\t\x01\x7f\0<>&", 14));
  EXPECT_EQ(out, R"("a\"b\\c\n\r\t\u0001\u007f\u0000\u003c\u003e\u0026")");
}

TEST(JsonWriter, KeepsUtf8AndReplacesTheRest) {
  std::string out;
  append_json_string(out, "\xc3\xa5\xe2\x82\xac\xf0\x9f\x98\x80");
  EXPECT_EQ(out, "\"\xc3\xa5\xe2\x82\xac\xf0\x9f\x98\x80\"");
  for (const std::string_view bad :
       {"\x80", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xff", "\xc3"}) {
    out.clear();
    append_json_string(out, bad);
    EXPECT_EQ(out.substr(0, 7), "\"\\ufffd") << static_cast<int>(bad[0]);
  }
}

TEST(JsonWriter, RandomBytesAlwaysGiveValidJson) {
  SeededRandom random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string text(random.below(40), '\0');
    for (char& c : text) c = static_cast<char>(random.below(256));
    JsonWriter w;
    w.begin_array().value(text).end_array();
    ConfigContext context;
    EXPECT_TRUE(parse_config_text(w.text(), context)) << w.text();
  }
}

TEST(JsonWriterDeath, UnbalancedUseStopsTheProgram) {
  EXPECT_DEATH(JsonWriter().begin_object().value(1), "");
  EXPECT_DEATH(JsonWriter().begin_array().key("a"), "");
  EXPECT_DEATH(JsonWriter().begin_array().end_object(), "");
  EXPECT_DEATH(JsonWriter().value(1).value(2), "");
  EXPECT_DEATH(JsonWriter().begin_object().key("a").end_object(), "");
}

}  // namespace
}  // namespace router
