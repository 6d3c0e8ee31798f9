#include "router/core/slow_consumer.h"

namespace router {
namespace {

constexpr std::int64_t kQueueMin = 16;
constexpr std::int64_t kQueueMax = 10'000'000;
constexpr std::int64_t kQueueBytesMax = std::int64_t{1} << 40U;
constexpr std::int64_t kHoldMsMax = 10'000;

}  // namespace

QueueLimits read_queue_limits(ObjectReader& reader) {
  QueueLimits limits;
  const std::int64_t events = reader.integer("max-out-queue", 0, kQueueMin, kQueueMax);
  if (events != 0) limits.max_out_queue = static_cast<std::uint32_t>(events);
  const std::int64_t bytes = reader.integer("max-out-bytes", -1, 0, kQueueBytesMax);
  if (bytes > 0 && bytes < static_cast<std::int64_t>(kQueueBytesMin)) {
    reader.error("max-out-bytes", std::to_string(bytes) + " is too small: write " + std::to_string(kQueueBytesMin) +
                                      " or more, or 0 for no limit");
  } else if (bytes >= 0) {
    limits.max_out_bytes = static_cast<std::uint64_t>(bytes);
  }
  const auto policy = reader.word<SlowConsumer>("slow-consumer", SlowConsumer{}, kSlowConsumerWords);
  if (reader.has("slow-consumer")) limits.slow_consumer = policy;
  const std::int64_t hold_ms = reader.integer("hold-producers-ms", -1, 0, kHoldMsMax);
  if (hold_ms >= 0) limits.hold_producers_ms = static_cast<std::uint32_t>(hold_ms);
  return limits;
}

std::string queue_bytes_problem(const std::optional<std::uint64_t>& max_out_bytes, std::uint64_t log_bytes) {
  if (max_out_bytes.value_or(0) <= log_bytes) return {};
  return std::to_string(*max_out_bytes) + " is more than a worker's log (log.bytes-per-worker, " +
         std::to_string(log_bytes) + ") holds: write at most that, or 0 for no limit of its own";
}

}  // namespace router
