// Times as people write them on a command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace router {

/// "10s", "1.5s", "500ms", "2m", "2min", "1h", or a number of seconds, in milliseconds; nothing if it is none of these, less than a
/// millisecond or more than ten years.
std::optional<std::uint64_t> parse_duration_ms(std::string_view text) noexcept;

}  // namespace router
