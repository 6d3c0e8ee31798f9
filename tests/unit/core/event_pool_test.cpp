#include "router/core/event_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>
#include <vector>

namespace {

using router::EventBuf;
using router::EventPool;
using router::ReturnBatch;

TEST(EventPool, GivesItsCapacityAndNoMore) {
  EventPool pool(3, 5);
  EXPECT_EQ(pool.capacity(), 5U);
  std::set<EventBuf*> all;
  for (int i = 0; i < 5; ++i) {
    EventBuf* buffer = pool.try_acquire();
    ASSERT_NE(buffer, nullptr);
    EXPECT_EQ(buffer->home, 3);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer) % 64, 0U);
    all.insert(buffer);
  }
  EXPECT_EQ(all.size(), 5U);
  EXPECT_EQ(pool.try_acquire(), nullptr);
  EXPECT_EQ(pool.in_use(), 5U);
  for (EventBuf* buffer : all) pool.give_back(buffer);
  EXPECT_EQ(pool.in_use(), 0U);
}

TEST(EventPool, AUsedBufferComesBackClean) {
  EventPool pool(0, 1);
  EventBuf* buffer = pool.try_acquire();
  buffer->skip_channel = 7;
  buffer->only_channel = 8;
  buffer->holders.store(9);
  buffer->event.obid = 10;
  buffer->event.data_size = 11;
  pool.give_back(buffer);
  buffer = pool.try_acquire();
  ASSERT_NE(buffer, nullptr);
  EXPECT_EQ(buffer->skip_channel, router::kNoChannel);
  EXPECT_EQ(buffer->only_channel, router::kNoChannel);
  EXPECT_EQ(buffer->holders.load(), 0U);
  EXPECT_EQ(buffer->event.obid, 0U);
  EXPECT_EQ(buffer->event.data_size, 0U);
  pool.give_back(buffer);
}

TEST(EventPool, ReturnedBuffersAreFoundWhenThePoolIsDry) {
  EventPool pool(0, 2);
  EventBuf* first = pool.try_acquire();
  EventBuf* second = pool.try_acquire();
  ReturnBatch batch;
  batch.add(first);
  batch.add(second);
  EXPECT_FALSE(pool.return_all(batch)) << "nobody waits yet";
  EXPECT_TRUE(batch.empty());
  EXPECT_EQ(pool.in_use(), 2U);
  EventBuf* again = pool.try_acquire();
  ASSERT_NE(again, nullptr);
  EXPECT_EQ(pool.in_use(), 1U);
  pool.give_back(again);
  EXPECT_EQ(pool.collect_returns(), 0U);
}

TEST(EventPool, TheFirstReturnAfterADryPoolSaysSoOnce) {
  EventPool pool(0, 2);
  EventBuf* first = pool.try_acquire();
  EventBuf* second = pool.try_acquire();
  EXPECT_EQ(pool.try_acquire(), nullptr);
  ReturnBatch batch;
  batch.add(first);
  EXPECT_TRUE(pool.return_all(batch));
  batch.add(second);
  EXPECT_FALSE(pool.return_all(batch));
  EXPECT_EQ(pool.collect_returns(), 2U);
  EXPECT_EQ(pool.in_use(), 0U);
}

TEST(EventPool, AnyNumberComesHomeInOneBatch) {
  EventPool pool(0, 1'000);
  for (const std::size_t size : {1U, 2U, 64U, 65U, 66U, 129U, 130U, 131U, 1000U}) {
    ReturnBatch batch;
    std::set<EventBuf*> out;
    while (out.size() < size) out.insert(pool.try_acquire());
    for (EventBuf* buffer : out) batch.add(buffer);
    pool.return_all(batch);
    EXPECT_EQ(pool.in_use(), size);
    EXPECT_EQ(pool.collect_returns(), size);
    EXPECT_EQ(pool.in_use(), 0U);
    std::set<EventBuf*> again;
    while (again.size() < size) again.insert(pool.try_acquire());
    EXPECT_EQ(again, out) << "the same buffers, each once";
    for (EventBuf* buffer : again) pool.give_back(buffer);
  }
}

// Three threads send buffers home while the owner takes them: none is lost, none is given twice, and a dry owner is
// always told.
TEST(EventPool, ReturnsFromOtherThreads) {
  constexpr std::size_t kCapacity = 64;
  constexpr int kThreads = 3;
  constexpr std::uint64_t kRounds = 30'000;
  EventPool pool(0, kCapacity);
  struct Mailbox {
    std::atomic<EventBuf*> buffer{nullptr};
  };
  std::vector<Mailbox> mailboxes(kThreads);
  std::atomic<std::uint32_t> told{0};
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  for (auto& mailbox : mailboxes) {
    threads.emplace_back([&] {
      ReturnBatch batch;
      int held = 0;
      for (;;) {
        const bool ending = done.load(std::memory_order_acquire);
        EventBuf* buffer = mailbox.buffer.exchange(nullptr, std::memory_order_acq_rel);
        if (buffer != nullptr) {
          EXPECT_EQ(buffer->event.data[0], static_cast<std::uint8_t>(buffer->event.obid));
          batch.add(buffer);
          ++held;
        }
        if (held > 0 && (held == 5 || buffer == nullptr)) {
          if (pool.return_all(batch)) {
            told.fetch_add(1, std::memory_order_release);
            told.notify_one();
          }
          held = 0;
        }
        if (buffer == nullptr && ending) return;
        if (buffer == nullptr) std::this_thread::yield();
      }
    });
  }
  for (std::uint64_t round = 0; round < kRounds; ++round) {
    const std::uint32_t seen = told.load(std::memory_order_acquire);
    EventBuf* buffer = pool.try_acquire();
    if (buffer == nullptr) {
      told.wait(seen, std::memory_order_acquire);  // for ever, if a return after a dry pool did not say so
      --round;
      continue;
    }
    buffer->event.obid = static_cast<std::uint32_t>(round);
    buffer->event.data[0] = static_cast<std::uint8_t>(round);
    EventBuf* expected = nullptr;
    while (!mailboxes[round % kThreads].buffer.compare_exchange_weak(expected, buffer, std::memory_order_acq_rel)) {
      expected = nullptr;
      std::this_thread::yield();
    }
  }
  done.store(true, std::memory_order_release);
  for (auto& thread : threads) thread.join();
  pool.collect_returns();
  EXPECT_EQ(pool.in_use(), 0U);
}

}  // namespace
