#include "drivers/mqtt/poison_watch.h"

#include <gtest/gtest.h>

#include <random>

namespace drivers::mqtt {
namespace {

constexpr std::uint64_t kMs = 1'000'000;
constexpr Suspect record(std::uint64_t ticket) {
  return {Suspect::Kind::kRecord, ticket, 0};
}

/// A watch with a clock.
struct Rig {
  PoisonWatch watch;
  std::uint64_t now = 1'000 * kMs;

  /// A connection at full speed that brings no answer to `count` messages.
  LossVerdict lose(std::uint64_t count, std::uint64_t lasts_ms = 10'000, bool blamed = false) {
    watch.note_connected(now);
    for (std::uint64_t i = 0; i < count; ++i) watch.note_sent();
    now += lasts_ms * kMs;
    return watch.note_lost(now, blamed);
  }
  void make_careful(std::uint64_t count = 100) {
    while (!watch.is_careful()) lose(count);
  }
  /// Waits until something may be sent, and sends it; lost after so long.
  LossVerdict strike(const Suspect& suspect, std::uint64_t after_ms = 1, bool blamed = false) {
    watch.note_connected(now);
    EXPECT_FALSE(watch.may_send(now));
    now = watch.may_send_at_ns();
    EXPECT_TRUE(watch.may_send(now));
    watch.note_sent(suspect, now);
    EXPECT_FALSE(watch.may_send(now + 1'000'000 * kMs)) << "one thing at a time";
    now += after_ms * kMs;
    return watch.note_lost(now, blamed);
  }
};

TEST(PoisonWatch, ThreeLossesWithoutAnAnswerMakeCareful) {
  Rig rig;
  EXPECT_TRUE(rig.watch.may_send(rig.now));
  EXPECT_EQ(rig.lose(5), LossVerdict::kNothing);
  EXPECT_EQ(rig.lose(5), LossVerdict::kNothing);
  EXPECT_EQ(rig.lose(5), LossVerdict::kBeCareful);
  EXPECT_TRUE(rig.watch.is_careful());
}

TEST(PoisonWatch, NothingUnderWayIsNobodysFault) {
  Rig rig;
  for (int i = 0; i < 50; ++i) EXPECT_EQ(rig.lose(0, 1), LossVerdict::kNothing);
}

TEST(PoisonWatch, AnAnswerBeginsTheCountAnew) {
  Rig rig;
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(rig.lose(5), LossVerdict::kNothing);
    EXPECT_EQ(rig.lose(5), LossVerdict::kNothing);
    rig.watch.note_connected(rig.now);
    rig.watch.note_sent();
    rig.watch.note_sent();
    rig.watch.note_over(true, true);
    rig.now += 10'000 * kMs;
    EXPECT_EQ(rig.watch.note_lost(rig.now, false), LossVerdict::kNothing);
  }
}

TEST(PoisonWatch, ConnectionsThatAreShortAllTheTimeMakeCarefulToo) {
  Rig rig;
  LossVerdict verdict = LossVerdict::kNothing;
  for (std::uint32_t i = 0; i < PoisonWatch::kShortLossesMax; ++i) {
    EXPECT_EQ(verdict, LossVerdict::kNothing);
    rig.watch.note_connected(rig.now);
    rig.watch.note_sent();
    rig.watch.note_sent();
    rig.watch.note_over(true, true);
    rig.now += 10 * kMs;
    verdict = rig.watch.note_lost(rig.now, false);
  }
  EXPECT_EQ(verdict, LossVerdict::kBeCareful);
}

TEST(PoisonWatch, ThreeStrikesInARowAreGuilty) {
  Rig rig;
  rig.make_careful();
  EXPECT_EQ(rig.strike(record(7)), LossVerdict::kNothing);
  EXPECT_EQ(rig.strike(record(7)), LossVerdict::kNothing);
  EXPECT_EQ(rig.strike(record(7)), LossVerdict::kGuilty);
  EXPECT_EQ(rig.watch.suspect(), record(7));
  EXPECT_FALSE(rig.watch.is_careful());
  EXPECT_EQ(rig.lose(5), LossVerdict::kBeCareful) << "for a while one loss is enough";
}

TEST(PoisonWatch, AnotherMessageIsAnotherSuspect) {
  Rig rig;
  rig.make_careful();
  for (std::uint64_t i = 0; i < 50; ++i) EXPECT_EQ(rig.strike(record(i / 2)), LossVerdict::kNothing);
}

TEST(PoisonWatch, WhatWasAnsweredOnceIsInnocent) {
  Rig rig;
  rig.make_careful();
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(rig.strike(record(7)), LossVerdict::kNothing);
    EXPECT_EQ(rig.strike(record(7)), LossVerdict::kNothing);
    rig.watch.note_connected(rig.now);
    rig.now = rig.watch.may_send_at_ns();
    rig.watch.note_sent(record(7), rig.now);
    rig.watch.note_over(true, true);
    EXPECT_EQ(rig.watch.note_lost(rig.now, false), LossVerdict::kNothing);
  }
}

