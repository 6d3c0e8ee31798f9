// The age of records, which a wall clock that is set must not change.
//
// A spool has a clock of its own, in seconds. While a process has the spool open it follows the monotonic clock. Over a
// restart of the process it goes on by the monotonic clock, too, as long as the system was not booted meanwhile. Over a
// boot only the wall clock tells how long the spool was closed, and it may be wrong: a step back counts as no time, and
// a step forth as at most half of the age limit. So a clock that is wrong at boot neither empties the spool nor keeps
// records for ever: they get at most half of the limit older or younger than they are. One owner; the store's lock.
#pragma once

#include <algorithm>
#include <cstdint>

#include "router/base/clock.h"
#include "router/io/spool_format.h"

namespace router::spool {

inline constexpr std::uint64_t kSecondNs = 1'000'000'000;

class AgeClock {
 public:
  /// `boot` names the system's run, 0 if that is not known; `state` is null for a new spool.
  AgeClock(const Clock& clock, std::uint64_t boot, std::uint64_t age_max_ns, const State* state) noexcept
      : clock_(clock), boot_(boot), opened_s_(clock.monotonic_ns() / kSecondNs) {
    if (state == nullptr) return;
    const std::uint64_t utc_s = clock.utc_ns() / kSecondNs;
    std::uint64_t closed_s = 0;
    if (boot != 0 && state->boot == boot && opened_s_ >= state->monotonic_s) {
      closed_s = opened_s_ - state->monotonic_s;
    } else if (utc_s > state->utc_s) {
      closed_s = std::min(utc_s - state->utc_s, age_max_ns / kSecondNs / 2U);
    }
    start_s_ = state->age_s + closed_s;
  }

  std::uint64_t now_s() const noexcept { return start_s_ + clock_.monotonic_ns() / kSecondNs - opened_s_; }
  void save(State& state) const noexcept {
    state.boot = boot_;
    state.monotonic_s = clock_.monotonic_ns() / kSecondNs;
    state.utc_s = clock_.utc_ns() / kSecondNs;
    state.age_s = now_s();
  }

 private:
  const Clock& clock_;
  std::uint64_t boot_;
  std::uint64_t opened_s_;
  std::uint64_t start_s_ = 0;
};

}  // namespace router::spool
