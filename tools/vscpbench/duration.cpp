#include "tools/vscpbench/duration.h"

#include <charconv>
#include <map>

namespace bench {

std::optional<double> parse_duration(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string unit(end, text.data() + text.size());
  static const std::map<std::string, double> kUnits{{"", 1},   {"s", 1},    {"ms", 0.001},
                                                    {"m", 60}, {"min", 60}, {"h", 3600}};
  const auto known = kUnits.find(unit);
  if (error != std::errc{} || known == kUnits.end() || !(value >= 0)) return std::nullopt;
  return value * known->second;
}

}  // namespace bench
