// The wait between two looks at a library that cannot wait by itself: short while events come, up to 5 ms when none
// do, and cut short when something was sent, since an answer may follow.
// Thread rule: wait() and reset() on the reading thread, wake() on any.
#pragma once

#include <atomic>
#include <cstdint>

#include "router/base/fd.h"

namespace drivers::library {

class PollPause {
 public:
  PollPause();

  /// Something came: the next waits are short again.
  void reset() noexcept { quiet_ = 0; }
  /// Waits for the next pause, at most until `latest_ns` of now_ns().
  void wait(std::uint64_t latest_ns) noexcept;
  void wake() noexcept;
  /// Monotonic.
  static std::uint64_t now_ns() noexcept;

 private:
  router::UniqueFd wake_fd_;
  std::atomic<bool> waiting_{false};
  unsigned quiet_ = 0;  ///< waits since something came
};

}  // namespace drivers::library
