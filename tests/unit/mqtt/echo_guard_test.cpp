#include "drivers/mqtt/echo_guard.h"

#include <gtest/gtest.h>

#include <array>

namespace drivers::mqtt {
namespace {

constexpr std::array<std::uint8_t, 3> kPayload{1, 2, 3};
constexpr std::array<std::uint8_t, 3> kOther{1, 2, 4};

TEST(EchoGuard, EachMessageComesBackOnce) {
  EchoGuard guard;
  guard.note_published("a/b", kPayload, 0);
  guard.note_published("a/b", kPayload, 1);
  EXPECT_FALSE(guard.is_echo("a/c", kPayload, 2));
  EXPECT_FALSE(guard.is_echo("a/b", kOther, 2));
  EXPECT_TRUE(guard.is_echo("a/b", kPayload, 2));
  EXPECT_TRUE(guard.is_echo("a/b", kPayload, 3));
  EXPECT_FALSE(guard.is_echo("a/b", kPayload, 4)) << "somebody else's, equal to ours";
}

TEST(EchoGuard, WhatDoesNotComeBackIsForgotten) {
  EchoGuard guard;
  guard.note_published("a", kPayload, 0);
  guard.note_published("b", kPayload, 10);
  EXPECT_FALSE(guard.is_echo("a", kPayload, EchoGuard::kKeepNs));
  EXPECT_TRUE(guard.is_echo("b", kPayload, EchoGuard::kKeepNs));
}

TEST(EchoGuard, IsBounded) {
  EchoGuard guard;
  for (std::size_t i = 0; i <= EchoGuard::kMax; ++i) {
    const std::array<std::uint8_t, 4> payload{static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(i >> 8U),
                                              static_cast<std::uint8_t>(i >> 16U), static_cast<std::uint8_t>(i >> 24U)};
    guard.note_published("t", payload, 0);
  }
  EXPECT_FALSE(guard.is_echo("t", std::array<std::uint8_t, 4>{0, 0, 0, 0}, 1)) << "the oldest went";
  EXPECT_TRUE(guard.is_echo("t", std::array<std::uint8_t, 4>{1, 0, 0, 0}, 1));
}

}  // namespace
}  // namespace drivers::mqtt
