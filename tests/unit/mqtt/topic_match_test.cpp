#include "drivers/mqtt/topic_match.h"

#include <gtest/gtest.h>

namespace drivers::mqtt::test {
namespace {

TEST(TopicMatch, TheExamplesOfTheMqttStandard) {
  EXPECT_TRUE(topic_matches("sport/tennis/player1/#", "sport/tennis/player1"));
  EXPECT_TRUE(topic_matches("sport/tennis/player1/#", "sport/tennis/player1/ranking"));
  EXPECT_TRUE(topic_matches("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon"));
  EXPECT_TRUE(topic_matches("sport/#", "sport"));
  EXPECT_TRUE(topic_matches("#", "sport/tennis"));
  EXPECT_TRUE(topic_matches("sport/tennis/+", "sport/tennis/player1"));
  EXPECT_FALSE(topic_matches("sport/tennis/+", "sport/tennis/player1/ranking"));
  EXPECT_FALSE(topic_matches("sport/+", "sport"));
  EXPECT_TRUE(topic_matches("sport/+", "sport/"));
  EXPECT_TRUE(topic_matches("+/+", "/finance"));
  EXPECT_TRUE(topic_matches("/+", "/finance"));
  EXPECT_FALSE(topic_matches("+", "/finance"));
  EXPECT_TRUE(topic_matches("+/tennis/#", "sport/tennis"));
}

TEST(TopicMatch, WildcardsDoNotMatchDollarTopics) {
  EXPECT_FALSE(topic_matches("#", "$SYS/broker/uptime"));
  EXPECT_FALSE(topic_matches("+/broker/uptime", "$SYS/broker/uptime"));
  EXPECT_TRUE(topic_matches("$SYS/#", "$SYS/broker/uptime"));
  EXPECT_TRUE(topic_matches("$SYS/+/uptime", "$SYS/broker/uptime"));
  EXPECT_TRUE(topic_matches("a/#", "a/$b"));
}

TEST(TopicMatch, LevelsAreWhole) {
  EXPECT_TRUE(topic_matches("a/b", "a/b"));
  EXPECT_FALSE(topic_matches("a/b", "a/B"));
  EXPECT_FALSE(topic_matches("a/b", "a/bc"));
  EXPECT_FALSE(topic_matches("a/bc", "a/b"));
  EXPECT_FALSE(topic_matches("a", "a/"));
  EXPECT_FALSE(topic_matches("a/", "a"));
  EXPECT_TRUE(topic_matches("a//b", "a//b"));
  EXPECT_TRUE(topic_matches("a/+/b", "a//b"));
  EXPECT_FALSE(topic_matches("a/+/b", "a/b"));
  EXPECT_TRUE(topic_matches("a/#", "a/"));
}

TEST(TopicMatch, SharedSubscriptions) {
  EXPECT_TRUE(topic_matches("$share/group/vscp/#", "vscp/x"));
  EXPECT_FALSE(topic_matches("$share/group/vscp/#", "other/x"));
  EXPECT_FALSE(topic_matches("$share/group/#", "$SYS/x"));
  EXPECT_TRUE(topic_matches("$share/group//finance", "/finance"));
  EXPECT_FALSE(topic_matches("$share/group", "$share/group"));
}

TEST(TopicMatch, WhatIsNoFilterMatchesNothing) {
  for (const char* filter : {"", "a#", "#/a", "a/b#", "a+/b", "+a", "a/#/b"}) {
    for (const char* topic : {"", "a", "a#", "#/a", "a/b#", "a+/b", "+a", "a/x/b", "b/a", "x/a"}) {
      EXPECT_FALSE(topic_matches(filter, topic)) << filter << " " << topic;
    }
  }
}

std::string fault_of(std::optional<TopicFault> fault) {
  return fault ? std::to_string(fault->offset) + " " + std::string(fault->text) : "good";
}

TEST(TopicMatch, BroaderFiltersCoverNarrowerOnes) {
  for (const auto& [filter, other] : {std::pair{"#", "a/+/#"}, {"a/#", "a"}, {"a/#", "a/b/#"}, {"a/+", "a/b"}, {"a/+", "a/+"}}) {
    EXPECT_TRUE(filter_covers(filter, other)) << filter << ' ' << other;
  }
  for (const auto& [filter, other] : {std::pair{"a/+", "a/#"}, {"a/b", "a/+"}, {"a/#", "#"}, {"+", "a/b"}, {"a/b/#", "a/#"}}) {
    EXPECT_FALSE(filter_covers(filter, other)) << filter << ' ' << other;
  }
}

TEST(TopicMatch, FaultsOfTopics) {
  EXPECT_EQ(fault_of(find_topic_fault("vscp/a")), "good");
  EXPECT_EQ(fault_of(find_topic_fault("vscp/käse/✓/\xf0\x9f\x98\x80")), "good");
  EXPECT_EQ(fault_of(find_topic_fault(std::string(65535, 'a'))), "good");
  EXPECT_EQ(fault_of(find_topic_fault("")), "0 is empty");
  EXPECT_EQ(fault_of(find_topic_fault(std::string(65536, 'a'))), "65535 is longer than 65535 bytes");
  EXPECT_EQ(fault_of(find_topic_fault("a/+")), "2 has a wildcard ('+' or '#'), which only a filter may have");
  EXPECT_EQ(fault_of(find_topic_fault("a/b#")), "3 has a wildcard ('+' or '#'), which only a filter may have");
  EXPECT_EQ(fault_of(find_topic_fault(std::string_view("a\0b", 3))), "1 has a control character");
  EXPECT_EQ(fault_of(find_topic_fault("a\nb")), "1 has a control character");
  for (const char* text : {"a\xff", "a\xc3", "a\xc0\x80", "a\xe0\x80\x80", "a\xed\xa0\x80", "a\xf4\x90\x80\x80",
                           "a\x80", "a\xe2\x82", "a\xf0\x8f\xbf\xbf", "a\xf5\x80\x80\x80"}) {
    EXPECT_EQ(fault_of(find_topic_fault(text)), "1 is not UTF-8") << text;
  }
}

TEST(TopicMatch, FaultsOfFilters) {
  for (const char* filter : {"#", "+", "a/#", "+/a/+", "/#", "/+/", "$share/group/#", "$share/group/+/x", "$SYS/#"}) {
    EXPECT_EQ(fault_of(find_filter_fault(filter)), "good") << filter;
  }
  EXPECT_EQ(fault_of(find_filter_fault("a/b+")), "3 has a wildcard that is not a whole level");
  EXPECT_EQ(fault_of(find_filter_fault("a/+b")), "2 has a wildcard that is not a whole level");
  EXPECT_EQ(fault_of(find_filter_fault("a#")), "1 has a wildcard that is not a whole level");
  EXPECT_EQ(fault_of(find_filter_fault("a/#/b")), "2 has '#' before its last level");
  EXPECT_EQ(fault_of(find_filter_fault("$share/group/a#")), "14 has a wildcard that is not a whole level");
  for (const char* filter : {"$share/", "$share/g", "$share/g/", "$share//a"}) {
    EXPECT_EQ(fault_of(find_filter_fault(filter)),
              "0 is shared, but has no group or no filter: write $share/GROUP/FILTER")
        << filter;
  }
  EXPECT_EQ(fault_of(find_filter_fault("$share/g+/a")), "0 has a wildcard in the group of a shared filter");
}

std::string mapped(std::string_view topic, TopicMapping mapping, std::size_t room = 100) {
  std::vector<char> out(room, '?');
  const auto result = map_topic(topic, mapping, out);
  if (!result) return "nothing";
  EXPECT_EQ(out[result->size()], '\0');
  return std::string(*result);
}

TEST(TopicMatch, MapsPrefixes) {
  EXPECT_EQ(mapped("vscp/a/b", {"vscp/", "site1/vscp/"}), "site1/vscp/a/b");
  EXPECT_EQ(mapped("site1/vscp/a", {"site1/", ""}), "vscp/a");
  EXPECT_EQ(mapped("a", {"", ""}), "a");
  EXPECT_EQ(mapped("a", {"", "b/"}), "b/a");
  EXPECT_EQ(mapped("other/a", {"vscp/", "x/"}), "nothing");
  EXPECT_EQ(mapped("vscp/", {"vscp/", ""}), "nothing");
  EXPECT_EQ(mapped("vscp/", {"vscp/", "x"}), "x");
}

TEST(TopicMatch, MappingStaysInItsRoom) {
  EXPECT_EQ(mapped("abc", {"", "d"}, 5), "dabc");
  EXPECT_EQ(mapped("abc", {"", "d"}, 4), "nothing");
  EXPECT_EQ(mapped("abc", {"", ""}, 0), "nothing");
  const std::string longest(65535, 'a');
  EXPECT_EQ(mapped(longest, {"", ""}, 70000), longest);
  EXPECT_EQ(mapped(longest, {"", "b"}, 70000), "nothing");
}

TEST(TopicMatch, ValuesThatComeFromOutsideCannotMakeWildcards) {
  const auto value = [](std::string_view text) {
    std::string out = "x/";
    append_topic_value(text, out);
    return out;
  };
  EXPECT_EQ(value("plain-name_1.2:3@host"), "x/plain-name_1.2:3@host");
  EXPECT_EQ(value("site/floor1"), "x/site/floor1");
  EXPECT_EQ(value("käse ✓"), "x/käse ✓");
  EXPECT_EQ(value("a#b+c%d"), "x/a%23b%2Bc%25d");
  EXPECT_EQ(value(std::string_view("a\0\x1f\x7f", 4)), "x/a%00%1F%7F");
  EXPECT_EQ(value("\xff\xc3"), "x/%FF%C3");
  EXPECT_EQ(value("\xed\xa0\x80"), "x/%ED%A0%80");
  EXPECT_EQ(value(""), "x/");
}

}  // namespace
}  // namespace drivers::mqtt::test
