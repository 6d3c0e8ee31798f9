#include "router/core/timer_wheel.h"

#include <algorithm>
#include <bit>

namespace router {

void TimerWheel::start(Timer& timer, std::uint64_t due_ns) noexcept {
  stop(timer);
  const std::uint64_t rounded_up = due_ns / kTickNs + (due_ns % kTickNs != 0 ? 1 : 0);
  timer.due_tick_ = std::max(rounded_up, tick_ + 1) & kTickMask;
  place(timer);
}

void TimerWheel::place(Timer& timer) noexcept {
  // The level is that of the highest bit in which the deadline and now differ; the slot is the deadline's digit there.
  const std::uint64_t difference = timer.due_tick_ ^ tick_;
  const unsigned top_bit = difference == 0 ? 0 : 63U - static_cast<unsigned>(std::countl_zero(difference));
  const unsigned level = top_bit / kSlotBits;
  const auto digit = static_cast<unsigned>(timer.due_tick_ >> (level * kSlotBits)) & (kSlots - 1);
  const unsigned slot = level * kSlots + digit;
  timer.slot_ = slot & kSlotMask;
  slots_[slot].push_back(timer);
  occupied_[level] |= std::uint64_t{1} << digit;
}

void TimerWheel::stop(Timer& timer) noexcept {
  if (!timer.is_armed()) return;
  timer.unlink();
  if (slots_[timer.slot_].empty()) {
    occupied_[timer.slot_ / kSlots] &= ~(std::uint64_t{1} << (timer.slot_ % kSlots));
  }
}

std::uint64_t TimerWheel::next_event_tick() const noexcept {
  for (unsigned level = 0; level < kLevels; ++level) {
    if (occupied_[level] == 0) continue;
    const unsigned shift = level * kSlotBits;
    const auto digit = static_cast<unsigned>(tick_ >> shift) & (kSlots - 1);
    // Slots at and below the current digit belong to the past of this level (they were emptied when time came there).
    const std::uint64_t ahead = digit + 1 == kSlots ? 0 : occupied_[level] & (~std::uint64_t{0} << (digit + 1));
    if (ahead == 0) continue;
    const auto next = static_cast<std::uint64_t>(std::countr_zero(ahead));
    const std::uint64_t base = (tick_ >> shift) & ~std::uint64_t{kSlots - 1};
    return (base | next) << shift;
  }
  return ~std::uint64_t{0};
}

void TimerWheel::advance(std::uint64_t now_ns) noexcept {
  const std::uint64_t target = now_ns / kTickNs;
  for (;;) {
    const std::uint64_t next = next_event_tick();
    if (next > target) break;
    tick_ = next;
    // Sort the coarser slots that begin at this tick into finer ones, coarsest first, then fire what is due now.
    IntrusiveList<Timer, TimerTag> due;
    for (unsigned level = kLevels; level-- > 0;) {
      const unsigned shift = level * kSlotBits;
      if ((tick_ & ((std::uint64_t{1} << shift) - 1)) != 0) continue;
      const auto digit = static_cast<unsigned>(tick_ >> shift) & (kSlots - 1);
      auto& slot = slots_[level * kSlots + digit];
      occupied_[level] &= ~(std::uint64_t{1} << digit);
      IntrusiveList<Timer, TimerTag> moved;
      moved.splice_back(slot);
      while (Timer* timer = moved.pop_front()) {
        if (timer->due_tick_ <= tick_) {
          due.push_back(*timer);
        } else {
          place(*timer);
        }
      }
    }
    while (Timer* timer = due.pop_front()) timer->on_timer(now_ns);
  }
  tick_ = std::max(tick_, target);
}

std::uint64_t TimerWheel::ns_until_next(std::uint64_t now_ns) const noexcept {
  const std::uint64_t next = next_event_tick();
  if (next == ~std::uint64_t{0}) return next;
  const std::uint64_t due_ns = next * kTickNs;
  return due_ns > now_ns ? due_ns - now_ns : 0;
}

}  // namespace router
