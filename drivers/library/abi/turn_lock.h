// For a library that cannot stand two threads at once: its calls one after the other, and a writer does not wait
// behind a reader that comes back at once. Never taken on a worker.
#pragma once

#include <atomic>
#include <mutex>

namespace drivers::library {

class TurnLock {
 public:
  /// `needed` false: costs nothing.
  explicit TurnLock(bool needed) noexcept : needed_(needed) {}
  bool needed() const noexcept { return needed_; }

  template <typename Function>
  auto read(Function&& function) {
    if (!needed_) return function();
    while (const int writers = writers_.load(std::memory_order_acquire)) writers_.wait(writers);
    const std::lock_guard lock(mutex_);
    return function();
  }
  template <typename Function>
  auto write(Function&& function) {
    if (!needed_) return function();
    const Announced announced(writers_);
    const std::lock_guard lock(mutex_);
    return function();
  }

 private:
  struct Announced {
    explicit Announced(std::atomic<int>& count) noexcept : writers(count) { writers.fetch_add(1); }
    ~Announced() {
      writers.fetch_sub(1, std::memory_order_release);
      writers.notify_all();
    }
    Announced(const Announced&) = delete;
    Announced& operator=(const Announced&) = delete;
    std::atomic<int>& writers;
  };

  const bool needed_;
  std::mutex mutex_;
  std::atomic<int> writers_{0};
};

}  // namespace drivers::library
