// The VSCP event as a value. Spec: vscp_over_binary.md (head, fields), vscp_tcpiplink.md#send (times).
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "protocol/guid.h"
#include "protocol/limits.h"

namespace vscp {

/// Bits of `Event::head`. Bits 8-9 (frame version) say how the time is written and belong to the wire form, not to
/// the event: decoders clear them, encoders set what their form needs.
inline constexpr std::uint16_t kHeadRollingIndex = 0x0007;
inline constexpr std::uint16_t kHeadNoCrc = 0x0008;
inline constexpr std::uint16_t kHeadHardCoded = 0x0010;
inline constexpr std::uint16_t kHeadPriority = 0x00e0;
inline constexpr std::uint16_t kHeadFrameVersion = 0x0300;
inline constexpr std::uint16_t kHeadFrameVersionNs = 0x0100;
inline constexpr std::uint16_t kHeadGuidType = 0x7000;
inline constexpr std::uint16_t kHeadDumb = 0x8000;

/// One event. 40 bytes of fixed fields, then the data; trivially copyable so that it may live in shared memory.
struct Event {
  std::uint64_t time_ns = 0;       ///< UTC, nanoseconds since 1970-01-01T00:00:00Z; 0 = not set, the router sets it
  std::uint32_t timestamp_us = 0;  ///< relative microsecond counter of the legacy forms, wraps at 32 bits
  std::uint32_t obid = 0;          ///< channel id of the connection that brought the event in
  Guid guid;                       ///< originating node; all zero = the router fills in the channel's
  std::uint16_t head = 0;
  std::uint16_t vscp_class = 0;
  std::uint16_t vscp_type = 0;
  std::uint16_t data_size = 0;                   ///< 0..kEventDataMax
  std::array<std::uint8_t, kEventDataMax> data;  ///< bytes at and after data_size are indeterminate

  std::span<const std::uint8_t> payload() const noexcept { return {data.data(), data_size}; }
  /// 0 is the highest priority, 7 the lowest.
  std::uint8_t priority() const noexcept { return static_cast<std::uint8_t>((head & kHeadPriority) >> 5U); }
};
static_assert(sizeof(Event) == 40 + kEventDataMax);

/// Field by field, data up to data_size.
bool operator==(const Event& left, const Event& right) noexcept;

}  // namespace vscp
