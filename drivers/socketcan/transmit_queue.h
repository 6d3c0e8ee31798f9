// Frames that wait for the bus, in the order in which CAN itself would let them through: by priority, 0 before 7. Of
// one priority the first comes first, whatever its class, so that what one source sends with one priority stays in
// order; arbitration by the rest of the identifier would turn it round. Events of one source with different priorities
// may overtake each other here, as they may between nodes on the bus.
//
// When it is full, what is lost is of the lowest priority that waits, of that the oldest; a frame that is lower still
// is not taken.
//
// Thread rule: one thread. No allocation after construction.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "drivers/socketcan/can_message.h"

namespace drivers::socketcan {

inline constexpr std::size_t kPriorities = 8;

/// A frame as the kernel takes it.
struct WaitingFrame {
  std::array<std::uint8_t, kFrameBytesMax> bytes;
  std::uint8_t size = 0;
  std::uint8_t priority = 0;
  std::uint32_t since_ms = 0;  ///< of a clock that may wrap
  std::uint32_t next = 0;
};

class TransmitQueue {
 public:
  explicit TransmitQueue(std::uint32_t capacity);

  /// True if nothing was lost for it.
  bool push(const vscp::CanFrame& frame, std::uint8_t priority, bool bit_rate_switch, std::uint32_t now_ms) noexcept;
  /// Drops what has waited for longer; counted apart. Less than 2^31 ms.
  void drop_older_than(std::uint32_t now_ms, std::uint32_t age_ms) noexcept;
  /// The next frames, first first; as many as there are and `out` takes. They stay.
  std::size_t peek(std::span<const WaitingFrame*> out) const noexcept;
  /// The first frame is done with.
  void pop() noexcept;
  void clear() noexcept;

  std::uint32_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  std::uint32_t capacity() const noexcept { return static_cast<std::uint32_t>(frames_.size()); }
  /// By priority.
  const std::array<std::uint64_t, kPriorities>& lost() const noexcept { return lost_; }
  std::uint64_t lost_total() const noexcept;
  std::uint64_t expired() const noexcept { return expired_; }

 private:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
  struct Line {
    std::uint32_t first = kNone;
    std::uint32_t last = kNone;
  };
  std::uint32_t take_first(Line& line) noexcept;
  void drop_first(Line& line) noexcept;

  std::vector<WaitingFrame> frames_;
  std::array<Line, kPriorities> lines_;
  std::uint32_t free_ = kNone;  ///< given back, linked
  std::uint32_t fresh_ = 0;     ///< frames from here on were never used
  std::uint32_t size_ = 0;
  std::array<std::uint64_t, kPriorities> lost_{};
  std::uint64_t expired_ = 0;
};

}  // namespace drivers::socketcan
