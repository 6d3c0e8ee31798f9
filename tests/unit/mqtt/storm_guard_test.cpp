#include "drivers/mqtt/storm_guard.h"

#include <gtest/gtest.h>

#include <string>

namespace drivers::mqtt {
namespace {

using Verdict = StormGuard::Verdict;
constexpr std::uint64_t kMs = 1'000'000;

Verdict note(StormGuard& guard, const std::string& topic, const std::string& payload, std::uint64_t now_ns) {
  return guard.note(topic, {reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size()}, now_ns);
}

TEST(StormGuard, StopsWhatComesTooOftenAndLetsItGoOnLater) {
  StormGuard guard(3);
  std::uint64_t now = 1000 * kMs;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(note(guard, "t", "x", now += kMs), Verdict::kCarry);
  EXPECT_EQ(note(guard, "t", "x", now += kMs), Verdict::kBegins);
  EXPECT_EQ(note(guard, "t", "x", now += kMs), Verdict::kStopped);
  EXPECT_EQ(note(guard, "t", "y", now), Verdict::kCarry);
  EXPECT_EQ(note(guard, "u", "x", now), Verdict::kCarry);
  now += StormGuard::kStopNs;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(note(guard, "t", "x", now += kMs), Verdict::kCarry);
  EXPECT_EQ(note(guard, "t", "x", now += kMs), Verdict::kBegins);
}

TEST(StormGuard, LetsSlowRepetitionsPass) {
  StormGuard guard(3);
  std::uint64_t now = 1000 * kMs;
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(note(guard, "t", "x", now += StormGuard::kWindowNs / 2), Verdict::kCarry) << i;
}

TEST(StormGuard, SeesARepetitionAmongManyMessages) {
  StormGuard guard(100);
  std::uint64_t now = 1000 * kMs;
  bool seen = false;
  for (int i = 0; i < 20'000; ++i) {
    note(guard, "t", std::to_string(i), now += kMs / 10);
    seen = seen || note(guard, "t", "again", now) == Verdict::kBegins;
  }
  EXPECT_TRUE(seen);
}

TEST(StormGuard, CanBeSwitchedOff) {
  StormGuard guard(0);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(note(guard, "t", "x", 1), Verdict::kCarry);
}

}  // namespace
}  // namespace drivers::mqtt
