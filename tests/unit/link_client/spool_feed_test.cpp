#include "drivers/link_client/spool_feed.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "protocol/event_line.h"
#include "router/base/clock.h"
#include "router/core/carried_event.h"
#include "router/io/memory_store.h"

namespace drivers::link_client {
namespace {

constexpr std::uint64_t kPlenty = 64U << 20U;

class Feed : public testing::Test {
 protected:
  void put(int type, std::uint8_t priority = 3, std::uint16_t bytes = 1) {
    vscp::Event event{};
    event.vscp_class = 20;
    event.vscp_type = static_cast<std::uint16_t>(type);
    event.head = static_cast<std::uint16_t>(priority << 5U);
    event.data_size = bytes;
    for (std::uint16_t i = 0; i < bytes; ++i) event.data[i] = 200;
    router::CarriedEventBytes record;
    ASSERT_TRUE(store_.append(priority, router::encode_carried_event(event, {}, record)));
    ASSERT_TRUE(store_.commit());
  }
  /// What the worker gets until there is nothing, the helper serving whenever it is woken.
  std::vector<int> take(std::size_t most = 10'000) {
    std::vector<int> types;
    while (types.size() < most) {
      const std::string_view line = feed_.next();
      if (!line.empty()) {
        vscp::Event event;
        EXPECT_TRUE(vscp::decode_event_line(line.substr(0, line.size() - 2), event).has_value());
        types.push_back(event.vscp_type);
      } else if (!serve()) {
        break;
      }
    }
    return types;
  }
  bool serve() {
    woken_ = false;
    return feed_.serve();
  }
  void release(int count) {
    for (int i = 0; i < count; ++i) feed_.release_oldest();
    feed_.settle();
  }

