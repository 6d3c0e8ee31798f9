// VSCP events on a CAN segment: the 29-bit identifier. Spec: vscp_over_can_can4vscp.md.
//
//   bits 28-26 priority, 25 hard-coded, 24-16 class, 15-8 type, 7-0 nickname
#pragma once

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

/// A classic CAN frame as the mapping needs it.
struct CanFrame {
  std::uint32_t id = 0;
  bool extended = true;
  bool remote = false;
  bool error = false;
  std::uint8_t size = 0;
  std::uint8_t data[8] = {};
};

/// CAN frame to event: GUID is the interface's with the nickname in byte 15; time is left to the caller.
/// Errors: kNotVscpFrame (11-bit, remote or error frame, size above 8).
Result<void> can_to_event(const CanFrame& frame, const Guid& interface_guid, Event& event) noexcept;

/// Event to CAN frame; nickname is GUID byte 15. Classes 512-1023 are sent as class - 512 without their leading
/// 16 data bytes (the destination GUID).
/// Errors: kNotLevel1 (class above 1023, type above 255, more than 8 data bytes left, class 512-1023 with fewer than
/// 16).
Result<CanFrame> event_to_can(const Event& event) noexcept;

}  // namespace vscp
