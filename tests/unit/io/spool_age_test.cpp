// How old records are, whatever the wall clock does.
#include <gtest/gtest.h>

#include "tests/unit/io/spool_rig.h"

namespace {

using test::open_spool;
using test::put;
using test::read_texts;
using Texts = std::vector<std::string>;

constexpr std::uint64_t kHour = 3'600'000'000'000;

class SpoolAge : public testing::Test {
 protected:
  SpoolAge() : options_(test::spool_options(dir_.path() + "/spool")) { options_.limits.age_max_ns = 4 * kHour; }
  void pass(std::uint64_t time) {
    clock_.monotonic += time;
    clock_.utc += time;
  }

  test::FastDir dir_;
  test::JumpClock clock_;
  router::SpoolOptions options_;
};

TEST_F(SpoolAge, AJumpOfTheWallClockChangesNoAge) {
  for (const std::int64_t jump : {+1, -1, +1000, -1000}) {
    auto spool = open_spool(options_, clock_);
    put(*spool, 3, "a");
    clock_.utc += static_cast<std::uint64_t>(jump * static_cast<std::int64_t>(kHour));
    pass(3 * kHour);
    put(*spool, 3, "b");
    EXPECT_EQ(spool->status().records, 2U);
    pass(kHour + kHour / 2);
    EXPECT_EQ(read_texts(*spool), Texts{"b"});
    EXPECT_EQ(spool->status().dropped_age, 1U);
    spool->rewind();
    spool->purge();
  }
}

TEST_F(SpoolAge, ARestartOfTheProcessGoesByTheMonotonicClock) {
  put(*open_spool(options_, clock_), 3, "a");
  clock_.monotonic += 3 * kHour;
  clock_.utc -= 100 * kHour;
  put(*open_spool(options_, clock_), 3, "b");
  clock_.monotonic += 2 * kHour;
  clock_.utc += 1000 * kHour;
  EXPECT_EQ(read_texts(*open_spool(options_, clock_)), Texts{"b"});
}

TEST_F(SpoolAge, OverABootTheWallClockCounts) {
  put(*open_spool(options_, clock_), 3, "a");
  ++options_.boot;
  clock_.monotonic = 5'000'000'000;
  clock_.utc += kHour;
  put(*open_spool(options_, clock_), 3, "b");
  ++options_.boot;
  clock_.monotonic = 5'000'000'000;
  clock_.utc += 2 * kHour;
  auto spool = open_spool(options_, clock_);
  pass(kHour + kHour / 10);
  EXPECT_EQ(read_texts(*spool), Texts{"b"});
}

TEST_F(SpoolAge, AClockThatIsWrongAtBootNeitherEmptiesTheSpoolNorKeepsItForEver) {
  for (const bool forth : {true, false}) {
    put(*open_spool(options_, clock_), 3, "a");
    ++options_.boot;
    clock_.monotonic = 5'000'000'000;
    clock_.utc = forth ? clock_.utc + 300'000 * kHour : clock_.utc - 300'000 * kHour;
    auto spool = open_spool(options_, clock_);
    pass(kHour + kHour / 2);
    EXPECT_TRUE(spool->commit());
    EXPECT_EQ(spool->status().records, 1U);
    pass(3 * kHour);
    EXPECT_TRUE(spool->commit());
    EXPECT_EQ(spool->status().records, 0U);
    EXPECT_EQ(spool->status().dropped_age, 1U);
  }
}

TEST_F(SpoolAge, WithoutALimitNothingAges) {
  options_.limits.age_max_ns = 0;
  auto spool = open_spool(options_, clock_);
  put(*spool, 3, "a");
  pass(100'000 * kHour);
  EXPECT_EQ(read_texts(*spool), Texts{"a"});
}

TEST_F(SpoolAge, WhatWasDroppedForItsAgeDoesNotComeAgain) {
  {
    auto spool = open_spool(options_, clock_);
    put(*spool, 3, "a");
    pass(5 * kHour);
    EXPECT_TRUE(read_texts(*spool).empty());
  }
  options_.limits.age_max_ns = 0;
  auto spool = open_spool(options_, clock_);
  EXPECT_EQ(spool->status().records, 0U);
  EXPECT_TRUE(spool->report().clean());
}

}  // namespace
