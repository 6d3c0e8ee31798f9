#include "drivers/socketcan/transmit_queue.h"

#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <initializer_list>
#include <map>
#include <random>

namespace drivers::socketcan {
namespace {

vscp::CanFrame frame_of(std::uint8_t priority, std::uint32_t number) {
  vscp::CanFrame out;
  out.id =
      static_cast<std::uint32_t>(priority) << 26U | (1000 - number % 1000);  // arbitration alone would turn them round
  out.size = 4;
  std::memcpy(out.data, &number, 4);
  return out;
}

std::uint32_t number_of(const WaitingFrame& frame) {
  std::uint32_t out = 0;
  std::memcpy(&out, frame.bytes.data() + 8, 4);
  return out;
}

std::vector<std::uint32_t> drain(TransmitQueue& queue) {
  std::vector<std::uint32_t> out;
  const WaitingFrame* first = nullptr;
  while (queue.peek({&first, 1}) == 1) {
    out.push_back(number_of(*first));
    queue.pop();
  }
  return out;
}

TEST(TransmitQueue, PriorityComesFirstThenTheOrderOfArrival) {
  TransmitQueue queue(16);
  std::uint32_t number = 0;
  for (const std::uint8_t priority : std::initializer_list<std::uint8_t>{7, 3, 0, 3, 7, 0, 1}) {
    EXPECT_TRUE(queue.push(frame_of(priority, number++), priority, false, 0));
  }
  EXPECT_EQ(drain(queue), (std::vector<std::uint32_t>{2, 5, 6, 1, 3, 0, 4}));
  EXPECT_TRUE(queue.empty());
}

TEST(TransmitQueue, PeekLooksOverPrioritiesAndLeavesAll) {
  TransmitQueue queue(16);
  for (std::uint32_t number = 0; number < 10; ++number) {
    const auto priority = static_cast<std::uint8_t>(7 - number % 5);
    queue.push(frame_of(priority, number), priority, false, 0);
  }
  std::array<const WaitingFrame*, 7> some{};
  ASSERT_EQ(queue.peek(some), 7U);
  EXPECT_EQ(queue.size(), 10U);
  std::vector<std::uint32_t> seen;
  for (const WaitingFrame* frame : some) seen.push_back(number_of(*frame));
  EXPECT_EQ(seen, (std::vector<std::uint32_t>{4, 9, 3, 8, 2, 7, 1}));
  const auto all = drain(queue);
  EXPECT_TRUE(std::equal(seen.begin(), seen.end(), all.begin()));
}

TEST(TransmitQueue, TheLowestPriorityIsLostFirstAndOfThatTheOldest) {
  TransmitQueue queue(4);
  for (std::uint32_t number = 0; number < 4; ++number) {
    queue.push(frame_of(number < 2 ? 5 : 2, number), number < 2 ? 5 : 2, false, 0);
  }
  EXPECT_FALSE(queue.push(frame_of(5, 4), 5, false, 0));  // as low as the lowest: the oldest of those goes
  EXPECT_FALSE(queue.push(frame_of(6, 5), 6, false, 0));  // lower than all: not taken
  EXPECT_FALSE(queue.push(frame_of(0, 6), 0, false, 0));
  EXPECT_EQ(queue.size(), 4U);
  EXPECT_EQ(queue.lost()[5], 2U);
  EXPECT_EQ(queue.lost()[6], 1U);
  EXPECT_EQ(queue.lost_total(), 3U);
  EXPECT_EQ(drain(queue), (std::vector<std::uint32_t>{6, 2, 3, 4}));
}

TEST(TransmitQueue, WhatHasWaitedForTooLongIsDroppedAlsoWhereTheClockWraps) {
  TransmitQueue queue(16);
  std::uint32_t now = 0xffffff00;
  for (std::uint32_t number = 0; number < 8; ++number, now += 100) {
    const auto priority = static_cast<std::uint8_t>(number % 2);
    queue.push(frame_of(priority, number), priority, false, now);
  }
  queue.drop_older_than(now, 800);
  EXPECT_EQ(queue.expired(), 0U);
  queue.drop_older_than(now, 450);
  EXPECT_EQ(queue.expired(), 4U);
  EXPECT_EQ(queue.lost_total(), 0U);
  EXPECT_EQ(drain(queue), (std::vector<std::uint32_t>{4, 6, 5, 7}));
}

TEST(TransmitQueue, BehavesAsItsModel) {
  constexpr std::uint32_t kCapacity = 37;
  TransmitQueue queue(kCapacity);
  std::map<std::uint8_t, std::deque<std::uint32_t>> model;
  std::uint32_t waiting = 0;
  std::mt19937 random(7);
  for (std::uint32_t step = 0; step < 100'000; ++step) {
    if (random() % 5 < 3) {
      const auto priority = static_cast<std::uint8_t>(random() % 8);
      const bool lossless = queue.push(frame_of(priority, step), priority, false, 0);
      ASSERT_EQ(lossless, waiting < kCapacity);
      model[priority].push_back(step);
      if (waiting < kCapacity) {
        ++waiting;
      } else {
        auto lowest = std::find_if(model.rbegin(), model.rend(), [](const auto& line) { return !line.second.empty(); });
        lowest->second.pop_front();
      }
    } else if (waiting > 0) {
      auto first = std::find_if(model.begin(), model.end(), [](const auto& line) { return !line.second.empty(); });
      const WaitingFrame* frame = nullptr;
      ASSERT_EQ(queue.peek({&frame, 1}), 1U);
      ASSERT_EQ(number_of(*frame), first->second.front());
      first->second.pop_front();
      queue.pop();
      --waiting;
    }
    ASSERT_EQ(queue.size(), waiting);
  }
  queue.clear();
  EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace drivers::socketcan
