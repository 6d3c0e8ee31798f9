// Putting sentences together: cat("line ", 3, ": ", reason). (The standard library here has no <format>.)
#pragma once

#include <concepts>
#include <string>
#include <string_view>

namespace tools {

namespace detail {
inline void append(std::string& out, std::string_view part) {
  out += part;
}
inline void append(std::string& out, char part) {
  out += part;
}
template <std::integral Number>
  requires(!std::same_as<Number, char>)
void append(std::string& out, Number part) {
  out += std::to_string(part);
}
}  // namespace detail

template <typename... Parts>
std::string cat(const Parts&... parts) {
  std::string out;
  (detail::append(out, parts), ...);
  return out;
}

}  // namespace tools
