// One number for a topic and a payload. Pure function; within a run only.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

namespace drivers::mqtt {

inline std::uint64_t message_hash(std::string_view topic, std::span<const std::uint8_t> payload) noexcept {
  const std::hash<std::string_view> hash;
  const std::uint64_t first = hash(topic);
  const std::uint64_t second = hash({reinterpret_cast<const char*>(payload.data()), payload.size()});
  return first ^ (second * 0x9e3779b97f4a7c15ULL + (first << 6U) + (first >> 2U));
}

}  // namespace drivers::mqtt
