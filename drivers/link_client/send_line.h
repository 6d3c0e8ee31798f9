// The command SEND around an event line as the fan-out log has it. Pure functions, no heap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "protocol/event.h"
#include "protocol/limits.h"

namespace drivers::link_client {

inline constexpr std::size_t kSendLineMax = vscp::kEventLineMax + 16;

/// Writes "SEND " and the line with another obid. `line` is of vscp::encode_event_line(), CRLF included; `out` has room
/// for kSendLineMax bytes. The far side does not give the event to its channel `obid`: that is how what we send does
/// not come back on our other connection.
std::size_t write_send(std::string_view line, std::uint32_t obid, char* out) noexcept;
/// The obid of such a line: the channel that the event came in by.
std::uint32_t obid_of_line(std::string_view line) noexcept;

/// The legacy line has whole seconds and a microsecond counter. Where a router made both of one time, the counter still
/// says which microsecond of the second it was: it is put back into the time. Other counters hit a second by chance
/// once in 4000 events, which then get a time within the second they had.
void restore_fraction(vscp::Event& event) noexcept;

}  // namespace drivers::link_client
