#include "router/core/publisher.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <vector>

namespace {

using router::EventBuf;
using router::EventThread;
using router::Interest;
using router::kInboxCredit;
using router::Publisher;
using router::ThreadIndex;
using router::ThreadTable;

class FakeThread final : public EventThread {
 public:
  FakeThread(ThreadIndex index, ThreadIndex threads, std::size_t capacity) : EventThread(index, threads, capacity) {}
  const Interest* interest() const noexcept override { return receives ? &wants : nullptr; }
  void wake() noexcept override { ++wakes; }
  bool sleep() { return prepare_sleep(); }

  /// Takes everything and returns it.
  std::vector<EventBuf*> take() {
    std::vector<EventBuf*> all;
    std::array<EventBuf*, 100> out{};
    std::array<std::uint64_t, 2> producers_to_wake{};
    while (const std::size_t count = inbox().pop(out, producers_to_wake))
      all.insert(all.end(), out.data(), out.data() + count);
    woken = producers_to_wake[0];
    return all;
  }

  Interest wants;
  bool receives = true;
  int wakes = 0;
  std::uint64_t woken = 0;
};

class PublisherTest : public testing::Test {
 protected:
  static constexpr ThreadIndex kThreads = 3;

  PublisherTest() : table(kThreads, 0) {
    for (ThreadIndex i = 0; i < kThreads; ++i) {
      threads.push_back(std::make_unique<FakeThread>(i, kThreads, std::size_t{3} * kInboxCredit));
      table.set(i, *threads.back());
    }
    for (ThreadIndex i = 0; i < kThreads; ++i) publishers.push_back(std::make_unique<Publisher>(*threads[i], table));
  }
  EventBuf* make(std::uint32_t number) {
    EventBuf* event = publishers[0]->try_acquire();
    EXPECT_NE(event, nullptr);
    event->event.obid = number;
    event->event.vscp_class = 20;
    return event;
  }
  void want_all(ThreadIndex thread) { threads[thread]->wants.add(vscp::Filter{}); }

