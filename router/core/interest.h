// Which classes some session or driver of a thread wants. One writer (the thread), any number of readers.
//
// It may say yes too much and never no wrongly: bits are set before the reply that promises the events is sent.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "protocol/filter.h"

namespace router {

class Interest {
 public:
  /// Classes 0..2047 have a bit each; all higher ones share one.
  static constexpr std::uint32_t kClasses = 2048;

  /// Any thread. A reader that sees a bit late only misses events that were published before the promise was given.
  bool wants(std::uint16_t vscp_class) const noexcept {
    const std::uint32_t bit = vscp_class < kClasses ? vscp_class : kClasses;
    return ((words_[bit / 64].load(std::memory_order_acquire) >> (bit % 64)) & 1U) != 0;
  }

  /// Owner: one more filter; sets the bit of every class that it may let through.
  void add(const vscp::Filter& filter) noexcept { change(filter, 1); }
  /// Owner: takes back an earlier add() of an equal filter.
  void remove(const vscp::Filter& filter) noexcept { change(filter, -1); }

 private:
  void change(const vscp::Filter& filter, std::int32_t step) noexcept;
  void change_class(std::uint32_t bit, std::int32_t step) noexcept;
  void change_all(std::int32_t step) noexcept;

  std::array<std::atomic<std::uint64_t>, kClasses / 64 + 1> words_{};
  // Owner only.
  std::array<std::int32_t, kClasses + 1> filters_{};  ///< per bit, how many filters want it, but for those of all_
  std::int32_t all_ = 0;                              ///< filters that look at no class
};

}  // namespace router
