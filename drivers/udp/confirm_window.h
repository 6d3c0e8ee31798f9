// Frames that were sent to a peer and that it has not confirmed yet. Each is sent again after a while, the same bytes,
// so that the peer can tell that it had it; after some attempts it is given up.
//
// A confirmation names its frame by head and CRC. Frames that share both are never under way at the same time, so that
// it is always clear which one is meant. Order is kept but for frames that have to be sent again.
//
// Thread rule: one owner. Takes memory only when it is made.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "drivers/udp/datagram.h"

namespace drivers::udp {

class ConfirmWindow {
 public:
  /// `size`: frames at most; `resend_ns`: until a frame is sent again, doubled with each attempt; `attempts`: the first
  /// one included.
  ConfirmWindow(std::uint32_t size, std::uint64_t resend_ns, std::uint32_t attempts);

  bool empty() const noexcept { return used_ == 0; }
  std::size_t waiting() const noexcept { return used_; }
  /// False: no room, or one with the same head and CRC is under way.
  bool can_take(std::span<const std::uint8_t> frame) const noexcept;
  /// Keeps a copy of a frame that is being sent. REQUIRES: can_take().
  void add(std::span<const std::uint8_t> frame, std::uint64_t now_ns) noexcept;
  /// Whether this confirms something that waits.
  bool confirm(const Confirmation& confirmation) noexcept;

  /// When next_due() has something; ~0 if nothing waits.
  std::uint64_t due_ns() const noexcept;
  /// A frame to be sent again now, the longest due first; empty if there is none. What was sent often enough is given
  /// up and counted in `given_up`. `sent()` must follow when it was sent; else it comes again.
  std::span<const std::uint8_t> next_due(std::uint64_t now_ns, std::uint64_t& given_up) noexcept;
  void sent(std::uint64_t now_ns) noexcept;
  /// Everything is given up; returns how many.
  std::size_t clear() noexcept;

 private:
  struct Entry {
    std::uint64_t due_ns = 0;
    std::uint32_t attempts = 0;  ///< 0: free
    Confirmation expected;
    std::uint16_t size = 0;
    std::array<std::uint8_t, vscp::kEventFrameMax> frame;  ///< indeterminate beyond size
  };
  static constexpr std::size_t kNone = ~std::size_t{0};
  /// Of entries_.
  std::size_t find(const Confirmation& confirmation) const noexcept;
  std::size_t earliest() const noexcept;
  void release(Entry& entry) noexcept;

  std::uint64_t resend_ns_;
  std::uint32_t attempts_;
  std::vector<Entry> entries_;
  std::size_t used_ = 0;
};

}  // namespace drivers::udp
