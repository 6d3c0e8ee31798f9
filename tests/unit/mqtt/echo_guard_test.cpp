#include "drivers/mqtt/echo_guard.h"

#include <gtest/gtest.h>

#include <array>

namespace drivers::mqtt {
namespace {

constexpr std::array<std::uint8_t, 3> kPayload{1, 2, 3};
constexpr std::array<std::uint8_t, 3> kOther{1, 2, 4};

TEST(EchoGuard, EachMessageComesBackOnce) {
  EchoGuard guard;
  guard.note_published("a/b", kPayload, 1, 0);
  guard.note_published("a/b", kPayload, 1, 1);
  EXPECT_FALSE(guard.is_echo("a/c", kPayload, 2));
  EXPECT_FALSE(guard.is_echo("a/b", kOther, 2));
  EXPECT_TRUE(guard.is_echo("a/b", kPayload, 2));
  EXPECT_TRUE(guard.is_echo("a/b", kPayload, 3));
  EXPECT_FALSE(guard.is_echo("a/b", kPayload, 4)) << "somebody else's, equal to ours";
}

TEST(EchoGuard, WhatDoesNotComeBackIsForgotten) {
  EchoGuard guard;
  guard.note_published("a", kPayload, 1, 0);
  guard.note_published("b", kPayload, 1, 10);
  EXPECT_FALSE(guard.is_echo("a", kPayload, EchoGuard::kKeepNs));
  EXPECT_TRUE(guard.is_echo("b", kPayload, EchoGuard::kKeepNs));
}

TEST(EchoGuard, EveryConnectionThatSubscribesGetsACopy) {
  EchoGuard guard;
  const int first = 0;
  const int second = 0;
  guard.add_subscription(&first, "vscp/#", true);
  guard.add_subscription(&second, "vscp/#", false);
  guard.add_subscription(&second, "vscp/+/20", false);
  EXPECT_EQ(guard.copies(&first, "vscp/a/20"), 1U) << "no local, and one copy for two filters of one client";
  EXPECT_EQ(guard.copies(&second, "vscp/a/20"), 2U);
  EXPECT_EQ(guard.copies(&second, "other"), 0U);
  guard.note_published("vscp/a", kPayload, 2, 0);
  EXPECT_TRUE(guard.is_echo("vscp/a", kPayload, 1));
  EXPECT_TRUE(guard.is_echo("vscp/a", kPayload, 1));
  EXPECT_FALSE(guard.is_echo("vscp/a", kPayload, 1));
}

TEST(EchoGuard, IsBounded) {
  EchoGuard guard;
  for (std::size_t i = 0; i <= EchoGuard::kMax; ++i) {
    const std::array<std::uint8_t, 4> payload{static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(i >> 8U),
                                              static_cast<std::uint8_t>(i >> 16U), static_cast<std::uint8_t>(i >> 24U)};
    guard.note_published("t", payload, 1, 0);
  }
  EXPECT_FALSE(guard.is_echo("t", std::array<std::uint8_t, 4>{0, 0, 0, 0}, 1)) << "the oldest went";
  EXPECT_TRUE(guard.is_echo("t", std::array<std::uint8_t, 4>{1, 0, 0, 0}, 1));
}

}  // namespace
}  // namespace drivers::mqtt
