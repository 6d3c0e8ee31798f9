// How far a reader may fall behind, and what happens then: values and configuration.
//
// Thread rule: plain values; read at start-up or by a helper thread, then constant.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "router/base/config_node.h"

namespace router {

/// What happens to a reader that is further behind than it may be.
enum class SlowConsumer : std::uint8_t {
  kDropLowestPriority,  ///< loses events of the lowest priority (7) first, of these the oldest; counted
  kDropOldest,          ///< loses the oldest events; counted
  kDisconnect,          ///< is closed
};

/// As configuration, users files and operators write them.
inline constexpr std::array<std::pair<std::string_view, SlowConsumer>, 3> kSlowConsumerWords{
    {{"drop-lowest-priority", SlowConsumer::kDropLowestPriority},
     {"drop-oldest", SlowConsumer::kDropOldest},
     {"disconnect", SlowConsumer::kDisconnect}}};

constexpr std::string_view to_text(SlowConsumer policy) noexcept {
  for (const auto& [word, value] : kSlowConsumerWords) {
    if (value == policy) return word;
  }
  return "?";
}

/// What a listener or a user has of it in the configuration; what is absent is decided elsewhere.
struct QueueLimits {
  std::optional<std::uint32_t> max_out_queue;      ///< "max-out-queue": events
  std::optional<std::uint64_t> max_out_bytes;      ///< "max-out-bytes": their bytes on the wire; 0 = no limit
  std::optional<SlowConsumer> slow_consumer;       ///< "slow-consumer"
  std::optional<std::uint32_t> hold_producers_ms;  ///< "hold-producers-ms": 0 = never
};
QueueLimits read_queue_limits(ObjectReader& reader);

inline constexpr std::uint64_t kQueueBytesMin = 65'536;

/// A sentence if a limit in bytes can never be reached because the log of a worker is smaller; else empty.
std::string queue_bytes_problem(const std::optional<std::uint64_t>& max_out_bytes, std::uint64_t log_bytes);

}  // namespace router
