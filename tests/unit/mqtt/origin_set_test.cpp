#include "drivers/mqtt/origin_set.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace drivers::mqtt {
namespace {

router::EventOrigin origin(std::uint64_t router, std::uint64_t thread, std::uint64_t number) {
  return {router, (thread << 48U) | number, 0};
}

TEST(OriginSet, KnowsWhatHasComeInAnyOrder) {
  for (unsigned seed = 1; seed <= 50; ++seed) {
    std::mt19937 random(seed);
    OriginSet set;
    std::set<std::uint64_t> model;
    for (int step = 0; step < 2000; ++step) {
      const std::uint64_t number = random() % 700;
      ASSERT_EQ(set.insert(origin(1, 2, number)), model.insert(number).second) << "seed " << seed << " number " << number;
    }
  }
}

TEST(OriginSet, RoutersAndThreadsAreToldApart) {
  OriginSet set;
  EXPECT_TRUE(set.insert(origin(1, 0, 7)));
  EXPECT_TRUE(set.insert(origin(2, 0, 7)));
  EXPECT_TRUE(set.insert(origin(1, 1, 7)));
  EXPECT_FALSE(set.insert(origin(1, 1, 7)));
}

TEST(OriginSet, ForgetsTheOldestWhenThereAreTooManyGapsOrSources) {
  OriginSet set;
  for (std::uint64_t i = 0; i <= OriginSet::kRangesMax; ++i) EXPECT_TRUE(set.insert(origin(1, 0, i * 2)));
  EXPECT_TRUE(set.insert(origin(1, 0, 0))) << "the oldest range is forgotten: twice rather than not at all";
  EXPECT_FALSE(set.insert(origin(1, 0, OriginSet::kRangesMax * 2)));
  OriginSet many;
  for (std::uint64_t i = 0; i <= OriginSet::kSourcesMax; ++i) EXPECT_TRUE(many.insert(origin(i, 0, 1)));
  EXPECT_FALSE(many.insert(origin(OriginSet::kSourcesMax, 0, 1)));
  EXPECT_TRUE(many.insert(origin(0, 0, 1)));
}

}  // namespace
}  // namespace drivers::mqtt
