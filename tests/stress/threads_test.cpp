// Three threads that publish to each other flat out and sleep by the protocol of EventThread. Nobody may sleep for
// ever, every event comes once and in order, every buffer comes home, and nothing is allocated once all is warm.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <semaphore>
#include <thread>
#include <vector>

#include "router/base/sanitizer.h"
#include "router/core/event_thread.h"
#include "router/core/publisher.h"
#include "router/core/thread_table.h"

namespace {

std::atomic<std::uint64_t> allocations{0};

}  // namespace

// Sanitizers bring their own allocator: allocations are counted in the other builds. These are the C library's own
// functions under their second names; operator new and the queue library call malloc.
#if !VR_ADDRESS_SANITIZER && !VR_THREAD_SANITIZER
extern "C" {
void* __libc_malloc(std::size_t size) noexcept;
void* __libc_calloc(std::size_t count, std::size_t size) noexcept;
void* __libc_realloc(void* memory, std::size_t size) noexcept;
void* __libc_memalign(std::size_t alignment, std::size_t size) noexcept;

void* malloc(std::size_t size) noexcept {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) noexcept {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_calloc(count, size);
}
void* realloc(void* memory, std::size_t size) noexcept {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_realloc(memory, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_memalign(alignment, size);
}
}
#endif

namespace {

using router::EventBuf;
using router::EventThread;
using router::Interest;
using router::Publisher;
using router::ThreadIndex;
using router::ThreadTable;

constexpr ThreadIndex kThreads = 3;

struct Shape {
  std::uint32_t events = 0;    ///< each thread publishes so many
  std::size_t pool = 0;        ///< small: threads run dry and are nudged when buffers come home
  std::uint32_t per_turn = 0;  ///< events published in one turn
  std::size_t pop_max = 0;     ///< events taken in one turn
};

class Peer final : public EventThread {
 public:
  Peer(ThreadIndex index, const ThreadTable& table, const Shape& shape)
      : EventThread(index, kThreads, shape.pool), shape_(shape), table_(&table), batch_(shape.pop_max) {
    wants_.add(vscp::Filter{});
  }
  const Interest* interest() const noexcept override { return &wants_; }
  void wake() noexcept override { bell_.release(); }

  void begin() { publisher_ = std::make_unique<Publisher>(*this, *table_); }
  void run();
  /// Everything that the threads wait for from outside of their events.
  void finish() { nudge(); }

  std::uint64_t received() const { return received_.load(std::memory_order_relaxed); }
  std::uint32_t published() const { return published_.load(std::memory_order_relaxed); }
  std::uint64_t sleeps() const { return sleeps_.load(std::memory_order_relaxed); }
  bool is_done() const { return done_.load(std::memory_order_acquire); }
  std::uint64_t errors() const { return errors_.load(std::memory_order_relaxed); }

 private:
  void take_events();
  bool publish_some();
  void deliver(EventBuf* event);

  Shape shape_;
  const ThreadTable* table_;
  Interest wants_;
  std::unique_ptr<Publisher> publisher_;
  std::vector<EventBuf*> batch_;
  std::array<std::uint32_t, kThreads> next_{};
  std::array<std::uint64_t, 2> producers_to_wake_{};
  std::counting_semaphore<> bell_{0};  // a wake-up may come after the sleeper has thought better of it
  std::atomic<std::uint64_t> received_{0};
  std::atomic<std::uint32_t> published_{0};
  std::atomic<std::uint64_t> sleeps_{0};
  std::atomic<std::uint64_t> errors_{0};
  std::atomic<bool> done_{false};
};

void Peer::deliver(EventBuf* event) {
  // The number lies in the data too: a buffer that is reused too early shows.
  const std::uint32_t number = event->event.obid;
  if (number != next_[event->home]++ || event->event.timestamp_us != ~number) {
    errors_.fetch_add(1, std::memory_order_relaxed);
  }
  received_.fetch_add(1, std::memory_order_relaxed);
  publisher_->drop(event);
}

void Peer::take_events() {
  const std::size_t count = inbox().pop(batch_, producers_to_wake_);
  for (std::size_t i = 0; i < count; ++i) deliver(batch_[i]);
  for (ThreadIndex i = 0; i < kThreads; ++i) {
    if (((producers_to_wake_[0] >> i) & 1U) != 0) (*table_)[i].nudge();
  }
  producers_to_wake_ = {};
}

// True if there is nothing to wait for before it can go on.
bool Peer::publish_some() {
  for (std::uint32_t i = 0; i < shape_.per_turn; ++i) {
    const std::uint32_t number = published_.load(std::memory_order_relaxed);
    if (number == shape_.events || !publisher_->is_ready()) return false;
    EventBuf* event = publisher_->try_acquire();
    if (event == nullptr) return false;
    event->event.obid = number;
    event->event.timestamp_us = ~number;
    event->event.vscp_class = static_cast<std::uint16_t>(number);
    published_.store(number + 1, std::memory_order_relaxed);
    if (publisher_->publish(event)) deliver(event);
  }
  return true;
}

// The same turn as a worker's.
void Peer::run() {
  const std::uint64_t expected = std::uint64_t{shape_.events} * kThreads;
  for (;;) {
    take_events();
    const bool more = publish_some();
    const bool had_credit = publisher_->is_ready();
    publisher_->flush();
    pool().collect_returns();
    if (received_.load(std::memory_order_relaxed) == expected &&
        published_.load(std::memory_order_relaxed) == shape_.events && pool().in_use() == 0 &&
        !publisher_->has_staged()) {
      break;
    }
    // Credit that this flush found and used up entirely is not announced by anybody.
    const bool can_go_on = more || (!had_credit && publisher_->is_ready());
    if (can_go_on || !prepare_sleep()) continue;
    sleeps_.fetch_add(1, std::memory_order_relaxed);
    // Woken by a peer; in the end, when only buffers are missing, by the watch of the test.
    bell_.acquire();
    finish_sleep();
  }
  done_.store(true, std::memory_order_release);
}

void run_peers(const Shape& shape) {
  ThreadTable table(kThreads, 0);
  std::vector<std::unique_ptr<Peer>> peers;
  for (ThreadIndex i = 0; i < kThreads; ++i) {
    peers.push_back(std::make_unique<Peer>(i, table, shape));
    table.set(i, *peers.back());
  }
  for (auto& peer : peers) peer->begin();
  std::atomic<int> ready{0};
  std::atomic<bool> go{false};
  std::vector<std::thread> threads;
  for (auto& peer : peers) {
    threads.emplace_back([&ready, &go, &peer = *peer] {
      ready.fetch_add(1);
      ready.notify_one();
      go.wait(false);
      peer.run();
    });
  }
  for (int seen = ready.load(); seen < kThreads; seen = ready.load()) ready.wait(seen);
  const std::uint64_t before = allocations.load();
  go.store(true);
  go.notify_all();

  // The last drop of a buffer tells its owner only if that ran dry, so an owner that has nothing else to do is asked to
  // look; but only once all events are there. Until then nobody helps a thread that sleeps too deep.
  const std::uint64_t expected = std::uint64_t{shape.events} * kThreads;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(100);
  std::uint64_t received = 0;
  for (bool all_done = false; !all_done;) {
    std::this_thread::yield();
    received = 0;
    all_done = true;
    for (auto& peer : peers) {
      received += peer->received();
      all_done = all_done && peer->is_done();
    }
    if (received == expected * kThreads) {
      for (auto& peer : peers) peer->finish();
    } else if (std::chrono::steady_clock::now() > deadline) {
      for (auto& peer : peers) {
        std::printf("published %u, received %llu, slept %llu times\n", peer->published(),
                    static_cast<unsigned long long>(peer->received()), static_cast<unsigned long long>(peer->sleeps()));
      }
      std::fprintf(stderr, "a thread sleeps for ever\n");
      std::abort();  // it cannot be joined
    }
  }
  const std::uint64_t after = allocations.load();
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(after - before, 0U) << "something was allocated on the way of an event";
  std::uint64_t sleeps = 0;
  for (auto& peer : peers) {
    EXPECT_EQ(peer->errors(), 0U) << "events changed, lost, doubled or out of order";
    EXPECT_EQ(peer->received(), expected);
    EXPECT_EQ(peer->pool().in_use(), 0U);
    sleeps += peer->sleeps();
  }
  std::printf("%llu events received, %llu sleeps\n", static_cast<unsigned long long>(received),
              static_cast<unsigned long long>(sleeps));
}

// The inboxes and their credit are what is short.
TEST(Threads, FlatOut) {
  run_peers({.events = 100'000, .pool = 20'000, .per_turn = 300, .pop_max = 1'024});
}

// The pools are what is short: threads wait for their buffers to come home.
TEST(Threads, DryPools) {
  run_peers({.events = 50'000, .pool = 40, .per_turn = 64, .pop_max = 64});
}

// One event per turn: sleeping and waking is all there is.
TEST(Threads, MostlyAsleep) {
  run_peers({.events = 20'000, .pool = 2, .per_turn = 1, .pop_max = 1});
}

// Slow receivers: credit runs out all the time.
TEST(Threads, ShortOfCredit) {
  run_peers({.events = 50'000, .pool = 20'000, .per_turn = 1'000, .pop_max = 3});
}

}  // namespace
