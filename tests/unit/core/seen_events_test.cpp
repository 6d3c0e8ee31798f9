// The table of events that were seen: what is told apart, for how long, and that of threads with the same event exactly
// one is told that it is new.
#include "router/core/seen_events.h"

#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <thread>
#include <vector>

namespace router {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kStart = 1000 * kSecond;

vscp::Event some_event() {
  vscp::Event event;
  event.time_ns = 1'767'323'045 * kSecond;
  event.timestamp_us = 4711;
  event.guid.bytes = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  event.head = 0x60;
  event.vscp_class = 20;
  event.vscp_type = 3;
  event.data_size = 11;
  for (std::uint8_t i = 0; i < 11; ++i) event.data[i] = i;
  return event;
}

TEST(SeenEvents, TheSameEventAgainIsKnown) {
  SeenEvents seen({}, 1);
  const vscp::Event event = some_event();
  EXPECT_TRUE(seen.insert(event, kStart));
  EXPECT_FALSE(seen.insert(event, kStart));
  // What the way does to it: another channel, another form of time and check, other bytes behind the data.
  vscp::Event again = event;
  again.obid = 7;
  again.head |= vscp::kHeadFrameVersionNs | vscp::kHeadNoCrc;
  again.time_ns += 123'456'789;
  again.data[11] = 99;
  EXPECT_FALSE(seen.insert(again, kStart));
}

TEST(SeenEvents, EachFieldTellsEventsApart) {
  const vscp::Event event = some_event();
  std::vector<vscp::Event> others(11, event);
  others[0].time_ns += kSecond;
  others[1].timestamp_us += 1;
  others[2].guid.bytes[0] ^= 1U;
  others[3].guid.bytes[15] ^= 1U;
  others[4].head ^= 1U;  // rolling index
  others[5].head ^= 0x20U;
  others[6].vscp_class ^= 1U;
  others[7].vscp_type ^= 1U;
  others[8].data_size = 10;
  others[9].data[10] ^= 1U;
  others[10].data[0] ^= 0x80U;
  SeenEvents seen({}, 1);
  EXPECT_TRUE(seen.insert(event, kStart));
  for (std::size_t i = 0; i < others.size(); ++i) EXPECT_TRUE(seen.insert(others[i], kStart)) << i;
}

TEST(SeenEvents, ForgetsAfterItsWindowAndNotBefore) {
  SeenEvents seen({.window_s = 8}, 1);
  const vscp::Event event = some_event();
  EXPECT_TRUE(seen.insert(event, kStart));
  EXPECT_FALSE(seen.insert(event, kStart + 8 * kSecond));
  // Asking did not make it younger.
  EXPECT_TRUE(seen.insert(event, kStart + 10 * kSecond));
  EXPECT_FALSE(seen.insert(event, kStart + 17 * kSecond));
}

TEST(SeenEvents, RemembersSoManyAndThenForgetsTheOldest) {
  SeenEvents seen({.window_s = 60, .events = SeenEvents::kEventsMin}, 1);
  vscp::Event event = some_event();
  constexpr std::uint32_t kHalf = SeenEvents::kEventsMin / 2;
  // Half of what it holds: as good as nothing is lost by buckets that happen to be full.
  for (std::uint32_t i = 0; i < kHalf; ++i) {
    event.timestamp_us = i;
    EXPECT_TRUE(seen.insert(event, kStart + i * 1000));
  }
  std::uint32_t forgotten = 0;
  for (std::uint32_t i = 0; i < kHalf; ++i) {
    event.timestamp_us = i;
    forgotten += seen.insert(event, kStart + kSecond) ? 1U : 0U;
  }
  EXPECT_LT(forgotten, kHalf / 20);
  // Many times as many: the oldest have gone.
  for (std::uint32_t i = 0; i < 10 * SeenEvents::kEventsMin; ++i) {
    event.timestamp_us = 1'000'000 + i;
    EXPECT_TRUE(seen.insert(event, kStart + 8 * kSecond));
  }
  event.timestamp_us = 0;
  EXPECT_TRUE(seen.insert(event, kStart + 9 * kSecond));
}

TEST(SeenEvents, OtherSeedOtherHash) {
  const SeenEvents first({}, 1);
  const SeenEvents second({}, 2);
  EXPECT_NE(first.hash(some_event()), second.hash(some_event()));
}

TEST(SeenEvents, OfManyThreadsExactlyOneIsTold) {
  constexpr std::uint32_t kThreads = 4;
  constexpr std::uint32_t kEvents = 20'000;
  SeenEvents seen({}, 1);
  std::vector<std::atomic<std::uint32_t>> told(kEvents);
  std::barrier start(kThreads);
  {
    std::vector<std::jthread> threads;
    for (std::uint32_t thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&] {
        vscp::Event event = some_event();
        for (std::uint32_t i = 0; i < kEvents; ++i) {
          if (i % 100 == 0) start.arrive_and_wait();
          event.timestamp_us = i;
          if (seen.insert(event, kStart)) told[i].fetch_add(1, std::memory_order_relaxed);
        }
      });
    }
  }
  for (std::uint32_t i = 0; i < kEvents; ++i) ASSERT_EQ(told[i].load(), 1U) << i;
}

}  // namespace
}  // namespace router
