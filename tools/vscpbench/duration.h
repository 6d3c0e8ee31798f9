// Durations on the command line.
// Thread rule: any thread.
#pragma once

#include <optional>
#include <string>

namespace bench {

/// "5s", "200ms", "2m" or a number of seconds; empty if it is none of these.
std::optional<double> parse_duration(const std::string& text);

}  // namespace bench
