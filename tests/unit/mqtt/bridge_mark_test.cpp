#include "drivers/mqtt/bridge_mark.h"

#include <gtest/gtest.h>

#include <string>

namespace drivers::mqtt {
namespace {

TEST(BridgeMark, GrowsHopByHopAndReadsBack) {
  BridgeMark mark;
  mark.add("hall", 0x0123abcd);
  mark.add("cloud.eu", 0xffffffff);
  EXPECT_EQ(mark.text(), "hall@0123abcd,cloud.eu@ffffffff");
  const auto read = BridgeMark::parse(mark.text());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->hops(), 2U);
  EXPECT_TRUE(read->has_broker("cloud.eu"));
  EXPECT_FALSE(read->has_broker("cloud"));
  EXPECT_TRUE(read->has_hop("hall", 0x0123abcd));
  EXPECT_FALSE(read->has_hop("hall", 0xffffffff));
  EXPECT_FALSE(read->has_hop("cloud.eu", 0x0123abcd));
}

TEST(BridgeMark, WhatIsNoneIsRefused) {
  for (const std::string& text :
       {std::string(), std::string("a"), std::string("a@"), std::string("@00112233"), std::string("a@0011223"),
        std::string("a@001122334"), std::string("a@0011223G"), std::string("a@00112233,"), std::string(",a@00112233"),
        std::string("a b@00112233"), std::string("a/b@00112233"), std::string(65, 'n') + "@00112233"}) {
    EXPECT_FALSE(BridgeMark::parse(text)) << text;
  }
}

TEST(BridgeMark, HasABound) {
  BridgeMark mark;
  for (std::size_t i = 0; i < kMarkHopsMax; ++i) mark.add(std::string(kMarkNameMax, 'x'), 1);
  EXPECT_TRUE(BridgeMark::parse(mark.text()));
  mark.add("y", 1);
  EXPECT_FALSE(BridgeMark::parse(mark.text()));
}

TEST(BridgeMark, LiesInTheLastLevelOfATopic) {
  const auto with = split_marked_topic("a/b/vscp-bridge:hall@00112233");
  EXPECT_EQ(with.topic, "a/b");
  EXPECT_EQ(with.mark, "hall@00112233");
  for (const char* topic : {"a/b", "a/vscp-bridge:x/b", "vscp-bridge:x", "a/vscp-bridge"}) {
    EXPECT_EQ(split_marked_topic(topic).topic, topic);
    EXPECT_EQ(split_marked_topic(topic).mark, "");
  }
}

}  // namespace
}  // namespace drivers::mqtt