  router::ManualClock clock_;
  router::MemoryStore store_{{kPlenty}, clock_};
  int told_ = 0;
  bool woken_ = false;
  SpoolFeed feed_{store_, vscp::WireFormat::kLegacyLine, [this] { ++told_; }, [this] { woken_ = true; }};
};

using Types = std::vector<int>;

TEST_F(Feed, GivesEventsInOrderAndReleasesWhatWasAnswered) {
  for (const int type : {1, 2, 3}) put(type);
  put(9, 0);
  EXPECT_TRUE(feed_.next().empty());
  EXPECT_TRUE(woken_);
  EXPECT_TRUE(feed_.is_coming());
  EXPECT_EQ(take(), (Types{9, 1, 2, 3}));
  EXPECT_FALSE(feed_.is_coming());
  EXPECT_EQ(feed_.held(), 4U);
  EXPECT_EQ(store_.status().in_flight, 4U);
  release(2);
  EXPECT_TRUE(woken_);
  EXPECT_TRUE(serve());
  EXPECT_EQ(store_.status().records, 2U);
  put(4);
  EXPECT_EQ(take(), Types{4});
  release(100);
  serve();
  EXPECT_EQ(store_.status().records, 0U);
  EXPECT_GT(told_, 0);
  EXPECT_FALSE(serve()) << "nothing more to do";
}

TEST_F(Feed, WhatWasInFlightComesAgainOnTheNextConnection) {
  for (const int type : {1, 2, 3, 4}) put(type);
  EXPECT_EQ(take(3), (Types{1, 2, 3}));
  feed_.release_oldest();  // not settled: the end of the connection says it
  feed_.rewind();
  EXPECT_EQ(feed_.held(), 0U);
  EXPECT_EQ(feed_.resent(), 2U);
  EXPECT_TRUE(feed_.next().empty()) << "the helper has not taken back what was read ahead";
  EXPECT_TRUE(serve());
  EXPECT_EQ(store_.status().records, 3U);
  EXPECT_EQ(store_.status().in_flight, 0U) << "nothing is in flight between connections";
  EXPECT_EQ(take(), (Types{2, 3, 4}));
}

TEST_F(Feed, ConnectionsThatEndBeforeTheHelperLooksLoseNothing) {
  put(1);
  EXPECT_TRUE(feed_.next().empty());
  feed_.rewind();
  EXPECT_TRUE(feed_.next().empty());
  feed_.rewind();
  EXPECT_EQ(take(), Types{1});
  feed_.rewind();
  feed_.rewind();
  EXPECT_EQ(take(), Types{1});
  release(1);
  serve();
  EXPECT_EQ(store_.status().records, 0U);
}

TEST_F(Feed, ReadsAheadNoMoreThanItsRingHolds) {
  for (int type = 0; type < 3000; ++type) put(type, 3, type % 7 == 0 ? 487 : 3);
  Types all;
  while (true) {
    const Types some = take(37);
    if (some.empty()) break;
    all.insert(all.end(), some.begin(), some.end());
    EXPECT_LE(store_.status().in_flight, 1024U + 64U);
    release(static_cast<int>(some.size()));
  }
  ASSERT_EQ(all.size(), 3000U);
  for (std::size_t i = 0; i < all.size(); ++i) ASSERT_EQ(all[i], static_cast<int>(i));
  serve();
  EXPECT_EQ(store_.status().records, 0U);
}

TEST_F(Feed, WhatIsNoEventIsPassedOver) {
  put(1);
  ASSERT_TRUE(store_.append(3, std::vector<std::uint8_t>(40, 2)));
  ASSERT_TRUE(store_.commit());
  put(2);
  EXPECT_EQ(take(), (Types{1, 2}));
  EXPECT_EQ(feed_.bad(), 1U);
  release(2);
  serve();
  EXPECT_EQ(store_.status().records, 0U);
}

// The worker and the helper as threads, with connections that break: each event comes, in order on each connection.
TEST(FeedThreads, NothingIsLostBetweenTwoThreads) {
  constexpr std::uint16_t kEvents = 20'000;
  const router::ManualClock clock;
  router::MemoryStore store({kPlenty}, clock);
  std::atomic<std::uint32_t> wakes{0};
  std::atomic<std::uint32_t> tells{0};
  std::atomic<bool> done{false};
  SpoolFeed feed(
      store, vscp::WireFormat::kFrame,
      [&] {
        ++tells;
        tells.notify_one();
      },
      [&] {
        ++wakes;
        wakes.notify_one();
      });
  std::thread helper([&] {
    router::CarriedEventBytes record;
    vscp::Event event{};
    std::uint16_t written = 0;
    while (!done) {
      const std::uint32_t seen = wakes;
      for (int i = 0; i < 50 && written < kEvents; ++i) {
        event.vscp_type = written++;
        EXPECT_TRUE(store.append(3, router::encode_carried_event(event, {}, record)));
      }
      EXPECT_TRUE(store.commit());
      if (!feed.serve() && written == kEvents && !done) wakes.wait(seen);
    }
    feed.serve();
  });
  std::vector<bool> came(kEvents);
  std::size_t count = 0;
  int last = -1;
  for (std::uint32_t step = 0; count < kEvents;) {
    const std::uint32_t seen = tells;
    const std::string_view frame = feed.next();
    if (frame.empty()) {
      tells.wait(seen);
      continue;
    }
    vscp::Event event;
    ASSERT_TRUE(vscp::decode_event(frame, vscp::WireFormat::kFrame, event));
    ASSERT_GT(static_cast<int>(event.vscp_type), last);
    last = event.vscp_type;
    if (++step % 97 == 0) {
      feed.rewind();  // the answer to this one is lost
      last = -1;
      continue;
    }
    feed.release_oldest();
    if (step % 5 == 0) feed.settle();
    count += came[event.vscp_type] ? 0U : 1U;
    came[event.vscp_type] = true;
  }
  feed.settle();
  done = true;
  ++wakes;
  wakes.notify_one();
  helper.join();
  EXPECT_EQ(store.status().records, 0U);
}

}  // namespace
}  // namespace drivers::link_client
