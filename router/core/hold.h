// "Senders, wait a moment": while some reader in a loop is behind but still reading, no worker takes events in.
//
// Shared by all workers: one counter of workers that ask for a hold (part of the closed list of shared state).
#pragma once

#include <atomic>
#include <cstdint>

namespace router {

class HoldState {
 public:
  /// Any worker; a read that is usually in the cache.
  bool is_on() const noexcept { return holders_.load(std::memory_order_relaxed) != 0; }
  void add() noexcept { holders_.fetch_add(1, std::memory_order_relaxed); }
  /// True if that was the last one, so that waiting workers must be nudged.
  bool remove() noexcept { return holders_.fetch_sub(1, std::memory_order_acq_rel) == 1; }

 private:
  alignas(64) std::atomic<std::uint32_t> holders_{0};
};

}  // namespace router
