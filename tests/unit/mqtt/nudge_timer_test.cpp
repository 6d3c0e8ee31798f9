#include "drivers/mqtt/nudge_timer.h"

#include <gtest/gtest.h>

#include <vector>

namespace drivers::mqtt {
namespace {

constexpr std::uint64_t kMs = 1'000'000;
constexpr std::uint64_t kStart = 5'000 * kMs;

TEST(NudgeTimer, NothingGivenNothingDue) {
  NudgeTimer timer;
  timer.update(kStart, false);
  EXPECT_EQ(timer.at_ns(), NudgeTimer::kNever);
  EXPECT_FALSE(timer.is_due(kStart + 10'000 * kMs));
}

TEST(NudgeTimer, AnAnswerInTimeNeedsNone) {
  NudgeTimer timer;
  timer.note_given();
  timer.update(kStart, false);
  EXPECT_EQ(timer.at_ns(), kStart + NudgeTimer::kFirstNs);
  EXPECT_FALSE(timer.is_due(kStart + NudgeTimer::kFirstNs - 1));
  timer.update(kStart + kMs, true);
  EXPECT_EQ(timer.at_ns(), NudgeTimer::kNever);
  EXPECT_FALSE(timer.is_due(kStart + 10'000 * kMs));
}

TEST(NudgeTimer, ASlowBrokerIsAskedEverMoreRarely) {
  NudgeTimer timer;
  timer.note_given();
  timer.update(kStart, false);
  std::vector<std::uint64_t> nudges;
  for (std::uint64_t ms = 1; ms <= 400; ++ms) {
    timer.update(kStart + ms * kMs, false);
    if (timer.is_due(kStart + ms * kMs)) nudges.push_back(ms);
  }
  EXPECT_EQ(nudges, (std::vector<std::uint64_t>{2, 4, 8, 16, 32, 64, 114, 164, 214, 264, 314, 364}));
}

TEST(NudgeTimer, WhatIsGivenBeginsAnew) {
  NudgeTimer timer;
  timer.note_given();
  timer.update(kStart, false);
  EXPECT_TRUE(timer.is_due(kStart + 100 * kMs));
  EXPECT_EQ(timer.at_ns(), kStart + 150 * kMs);
  timer.note_given();
  timer.update(kStart + 140 * kMs, false);
  EXPECT_EQ(timer.at_ns(), kStart + 140 * kMs + NudgeTimer::kFirstNs);
}

}  // namespace
}  // namespace drivers::mqtt
