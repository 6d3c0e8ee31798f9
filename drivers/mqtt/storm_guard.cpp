#include "drivers/mqtt/storm_guard.h"

#include "drivers/mqtt/message_hash.h"

namespace drivers::mqtt {

StormGuard::Verdict StormGuard::note(std::string_view topic, std::span<const std::uint8_t> payload,
                                     std::uint64_t now_ns) noexcept {
  if (limit_ == 0) return Verdict::kCarry;
  const std::uint64_t hash = message_hash(topic, payload);
  Slot& slot = slots_[hash % kSlots];
  const bool old = now_ns >= slot.since_ns + kWindowNs && now_ns >= slot.stopped_until_ns;
  if (slot.hash != hash) {
    // Of two messages in one place that which repeats is watched.
    if (!old && slot.count > 1) return Verdict::kCarry;
    slot = {hash, now_ns, 0, 1};
    return Verdict::kCarry;
  }
  if (now_ns < slot.stopped_until_ns) return Verdict::kStopped;
  if (old) slot = {hash, now_ns, 0, 0};
  if (++slot.count <= limit_) return Verdict::kCarry;
  slot.stopped_until_ns = now_ns + kStopNs;
  return Verdict::kBegins;
}

}  // namespace drivers::mqtt
