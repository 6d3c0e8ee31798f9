// Timers of one worker: a hierarchical wheel of 64-slot levels with a tick of 1 ms. Start, stop and firing cost O(1);
// finding the next deadline looks at one bitmap per level, so that an idle worker sleeps until something is really due.
//
// Thread rule: one worker. Ownership: none; a timer must be stopped (or have fired) before it is destroyed.
#pragma once

#include <array>
#include <cstdint>

#include "router/base/intrusive_list.h"

namespace router {

struct TimerTag;

/// A timer's owner derives from it.
class Timer : public ListNode<TimerTag> {
 public:
  virtual ~Timer() = default;
  virtual void on_timer(std::uint64_t now_ns) noexcept = 0;
  bool is_armed() const noexcept { return is_linked(); }

 private:
  friend class TimerWheel;
  std::uint64_t due_tick_ : 54 = 0;  ///< half a million years
  std::uint64_t slot_ : 10 = 0;
};

class TimerWheel {
 public:
  explicit TimerWheel(std::uint64_t now_ns) noexcept : tick_(now_ns / kTickNs) {}

  /// (Re)arms the timer: it fires in the first advance() at or after `due_ns` rounded up to a tick, never before; a
  /// deadline that is past fires with the next tick.
  void start(Timer& timer, std::uint64_t due_ns) noexcept;
  void stop(Timer& timer) noexcept;
  /// Fires what is due. A timer may be started or stopped from on_timer().
  void advance(std::uint64_t now_ns) noexcept;
  /// Nanoseconds until advance() has something to do, 0 if now, UINT64_MAX if nothing is armed. May be early for far
  /// deadlines (when a level's slot has to be sorted into the next finer one).
  std::uint64_t ns_until_next(std::uint64_t now_ns) const noexcept;

 private:
  static constexpr std::uint64_t kTickNs = 1'000'000;
  static constexpr unsigned kLevels = 8;  // 64^8 ms is more than 64 bits of nanoseconds can say
  static constexpr unsigned kSlotBits = 6;
  static constexpr unsigned kSlots = 1U << kSlotBits;
  static constexpr std::uint64_t kTickMask = (std::uint64_t{1} << 54U) - 1;
  static constexpr unsigned kSlotMask = kLevels * kSlots - 1;

  void place(Timer& timer) noexcept;
  std::uint64_t next_event_tick() const noexcept;

  std::uint64_t tick_;  ///< every timer due at or before this tick has fired
  std::array<std::uint64_t, kLevels> occupied_{};
  std::array<IntrusiveList<Timer, TimerTag>, kLevels * kSlots> slots_;
};

}  // namespace router
