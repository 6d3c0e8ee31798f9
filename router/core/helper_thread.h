// A thread for work that may block: password hashing, a simulator, driver libraries, MQTT. It publishes events like a worker does,
// and can be given tasks.
//
// Thread rule: start(), request_stop(), join() and what EventThread allows from other threads; the rest on its own.
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <thread>

#include "router/core/event_thread.h"
#include "router/core/publisher.h"

namespace router {

class HelperThread : public EventThread {
 public:
  HelperThread(ThreadIndex index, const ThreadTable& threads, std::size_t pool_capacity)
      : EventThread(index, threads.size(), pool_capacity), threads_(&threads), publisher_(*this, threads) {}
  ~HelperThread() override { join(); }

  /// Receives no events unless a derived class says otherwise.
  const Interest* interest() const noexcept override { return nullptr; }

  /// Runs body() on a new thread named `name`.
  void start(const char* name);
  /// Any thread: asks body() to return.
  void request_stop() noexcept {
    stop_.store(true, std::memory_order_release);
    nudge();
  }
  void join() {
    if (thread_.joinable()) thread_.join();
  }

 protected:
  /// An event of its own that the thread's interest wants too; it is dropped afterwards.
  virtual void on_own_event(const EventBuf& event) { static_cast<void>(event); }
  /// The thread's work; returns soon after is_stopping().
  virtual void body() = 0;
  bool is_stopping() const noexcept { return stop_.load(std::memory_order_acquire); }
  Publisher& publisher() noexcept { return publisher_; }
  /// Publishes; waits while receivers give no credit, so that a flood is slowed and not lost. False if stopping: the event is dropped.
  bool publish(EventBuf* event) noexcept;
  /// Takes events that others published for this thread; `drop` each of them when done. Returns how many of `out` are filled, and lets
  /// producers go on that waited for credit.
  std::size_t take_events(std::span<EventBuf*> out) noexcept;
  /// Sleeps until nudged, posted to, or `timeout_ns` has passed. Runs tasks.
  void sleep_and_run_tasks(std::uint64_t timeout_ns) noexcept;

 private:
  void wake() noexcept override;

  const ThreadTable* threads_;
  Publisher publisher_;
  std::atomic<bool> stop_{false};
  std::atomic<std::uint32_t> wakes_{0};
  std::thread thread_;
};

}  // namespace router
