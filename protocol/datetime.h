// UTC calendar time and nanoseconds since 1970, both ways, from 1970-01-01T00:00:00 to
// 2554-07-21T23:34:33.709551615, which is all that 64 bits of nanoseconds hold.
#pragma once

#include <cstdint>
#include <string_view>

#include "protocol/errc.h"

namespace vscp {

/// Reads "YYYY-MM-DDTHH:MM:SS" with an optional fraction of 1 to 9 digits and an optional "Z"; a blank may stand for
/// the "T". Returns nanoseconds since 1970 UTC. A second of 60 is taken as 59 (leap second).
/// Errors: kBadDate (form, no such day, before 1970, later than 64 bits hold).
Result<std::uint64_t> parse_datetime(std::string_view text) noexcept;

inline constexpr std::size_t kDatetimeTextSize = 20;

/// Writes "YYYY-MM-DDTHH:MM:SSZ" (kDatetimeTextSize characters, no terminator), cut to the second; returns the end.
/// Formatting the same second twice in a row on one thread is what a router does all day, so that has a fast path
/// in event_line.cpp; this is the plain function.
char* format_datetime(std::uint64_t time_ns, char* out) noexcept;

}  // namespace vscp
