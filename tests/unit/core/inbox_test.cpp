#include "router/core/inbox.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "router/base/random.h"

namespace {

using router::EventBuf;
using router::Inbox;
using router::kInboxCredit;
using router::TaskQueue;
using router::ThreadIndex;

/// Numbered events of one producing thread.
class Producer {
 public:
  Producer(ThreadIndex index, std::size_t events) : events_(events), index_(index) {
    for (std::size_t i = 0; i < events; ++i) {
      events_[i].home = index;
      events_[i].event.obid = static_cast<std::uint32_t>(i);
      pointers_.push_back(&events_[i]);
    }
  }
  /// Pushes at most `count` more; what did not fit comes first next time.
  std::size_t push(Inbox& inbox, std::size_t count) {
    count = std::min(count, pointers_.size() - sent_);
    const std::size_t pushed = inbox.push(index_, std::span(pointers_).subspan(sent_, count));
    sent_ += pushed;
    return pushed;
  }
  std::size_t sent() const { return sent_; }
  bool is_done() const { return sent_ == pointers_.size(); }

 private:
  std::vector<EventBuf> events_;
  std::vector<EventBuf*> pointers_;
  std::size_t sent_ = 0;
  ThreadIndex index_;
};

TEST(Inbox, AProducerHasItsCreditAndNoMore) {
  Inbox inbox(2);
  Producer first(0, 3 * kInboxCredit);
  Producer second(1, 10);
  std::array<std::uint64_t, 2> wake{};
  EXPECT_FALSE(inbox.has_more());
  EXPECT_EQ(first.push(inbox, kInboxCredit - 1), kInboxCredit - 1);
  EXPECT_EQ(first.push(inbox, 5), 1U);
  EXPECT_EQ(first.push(inbox, 5), 0U);
  EXPECT_EQ(second.push(inbox, 10), 10U) << "the credit of one is not that of another";
  EXPECT_TRUE(inbox.has_more());

  std::vector<EventBuf*> out(100);
  std::size_t of_first = 0;
  while (of_first == 0) {
    const std::size_t count = inbox.pop(out, wake);
    ASSERT_GT(count, 0U);
    for (std::size_t i = 0; i < count; ++i) of_first += out[i]->home == 0 ? 1U : 0U;
  }
  EXPECT_EQ(wake[0], 1U) << "the first producer waits for credit, the second does not";
  EXPECT_EQ(wake[1], 0U);
  EXPECT_EQ(first.push(inbox, 1'000), of_first);
  wake = {};
  EXPECT_EQ(first.push(inbox, 1), 0U);
  while (inbox.pop(out, wake) > 0) {
  }
  EXPECT_EQ(wake[0], 1U);
  EXPECT_FALSE(inbox.has_more());
  // Full credit again, also for one push of everything.
  EXPECT_EQ(first.push(inbox, 2 * kInboxCredit), kInboxCredit);
}

TEST(Inbox, RandomPushesAndPopsKeepTheOrderOfEachProducer) {
  const char* wanted = std::getenv("VR_SEED");
  const std::uint64_t seed = wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : 1;
  SCOPED_TRACE("replay with VR_SEED=" + std::to_string(seed));
  router::SeededRandom random(seed);
  constexpr ThreadIndex kProducers = 5;
  Inbox inbox(kProducers);
  std::vector<std::unique_ptr<Producer>> producers;
  for (ThreadIndex i = 0; i < kProducers; ++i) producers.push_back(std::make_unique<Producer>(i, 20'000));
  std::array<std::size_t, kProducers> received{};
  std::array<std::uint64_t, 1> wake{};
  std::vector<EventBuf*> out(3'000);
  std::size_t total = 0;
  while (total < 20'000U * kProducers) {
    const std::size_t index = random.below(kProducers);
    Producer& producer = *producers[index];
    const std::size_t count = random.below(2) == 0 ? 1 : 1 + random.below(2'000);
    const std::size_t room = kInboxCredit - (producer.sent() - received[index]);
    const std::size_t left = 20'000 - producer.sent();
    EXPECT_EQ(producer.push(inbox, count), std::min({count, room, left}));
    if (random.below(3) != 0) continue;
    const std::size_t popped = inbox.pop(std::span(out).first(1 + random.below(3'000)), wake);
    for (std::size_t i = 0; i < popped; ++i) ASSERT_EQ(out[i]->event.obid, received[out[i]->home]++);
    total += popped;
    EXPECT_EQ(inbox.has_more(), [&] {
      std::size_t sent = 0;
      for (const auto& each : producers) sent += each->sent();
      return sent != total;
    }());
  }
}

TEST(Inbox, TasksRunInTheOrderPosted) {
  Inbox inbox(1);
  std::vector<int> ran;
  EXPECT_EQ(inbox.pop_task(), nullptr);
  for (int i = 0; i < 100; ++i) inbox.post(router::make_task([&ran, i] { ran.push_back(i); }));
  EXPECT_TRUE(inbox.has_more());
  while (auto task = inbox.pop_task()) task->run();
  EXPECT_FALSE(inbox.has_more());
  ASSERT_EQ(ran.size(), 100U);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(ran[static_cast<std::size_t>(i)], i);
}

TEST(Inbox, TasksThatAreLeftAreFreed) {
  const auto witness = std::make_shared<int>(1);
  {
    Inbox inbox(1);
    for (int i = 0; i < 10; ++i) inbox.post(router::make_task([witness] {}));
    EXPECT_EQ(witness.use_count(), 11);
  }
  EXPECT_EQ(witness.use_count(), 1);
}

TEST(TaskQueue, RefusesWhatIsAboveItsLimit) {
  TaskQueue queue(2);
  int ran = 0;
  for (int i = 0; i < 2; ++i) {
    auto task = router::make_task([&ran] { ++ran; });
    EXPECT_TRUE(queue.try_post(task));
    EXPECT_EQ(task, nullptr);
  }
  auto refused = router::make_task([&ran] { ran += 100; });
  EXPECT_FALSE(queue.try_post(refused));
  EXPECT_NE(refused, nullptr) << "the caller keeps what was refused";
  queue.wait_task()->run();
  EXPECT_TRUE(queue.try_post(refused));
  while (auto task = queue.try_task()) task->run();
  EXPECT_EQ(ran, 102);
}

TEST(TaskQueue, CloseLeavesWhatIsWaiting) {
  TaskQueue queue(2);
  int ran = 0;
  auto task = router::make_task([&ran] { ++ran; });
  EXPECT_TRUE(queue.try_post(task));
  queue.close();
  EXPECT_TRUE(queue.is_closed());
  EXPECT_EQ(queue.wait_task(), nullptr);
  EXPECT_EQ(ran, 0);
}

// Posters that are refused while the owner empties the queue must not leave it asleep for ever.
TEST(TaskQueue, ManyPostersAndAClose) {
  for (int round = 0; round < 200; ++round) {
    TaskQueue queue(1);
    std::atomic<int> accepted{0};
    std::atomic<int> ran{0};
    std::atomic<int> posting{3};
    std::vector<std::thread> posters;
    for (int i = 0; i < 3; ++i) {
      posters.emplace_back([&] {
        for (int n = 0; n < 50; ++n) {
          auto task = router::make_task([&ran] { ran.fetch_add(1); });
          if (queue.try_post(task)) accepted.fetch_add(1);
        }
        if (posting.fetch_sub(1) == 1) queue.close();
      });
    }
    while (auto task = queue.wait_task()) task->run();
    for (auto& poster : posters) poster.join();
    while (auto task = queue.try_task()) task->run();
    ASSERT_EQ(ran.load(), accepted.load());
  }
}

}  // namespace
