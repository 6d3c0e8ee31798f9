#include "drivers/mqtt/guilty_topics.h"

#include <gtest/gtest.h>

#include <string>

namespace drivers::mqtt {
namespace {

TEST(GuiltyTopics, ThreeInARowBanATopicForAWhile) {
  GuiltyTopics topics;
  EXPECT_FALSE(topics.any());
  EXPECT_FALSE(topics.note_guilty("a", 1));
  EXPECT_FALSE(topics.note_guilty("b", 1));
  EXPECT_FALSE(topics.note_guilty("a", 2));
  EXPECT_FALSE(topics.is_banned("a", 3));
  EXPECT_TRUE(topics.note_guilty("a", 4));
  EXPECT_TRUE(topics.is_banned("a", 5));
  EXPECT_FALSE(topics.is_banned("b", 5));
  EXPECT_TRUE(topics.is_banned("a", 3 + GuiltyTopics::kBanNs));
  EXPECT_FALSE(topics.is_banned("a", 4 + GuiltyTopics::kBanNs));
  EXPECT_FALSE(topics.note_guilty("a", 5 + GuiltyTopics::kBanNs)) << "then it has another chance";
}

TEST(GuiltyTopics, AnAcknowledgementClearsATopic) {
  GuiltyTopics topics;
  for (int i = 0; i < 20; ++i) {
    EXPECT_FALSE(topics.note_guilty("a", 1));
    EXPECT_FALSE(topics.note_guilty("a", 1));
    topics.note_acknowledged("a");
    EXPECT_FALSE(topics.any());
  }
}

TEST(GuiltyTopics, OnlySoManyAreRemembered) {
  GuiltyTopics topics;
  topics.note_guilty("first", 1);
  topics.note_guilty("first", 1);
  for (std::size_t i = 0; i < GuiltyTopics::kTopicsMax; ++i) topics.note_guilty(std::to_string(i), 1);
  EXPECT_FALSE(topics.note_guilty("first", 1));
}

}  // namespace
}  // namespace drivers::mqtt
