#include "router/base/duration.h"

#include <charconv>
#include <cmath>

namespace router {

std::optional<std::uint64_t> parse_duration_ms(std::string_view text) noexcept {
  constexpr double kMaxMs = 10.0 * 365 * 86400 * 1000;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc{}) return std::nullopt;
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  double factor_ms = 0;
  if (unit == "ms") factor_ms = 1;
  if (unit.empty() || unit == "s") factor_ms = 1000;
  if (unit == "m" || unit == "min") factor_ms = 60'000;
  if (unit == "h") factor_ms = 3'600'000;
  const double result_ms = value * factor_ms;
  if (!(result_ms >= 1) || result_ms > kMaxMs) return std::nullopt;
  return static_cast<std::uint64_t>(std::llround(result_ms));
}

}  // namespace router
