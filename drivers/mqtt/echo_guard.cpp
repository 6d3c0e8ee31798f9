#include "drivers/mqtt/echo_guard.h"

#include "drivers/mqtt/message_hash.h"
#include "drivers/mqtt/topic_match.h"

namespace drivers::mqtt {

void EchoGuard::add_subscription(const void* owner, std::string_view filter, bool no_local) {
  subscriptions_.push_back({owner, std::string(filter), no_local});
}

std::uint32_t EchoGuard::copies(const void* owner, std::string_view topic) const {
  std::uint32_t count = 0;
  const void* counted = nullptr;  // a broker sends one copy to a client, however many of its filters match
  for (const Subscription& one : subscriptions_) {
    if (one.owner == counted || (one.owner == owner && one.no_local) || !topic_matches(one.filter, topic)) continue;
    counted = one.owner;
    ++count;
  }
  return count;
}

void EchoGuard::note_published(std::string_view topic, std::span<const std::uint8_t> payload, std::uint32_t copies,
                               std::uint64_t now_ns) {
  const std::uint64_t hash = message_hash(topic, payload);
  const std::lock_guard lock(mutex_);
  forget_old(now_ns);
  if (order_.size() >= kMax) forget_oldest();
  order_.push_back({hash, now_ns + kKeepNs});
  Waiting& waiting = waiting_[hash];
  waiting.count += copies;
  waiting.until_ns = now_ns + kKeepNs;
}

bool EchoGuard::is_echo(std::string_view topic, std::span<const std::uint8_t> payload, std::uint64_t now_ns) {
  const std::uint64_t hash = message_hash(topic, payload);
  const std::lock_guard lock(mutex_);
  forget_old(now_ns);
  const auto found = waiting_.find(hash);
  if (found == waiting_.end() || found->second.count == 0) return false;
  --found->second.count;
  return true;
}

void EchoGuard::forget_old(std::uint64_t now_ns) {
  while (!order_.empty() && order_.front().until_ns <= now_ns) forget_oldest();
}

void EchoGuard::forget_oldest() {
  const auto found = waiting_.find(order_.front().hash);
  // An equal message that was published later keeps the entry.
  if (found != waiting_.end() && found->second.until_ns == order_.front().until_ns) waiting_.erase(found);
  order_.pop_front();
}

}  // namespace drivers::mqtt
