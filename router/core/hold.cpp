#include "router/core/hold.h"

#include <algorithm>

#include "router/core/channel_owner.h"

namespace router {
namespace {

// A reader that takes nothing for this part of its time is stuck.
constexpr std::uint32_t kStuckPart = 4;

}  // namespace

bool HoldState::may_hold(std::uint64_t now_ns, bool trusted) const noexcept {
  const std::uint64_t paid = paid_until_ns_.load(std::memory_order_relaxed);
  const std::uint64_t vain_ns = paid > now_ns ? (paid - now_ns) / kVainShare : 0;
  return vain_ns < kVainAtOnceNs + (trusted ? kVainOfTrustedNs : 0);
}

void HoldState::charge_vain(std::uint64_t now_ns, std::uint64_t duration_ns) noexcept {
  std::uint64_t paid = paid_until_ns_.load(std::memory_order_relaxed);
  while (!paid_until_ns_.compare_exchange_weak(paid, std::max(paid, now_ns) + duration_ns * kVainShare,
                                               std::memory_order_relaxed)) {
  }
}

bool Holds::begin(ChannelOwner& reader, std::uint64_t now_ns, std::uint32_t longest_ms, bool trusted) {
  if (!shared_->may_hold(now_ns, trusted)) return false;
  if (held_.empty()) shared_->add();
  held_.push_back({&reader, now_ns, now_ns, reader.bytes_taken(), longest_ms});
  return true;
}

void Holds::charge(const Held& held, std::uint64_t now_ns) noexcept {
  const std::uint64_t since_ns = std::max(held.since_ns, charged_until_ns_);
  if (now_ns <= since_ns) return;
  shared_->charge_vain(now_ns, now_ns - since_ns);
  charged_until_ns_ = now_ns;
}

bool Holds::end(ChannelOwner& reader, std::uint64_t now_ns) noexcept {
  std::erase_if(held_, [&](const Held& held) {
    if (held.reader != &reader) return false;
    charge(held, now_ns);
    return true;
  });
  return held_.empty() && shared_->remove();
}

bool Holds::review(std::uint64_t now_ns) noexcept {
  std::erase_if(held_, [&](Held& held) {
    const std::uint64_t bytes_out = held.reader->bytes_taken();
    if (bytes_out != held.bytes_out) {
      held.bytes_out = bytes_out;
      held.progress_ns = now_ns;
    }
    const std::uint64_t longest_ns = std::uint64_t{held.longest_ms} * 1'000'000;
    const bool caught_up = held.reader->has_caught_up();
    const bool over = now_ns - held.since_ns > longest_ns || now_ns - held.progress_ns > longest_ns / kStuckPart;
    if (!caught_up && !over) return false;
    if (!caught_up) charge(held, now_ns);
    held.reader->on_hold_over(caught_up);
    return true;
  });
  return held_.empty() && shared_->remove();
}

}  // namespace router
