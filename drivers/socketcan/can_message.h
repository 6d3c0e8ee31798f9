// A message of a CAN_RAW socket: from the bytes that the kernel wrote to a frame, its times, and how many were lost
// before it.
//
// Pure functions; no text or size in a message is trusted. Formats: linux/can.h, Documentation/networking/can.rst.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "protocol/can_id.h"
#include "router/io/message.h"

namespace drivers::socketcan {

/// What the kernel says about a message.
struct MessageNotes {
  std::uint64_t kernel_ns = 0;           ///< UTC, when the kernel got it; 0: not known
  std::uint64_t hardware_ns = 0;         ///< the controller's own clock, of any origin; 0: it has none
  std::optional<std::uint32_t> dropped;  ///< frames that this socket has lost since it was opened, modulo 2^32
};

/// What a socket has lost, from counts of the kernel that wrap at 32 bits, and that messages carry later than the
/// socket was asked.
class LossCount {
 public:
  /// A new socket.
  void restart() noexcept { seen_ = 0; }
  void note(std::uint32_t count) noexcept {
    const std::uint32_t more = count - seen_;
    if (more > ~std::uint32_t{0} / 2) return;  // older than what is known
    seen_ = count;
    total_ += more;
  }
  void add(std::uint64_t more) noexcept { total_ += more; }
  std::uint64_t total() const noexcept { return total_; }

 private:
  std::uint32_t seen_ = 0;
  std::uint64_t total_ = 0;
};

/// Reads a struct can_frame or canfd_frame. Errors: kNotVscpFrame (another size, or a length that no frame has).
vscp::Result<vscp::CanFrame> read_frame(std::span<const char> payload) noexcept;

/// Reads the control messages.
MessageNotes read_notes(std::span<const char> control) noexcept;

/// As the kernel wants it. Returns the number of bytes to send, CAN_MTU or CANFD_MTU.
/// REQUIRES: `out` has room for kFrameBytesMax.
inline constexpr std::size_t kFrameBytesMax = 72;
std::size_t write_frame(const vscp::CanFrame& frame, bool bit_rate_switch, std::span<std::uint8_t> out) noexcept;

}  // namespace drivers::socketcan
