#include "router/base/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>
#include <vector>

namespace router {
namespace {

TEST(SeededRandom, SameSeedSameSequence) {
  SeededRandom a(42);
  SeededRandom b(42);
  SeededRandom c(43);
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t value = a.next();
    EXPECT_EQ(value, b.next());
    differs = differs || value != c.next();
  }
  EXPECT_TRUE(differs);
}

TEST(SeededRandom, SequenceIsTheOneOfXoshiro256StarStar) {
  // State from splitmix64(0), first outputs computed independently; a change here breaks the replay of old seeds.
  SeededRandom random(0);
  EXPECT_EQ(random.next(), 0x99ec5f36cb75f2b4ULL);
  EXPECT_EQ(random.next(), 0xbf6e1f784956452aULL);
}

TEST(Random, BelowStaysBelowAndReachesEveryValue) {
  SeededRandom random(1);
  std::array<unsigned, 10> counts{};
  for (int i = 0; i < 10000; ++i) {
    const std::uint64_t value = random.below(10);
    ASSERT_LT(value, 10U);
    ++counts[value];
  }
  for (const unsigned count : counts) {
    EXPECT_GT(count, 850U);
    EXPECT_LT(count, 1150U);
  }
  EXPECT_EQ(random.below(1), 0U);
  EXPECT_EQ(random.below(0), 0U);
}

TEST(Random, FillsAnySize) {
  SeededRandom random(9);
  for (std::size_t size = 0; size < 40; ++size) {
    std::vector<std::uint8_t> bytes(size + 1, 0xaa);
    random.fill(std::span(bytes).first(size));
    EXPECT_EQ(bytes[size], 0xaa);
  }
}

TEST(SystemRandom, GivesDifferentNumbers) {
  SystemRandom random;
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(random.next());
  EXPECT_EQ(seen.size(), 1000U);
  std::vector<std::uint8_t> large(100000, 0);
  random.fill(large);
  EXPECT_NE(std::count(large.begin(), large.end(), 0), 100000);
}

}  // namespace
}  // namespace router