  ThreadTable table;
  std::vector<std::unique_ptr<FakeThread>> threads;
  std::vector<std::unique_ptr<Publisher>> publishers;
};

TEST_F(PublisherTest, NobodyWantsIt) {
  EXPECT_FALSE(publishers[0]->publish(make(1)));
  EXPECT_EQ(threads[0]->pool().in_use(), 0U);
  EXPECT_FALSE(publishers[0]->has_staged());
}

TEST_F(PublisherTest, OnlyTheThreadsThatWantTheClassGetIt) {
  vscp::Filter other;
  other.filter_class = 21;
  other.mask_class = 0xffff;
  threads[1]->wants.add(other);
  want_all(2);
  threads[0]->receives = false;
  EXPECT_FALSE(publishers[0]->publish(make(1)));
  publishers[0]->flush();
  EXPECT_TRUE(threads[1]->take().empty());
  EXPECT_EQ(threads[2]->take().size(), 1U);
}

TEST_F(PublisherTest, TheLastOfThreeHoldersSendsTheBufferHome) {
  for (ThreadIndex i = 0; i < kThreads; ++i) want_all(i);
  EventBuf* event = make(1);
  EXPECT_TRUE(publishers[0]->publish(event));
  EXPECT_EQ(event->holders.load(), 3U);
  publishers[0]->flush();
  publishers[0]->drop(event);
  for (ThreadIndex i = 1; i < kThreads; ++i) {
    const auto received = threads[i]->take();
    ASSERT_EQ(received.size(), 1U);
    EXPECT_EQ(received[0], event);
    publishers[i]->drop(event);
    publishers[i]->flush();
    EXPECT_EQ(threads[0]->pool().collect_returns(), i == 2 ? 1U : 0U);
  }
  EXPECT_EQ(threads[0]->pool().in_use(), 0U);
}

TEST_F(PublisherTest, OneChannelsEventGoesToItsThreadWhateverItsInterest) {
  want_all(2);
  EventBuf* event = make(1);
  event->only_channel = table.session_channel(1, 7);
  EXPECT_FALSE(publishers[0]->publish(event));
  publishers[0]->flush();
  EXPECT_TRUE(threads[2]->take().empty());
  EXPECT_EQ(threads[1]->take().size(), 1U);

  EventBuf* own = make(2);
  own->only_channel = table.session_channel(0, 7);
  EXPECT_TRUE(publishers[0]->publish(own));
  publishers[0]->drop(own);
  EXPECT_EQ(threads[0]->pool().in_use(), 1U);
  publishers[1]->drop(event);
  publishers[1]->flush();
  EXPECT_EQ(threads[0]->pool().collect_returns(), 1U);
}

// A receiver that takes nothing stops the publisher at its credit and one full staging area; then everything comes, in
// order.
TEST_F(PublisherTest, AFullReceiverStopsThePublisher) {
  want_all(1);
  want_all(2);
  std::uint32_t published = 0;
  std::vector<EventBuf*> of_2;
  while (publishers[0]->is_ready()) {
    ASSERT_LT(published, 2 * kInboxCredit) << "no end to it";
    publishers[0]->publish(make(published++));
    if (published % 100 == 0) {
      publishers[0]->flush();
      const auto some = threads[2]->take();
      of_2.insert(of_2.end(), some.begin(), some.end());
    }
  }
  EXPECT_EQ(published, kInboxCredit + 256);
  EXPECT_TRUE(publishers[0]->has_staged());
  publishers[0]->flush();
  EXPECT_FALSE(publishers[0]->is_ready());

  auto of_1 = threads[1]->take();
  EXPECT_EQ(of_1.size(), kInboxCredit);
  EXPECT_EQ(threads[1]->woken, 1U) << "the publisher waits for credit";
  publishers[0]->flush();
  EXPECT_TRUE(publishers[0]->is_ready());
  EXPECT_FALSE(publishers[0]->has_staged());
  for (const auto& more = threads[1]->take(); EventBuf * event : more) of_1.push_back(event);
  for (const auto& more = threads[2]->take(); EventBuf * event : more) of_2.push_back(event);
  for (const auto* list : {&of_1, &of_2}) {
    ASSERT_EQ(list->size(), published);
    for (std::uint32_t i = 0; i < published; ++i) ASSERT_EQ((*list)[i]->event.obid, i);
  }
  for (EventBuf* event : of_1) publishers[1]->drop(event);
  for (EventBuf* event : of_2) publishers[2]->drop(event);
  publishers[1]->flush();
  publishers[2]->flush();
  EXPECT_EQ(threads[0]->pool().collect_returns(), published);
  EXPECT_EQ(threads[0]->pool().in_use(), 0U);
}

TEST_F(PublisherTest, WakesASleeperOnceAndNobodyElse) {
  want_all(1);
  EXPECT_TRUE(threads[1]->sleep());
  publishers[0]->publish(make(1));
  EXPECT_EQ(threads[1]->wakes, 0) << "not before flush()";
  publishers[0]->flush();
  EXPECT_EQ(threads[1]->wakes, 1);
  publishers[0]->publish(make(2));
  publishers[0]->flush();
  EXPECT_EQ(threads[1]->wakes, 1) << "it is awake already";
  EXPECT_FALSE(threads[1]->sleep()) << "there is something to do";
  EXPECT_EQ(threads[1]->take().size(), 2U);
  EXPECT_TRUE(threads[1]->sleep());
  threads[1]->nudge();
  EXPECT_EQ(threads[1]->wakes, 2);
  EXPECT_FALSE(threads[1]->sleep()) << "a nudge is not forgotten";
  EXPECT_TRUE(threads[1]->sleep());
}

// A dry publisher that sleeps is told when a buffer comes home.
TEST_F(PublisherTest, AReturnedBufferWakesADryThread) {
  want_all(1);
  std::vector<EventBuf*> all;
  while (EventBuf* event = publishers[0]->try_acquire()) all.push_back(event);
  EXPECT_TRUE(threads[0]->sleep());
  all.front()->event.vscp_class = 20;
  publishers[0]->publish(all.front());
  publishers[0]->flush();
  const auto received = threads[1]->take();
  ASSERT_EQ(received.size(), 1U);
  publishers[1]->drop(received[0]);
  publishers[1]->flush();
  EXPECT_EQ(threads[0]->wakes, 1);
  EXPECT_NE(publishers[0]->try_acquire(), nullptr);
}

}  // namespace
