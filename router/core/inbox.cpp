#include "router/core/inbox.h"

#pragma GCC diagnostic push
#ifndef __clang__
// g++ 12 takes an atomic load inside enqueue_bulk for an overflowing write.
#pragma GCC diagnostic ignored "-Wstringop-overflow"
#endif
#include <concurrentqueue/concurrentqueue.h>

#include <algorithm>
#include <vector>

#include "router/base/check.h"

namespace router {
namespace {

// Blocks of 128 and an index for 64 of them: a producer within its credit never needs a larger index, so it never
// allocates. A producer keeps the blocks that it has taken; events within its credit lie in at most kCredit / 128 + 1
// blocks, one more is being begun.
struct EventQueueTraits : moodycamel::ConcurrentQueueDefaultTraits {
  static constexpr std::size_t BLOCK_SIZE = 128;
  static constexpr std::size_t EXPLICIT_INITIAL_INDEX_SIZE = 64;
};
constexpr std::size_t kProducerRoom = kInboxCredit + 3 * EventQueueTraits::BLOCK_SIZE;
static_assert(kProducerRoom <= EventQueueTraits::BLOCK_SIZE * EventQueueTraits::EXPLICIT_INITIAL_INDEX_SIZE);
using EventQueue = moodycamel::ConcurrentQueue<EventBuf*, EventQueueTraits>;
using TaskRing = moodycamel::ConcurrentQueue<Task*>;

/// One producer's credit account with one inbox. The two sides write different cache lines.
struct Account {
  // Producer's line.
  alignas(64) std::uint64_t sent = 0;
  std::uint64_t taken_seen = 0;
  std::unique_ptr<moodycamel::ProducerToken> token;
  // Owner's line.
  alignas(64) std::atomic<std::uint64_t> taken{0};
  std::atomic<bool> waiting{false};
};

}  // namespace

struct Inbox::Queues {
  explicit Queues(ThreadIndex producers) : events(kProducerRoom * producers), consumer(events), accounts(producers) {
    for (auto& account : accounts) account.token = std::make_unique<moodycamel::ProducerToken>(events);
  }
  EventQueue events;
  TaskRing tasks;
  moodycamel::ConsumerToken consumer;
  std::vector<Account> accounts;
  std::uint64_t popped = 0;
  std::uint64_t tasks_popped = 0;
  alignas(64) std::atomic<std::uint64_t> pushed{0};
  std::atomic<std::uint64_t> tasks_pushed{0};
};

Inbox::Inbox(ThreadIndex producers) : queues_(std::make_unique<Queues>(producers)) {}

Inbox::~Inbox() {
  while (pop_task() != nullptr) {
  }
}

std::size_t Inbox::push(ThreadIndex producer, std::span<EventBuf* const> events) noexcept {
  Account& account = queues_->accounts[producer];
  if (account.sent - account.taken_seen + events.size() > kInboxCredit) {
    account.taken_seen = account.taken.load(std::memory_order_acquire);
    if (account.sent - account.taken_seen + events.size() > kInboxCredit) {
      // Say that we wait, then look again: the owner clears the flag after it has added to `taken`.
      account.waiting.store(true, std::memory_order_seq_cst);
      account.taken_seen = account.taken.load(std::memory_order_seq_cst);
    }
  }
  const std::uint64_t room = kInboxCredit - (account.sent - account.taken_seen);
  const std::size_t count = std::min<std::size_t>(events.size(), static_cast<std::size_t>(room));
  if (count == 0) return 0;
  VR_ASSERT(queues_->events.enqueue_bulk(*account.token, events.data(), count));
  account.sent += count;
  queues_->pushed.fetch_add(count, std::memory_order_release);
  return count;
}

std::size_t Inbox::pop(std::span<EventBuf*> out, std::span<std::uint64_t> producers_to_wake) noexcept {
  const std::size_t count = queues_->events.try_dequeue_bulk(queues_->consumer, out.data(), out.size());
  if (count == 0) return 0;
  queues_->popped += count;
  // Events of one producer come in runs: one update per run.
  std::size_t begin = 0;
  while (begin < count) {
    const ThreadIndex producer = out[begin]->home;
    std::size_t end = begin + 1;
    while (end < count && out[end]->home == producer) ++end;
    Account& account = queues_->accounts[producer];
    account.taken.store(account.taken.load(std::memory_order_relaxed) + (end - begin), std::memory_order_seq_cst);
    if (account.waiting.load(std::memory_order_seq_cst)) {
      account.waiting.store(false, std::memory_order_relaxed);
      producers_to_wake[producer / 64U] |= std::uint64_t{1} << (producer % 64U);
    }
    begin = end;
  }
  return count;
}

void Inbox::post(std::unique_ptr<Task> task) noexcept {
  VR_ASSERT(queues_->tasks.enqueue(task.release()));
  queues_->tasks_pushed.fetch_add(1, std::memory_order_release);
}

std::uint64_t Inbox::tasks_waiting() const noexcept {
  return queues_->tasks_pushed.load(std::memory_order_acquire) - queues_->tasks_popped;
}

std::unique_ptr<Task> Inbox::pop_task() noexcept {
  if (tasks_waiting() == 0) return nullptr;
  Task* task = nullptr;
  if (!queues_->tasks.try_dequeue(task)) return nullptr;
  ++queues_->tasks_popped;
  return std::unique_ptr<Task>(task);
}

bool Inbox::has_more() const noexcept {
  return queues_->pushed.load(std::memory_order_acquire) != queues_->popped ||
         tasks_waiting() != 0;
}

struct TaskQueue::Queue {
  moodycamel::ConcurrentQueue<Task*> tasks;
  std::size_t limit = 0;
  alignas(64) std::atomic<std::size_t> waiting{0};
  std::atomic<std::uint32_t> changes{0};
  std::atomic<bool> closed{false};
};

TaskQueue::TaskQueue(std::size_t limit) : queue_(std::make_unique<Queue>()) {
  queue_->limit = limit;
}

TaskQueue::~TaskQueue() {
  Task* task = nullptr;
  while (queue_->tasks.try_dequeue(task)) delete task;
}

bool TaskQueue::try_post(std::unique_ptr<Task>& task) noexcept {
  // Never counted before it is accepted: the owner must not wait for a task that was refused.
  std::size_t waiting = queue_->waiting.load(std::memory_order_relaxed);
  do {
    if (waiting >= queue_->limit) return false;
  } while (!queue_->waiting.compare_exchange_weak(waiting, waiting + 1, std::memory_order_acq_rel,
                                                  std::memory_order_relaxed));
  VR_ASSERT(queue_->tasks.enqueue(task.release()));
  queue_->changes.fetch_add(1, std::memory_order_release);
  queue_->changes.notify_one();
  return true;
}

std::unique_ptr<Task> TaskQueue::try_task() noexcept {
  Task* task = nullptr;
  if (!queue_->tasks.try_dequeue(task)) return nullptr;
  queue_->waiting.fetch_sub(1, std::memory_order_acq_rel);
  return std::unique_ptr<Task>(task);
}

bool TaskQueue::is_closed() const noexcept { return queue_->closed.load(std::memory_order_acquire); }

std::unique_ptr<Task> TaskQueue::wait_task() noexcept {
  for (;;) {
    const auto seen = queue_->changes.load(std::memory_order_acquire);
    if (is_closed()) return nullptr;
    if (auto task = try_task()) return task;
    queue_->changes.wait(seen, std::memory_order_acquire);
  }
}

void TaskQueue::close() noexcept {
  queue_->closed.store(true, std::memory_order_release);
  queue_->changes.fetch_add(1, std::memory_order_release);
  queue_->changes.notify_one();
}

}  // namespace router

#pragma GCC diagnostic pop
