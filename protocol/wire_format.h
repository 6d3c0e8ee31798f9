// The forms in which an event goes out to a peer: the two of event lines and the binary frame. Whoever encodes once for
// many readers (the fan-out log) knows no more of them than this.
// Pure functions; no heap; bounded.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "protocol/event_line.h"
#include "protocol/frame.h"

namespace vscp {

enum class WireFormat : std::uint8_t {
  kLegacyLine,       ///< LineFormat::kLegacy
  kNanosecondsLine,  ///< LineFormat::kNanoseconds
  kFrame,            ///< event frame of type 1
};
inline constexpr std::size_t kWireFormats = 3;

/// Room for one event in any form.
inline constexpr std::size_t kEventWireMax = std::max(kEventLineMax, kEventFrameMax);

constexpr WireFormat wire_format(LineFormat format) noexcept {
  return format == LineFormat::kLegacy ? WireFormat::kLegacyLine : WireFormat::kNanosecondsLine;
}

/// Writes the event in this form; a line ends with CRLF. `out` has room for kEventWireMax bytes, which may all be
/// overwritten. Returns its length.
std::size_t encode_event(const Event& event, WireFormat format, DateCache& dates, char* out) noexcept;

/// Reads back what encode_event() wrote. A frame carries no obid and no microsecond counter: obid is 0, the counter is
/// made from the time. A legacy line carries whole seconds. Errors: as decode_event_line() and decode_event_frame().
Result<void> decode_event(std::span<const char> bytes, WireFormat format, Event& event) noexcept;

}  // namespace vscp
