// What every thread that publishes or receives events has: an inbox, an interest, a pool, a way to be woken.
//
// Thread rule: each member says who may call it. Shared between threads, and nothing else of a worker or helper: the inbox, the
// interest words, the pool's return list, the sleep flag, the counters.
#pragma once

#include <atomic>
#include <cstdint>

#include "router/core/event_buf.h"
#include "router/core/event_pool.h"
#include "router/core/inbox.h"
#include "router/core/interest.h"
#include "router/core/keeper.h"

namespace router {

class EventThread {
 public:
  EventThread(ThreadIndex index, ThreadIndex threads, std::size_t pool_capacity)
      : index_(index), inbox_(threads), pool_(index, pool_capacity) {}
  virtual ~EventThread() = default;
  EventThread(const EventThread&) = delete;
  EventThread& operator=(const EventThread&) = delete;

  ThreadIndex index() const noexcept { return index_; }
  Inbox& inbox() noexcept { return inbox_; }
  EventPool& pool() noexcept { return pool_; }
  /// Null: the thread receives nothing.
  virtual const Interest* interest() const noexcept = 0;
  /// Not null: a keeper, see router/core/keeper.h.
  virtual const KeptCounts* kept_counts() const noexcept { return nullptr; }

  /// Any thread, after it pushed, posted or returned something: wakes the owner if it sleeps or is about to.
  void notify() noexcept {
    // Pairs with the fence in prepare_sleep(): either we see the flag, or the sleeper sees what we pushed.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (asleep_.load(std::memory_order_relaxed) && asleep_.exchange(false, std::memory_order_acq_rel)) wake();
  }
  /// Any thread: something that the owner waits for has come, other than what lies in its inbox (credit, buffers).
  void nudge() noexcept {
    nudged_.store(true, std::memory_order_release);  // what has come is seen by whom the nudge wakes
    notify();
  }
  /// Any thread: hands over a task and wakes the owner.
  void post(std::unique_ptr<Task> task) noexcept {
    inbox_.post(std::move(task));
    notify();
  }

 protected:
  /// Owner: announces that it is going to sleep; false if there is something to do after all.
  bool prepare_sleep() noexcept {
    asleep_.store(true, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (!inbox_.has_more() && !nudged_.exchange(false, std::memory_order_acquire)) return true;
    asleep_.store(false, std::memory_order_relaxed);
    return false;
  }
  void finish_sleep() noexcept { asleep_.store(false, std::memory_order_relaxed); }
  /// Any thread: ends the owner's sleep.
  virtual void wake() noexcept = 0;

 private:
  ThreadIndex index_;
  Inbox inbox_;
  EventPool pool_;
  alignas(64) std::atomic<bool> asleep_{false};
  std::atomic<bool> nudged_{false};
};

}  // namespace router
