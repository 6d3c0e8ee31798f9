// A number of events and their bytes on the wire.
#pragma once

#include <cstdint>

namespace router {

inline constexpr std::uint64_t kNoLimit = ~std::uint64_t{0};

struct Amount {
  std::uint64_t events = 0;
  std::uint64_t bytes = 0;

  /// More events, or more bytes.
  bool exceeds(const Amount& limit) const noexcept { return events > limit.events || bytes > limit.bytes; }
  Amount& operator+=(const Amount& other) noexcept {
    events += other.events;
    bytes += other.bytes;
    return *this;
  }
  Amount& operator-=(const Amount& other) noexcept {
    events -= other.events;
    bytes -= other.bytes;
    return *this;
  }
  bool operator==(const Amount&) const noexcept = default;
};

}  // namespace router