TEST(PoisonWatch, AConnectionThatGoesWithoutUsIsNoStrike) {
  Rig rig;
  rig.make_careful();
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(rig.strike(record(7)), LossVerdict::kNothing);
    EXPECT_EQ(rig.strike(record(7)), LossVerdict::kNothing);
    rig.watch.note_connected(rig.now);
    rig.now += kMs;
    EXPECT_EQ(rig.watch.note_lost(rig.now, false), LossVerdict::kNothing);
  }
}

TEST(PoisonWatch, ALateLossIsNoStrikeAndTheNextConnectionMustStandLonger) {
  Rig rig;
  rig.make_careful();
  EXPECT_EQ(rig.strike(record(7), 1000), LossVerdict::kNothing);
  rig.watch.note_connected(rig.now);
  EXPECT_EQ(rig.watch.may_send_at_ns(), rig.now + 2000 * kMs);
  // A broker that hangs is lost when the keep-alive is over: never a strike.
  for (int i = 0; i < 20; ++i) EXPECT_EQ(rig.strike(record(7), 45'000), LossVerdict::kNothing);
  // One that needs a second to close the connection is found out.
  rig.strike(record(7), 1000);
  rig.strike(record(7), 1000);
  EXPECT_EQ(rig.strike(record(7), 1000), LossVerdict::kGuilty);
}

TEST(PoisonWatch, ABrokerThatBlamesUsIsBelieved) {
  Rig rig;
  EXPECT_EQ(rig.lose(5, 1, true), LossVerdict::kBeCareful);
  EXPECT_EQ(rig.strike(record(7), 1, true), LossVerdict::kGuilty);
}

TEST(PoisonWatch, WhatWasUnderWayHasPassedThenFullSpeed) {
  Rig rig;
  rig.make_careful(3);
  rig.watch.note_connected(rig.now);
  for (std::uint64_t i = 0; i < 3; ++i) {
    rig.now = std::max(rig.now, rig.watch.may_send_at_ns());
    EXPECT_TRUE(rig.watch.is_careful());
    rig.watch.note_sent({Suspect::Kind::kPlain, i, 0}, rig.now);
    rig.watch.note_over(true, false);
    rig.watch.note_sent(record(i), rig.now);
    rig.watch.note_over(true, true);
  }
  EXPECT_FALSE(rig.watch.is_careful());
  rig.make_careful(3);
  rig.watch.note_connected(rig.now);
  rig.watch.note_idle();
  EXPECT_FALSE(rig.watch.is_careful());
}

// Killed at random while it answers within 20 ms: many thousands of connections, and nobody is found guilty.
TEST(PoisonWatch, ABrokerKilledAtRandomConvictsNobody) {
  std::mt19937_64 random(4);
  Rig rig;
  std::uint64_t ticket = 0;
  int careful = 0;
  for (int connection = 0; connection < 20'000; ++connection) {
    const std::uint64_t end = rig.now + random() % (2000 * kMs);
    rig.watch.note_connected(rig.now);
    careful += rig.watch.is_careful() ? 1 : 0;
    while (rig.now < end) {
      if (!rig.watch.is_careful()) {
        for (int i = 0; i < 10; ++i) rig.watch.note_sent();
        rig.now = end;
        break;
      }
      rig.now = std::max(rig.now, rig.watch.may_send_at_ns());
      if (rig.now >= end) break;
      rig.watch.note_sent(record(ticket), rig.now);
      rig.now += random() % (20 * kMs);
      if (rig.now >= end) break;
      rig.watch.note_over(true, true);
      ++ticket;
    }
    rig.now = end;
    ASSERT_NE(rig.watch.note_lost(rig.now, false), LossVerdict::kGuilty);
  }
  EXPECT_GT(careful, 1000);
}

}  // namespace
}  // namespace drivers::mqtt
