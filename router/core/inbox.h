// How events and tasks cross threads. The only file pair that includes the lock-free queue
// (moodycamel::ConcurrentQueue).
//
// Bound: every producer has a credit per inbox. moodycamel's bulk enqueue without allocation can starve a producer for
// ever when the queue is only pre-sized, so we count ourselves: events in flight from a producer never exceed kCredit,
// and the queue is created with room for kCredit per producer, so that no enqueue ever has to allocate. Order: FIFO per
// producer (explicit producer tokens); none between producers.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "router/core/event_buf.h"

namespace router {

/// Events from one producing thread that may wait in one inbox.
inline constexpr std::uint32_t kInboxCredit = 4096;

/// Something to be done on another thread; rare (a new connection, a question, a stop), so it may be allocated.
class Task {
 public:
  virtual ~Task() = default;
  virtual void run() noexcept = 0;
};

/// Makes a Task of any callable.
template <typename Function>
std::unique_ptr<Task> make_task(Function function) {
  class FunctionTask final : public Task {
   public:
    explicit FunctionTask(Function wrapped) : wrapped_(std::move(wrapped)) {}
    void run() noexcept override { wrapped_(); }

   private:
    Function wrapped_;
  };
  return std::make_unique<FunctionTask>(std::move(function));
}

class Inbox {
 public:
  /// `producers`: threads that will ever push, numbered 0..producers-1.
  explicit Inbox(ThreadIndex producers);
  ~Inbox();
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  /// Producer thread, with events from its own pool (the credit is given back to `home`): pushes the first so many of
  /// `events` that its credit covers; returns how many. If it is fewer than all, the owner will wake the producer when
  /// there is credit again (see pop).
  std::size_t push(ThreadIndex producer, std::span<EventBuf* const> events) noexcept;
  /// Any thread. The task runs on the owner's thread, in the order posted by one thread.
  void post(std::unique_ptr<Task> task) noexcept;

  /// Owner: takes at most `out.size()` events. Sets a bit in `producers_to_wake` for each producer that waits for
  /// credit.
  std::size_t pop(std::span<EventBuf*> out, std::span<std::uint64_t> producers_to_wake) noexcept;
  /// Owner: takes one task, null if none is left.
  std::unique_ptr<Task> pop_task() noexcept;
  /// Owner: tasks posted up to now and not taken.
  std::uint64_t tasks_waiting() const noexcept;
  /// Owner: whether something was pushed or posted that has not been taken. Exact in the sense that matters for
  /// sleeping: what was pushed before a seq_cst fence is seen after one.
  bool has_more() const noexcept;

 private:
  struct Queues;
  std::unique_ptr<Queues> queues_;
};

/// A bounded hand-over of tasks to one thread that may sleep in it (helper threads of blocking libraries).
class TaskQueue {
 public:
  explicit TaskQueue(std::size_t limit);
  ~TaskQueue();
  TaskQueue(const TaskQueue&) = delete;
  TaskQueue& operator=(const TaskQueue&) = delete;

  /// Any thread; false if `limit` tasks are waiting. Lock-free.
  bool try_post(std::unique_ptr<Task>& task) noexcept;
  /// Owner: sleeps until there is a task; null after close(), whatever is left.
  std::unique_ptr<Task> wait_task() noexcept;
  /// Owner: a task if there is one now.
  std::unique_ptr<Task> try_task() noexcept;
  /// Any thread: ends wait_task(). Tasks that have not been taken are destroyed with the queue, not run.
  void close() noexcept;
  bool is_closed() const noexcept;

 private:
  struct Queue;
  std::unique_ptr<Queue> queue_;
};

}  // namespace router
