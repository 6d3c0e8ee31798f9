// VSCP events on a CAN segment: the 29-bit identifier. Spec: vscp_over_can_can4vscp.md.
//
//   bits 28-26 priority, 25 hard-coded, 24-16 class, 15-8 type, 7-0 nickname
#pragma once

#include <cstddef>
#include <cstdint>

#include "protocol/event.h"

namespace vscp {

struct CanId {
  std::uint8_t priority = 0;  ///< 0..7
  bool hard_coded = false;
  std::uint16_t vscp_class = 0;  ///< 0..511
  std::uint8_t vscp_type = 0;
  std::uint8_t nickname = 0;

  bool operator==(const CanId&) const noexcept = default;
};

/// The 29 identifier bits, without any flag of the operating system.
std::uint32_t pack_can_id(const CanId& id) noexcept;
CanId unpack_can_id(std::uint32_t id) noexcept;

/// Data bytes of a classic frame and of an FD frame.
inline constexpr std::size_t kCanDataMax = 8;
inline constexpr std::size_t kCanFdDataMax = 64;

/// A CAN frame as the mapping needs it.
struct CanFrame {
  std::uint32_t id = 0;
  bool extended = true;
  bool remote = false;
  bool error = false;
  bool fd = false;
  std::uint8_t size = 0;
  std::uint8_t data[kCanFdDataMax] = {};
};

/// Whether a frame can have exactly so many data bytes: FD frames know 0 to 8, 12, 16, 20, 24, 32, 48 and 64.
constexpr bool is_can_size(std::size_t size, bool fd) noexcept {
  if (size <= kCanDataMax) return true;
  return fd && (size == 12 || size == 16 || size == 20 || size == 24 || size == 32 || size == 48 || size == 64);
}

/// CAN frame to event: GUID is the interface's with the nickname in byte 15; time is left to the caller.
/// Errors: kNotVscpFrame (11-bit, remote or error frame, a size that no such frame has).
Result<void> can_to_event(const CanFrame& frame, const Guid& interface_guid, Event& event) noexcept;

/// Event to CAN frame; nickname is GUID byte 15. Classes 512-1023 are sent as class - 512 without their leading
/// 16 data bytes (the destination GUID). Up to 8 data bytes make a classic frame, more an FD frame if `fd` allows it
/// and the size is one that FD frames have: bytes added to fill one up would be data to whoever gets it. Errors:
/// kNotLevel1 (class above 1023, type above 255, data that does not fit, class 512-1023 with fewer than 16).
Result<CanFrame> event_to_can(const Event& event, bool fd = false) noexcept;

}  // namespace vscp
