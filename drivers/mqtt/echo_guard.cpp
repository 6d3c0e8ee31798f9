#include "drivers/mqtt/echo_guard.h"

#include <functional>

namespace drivers::mqtt {
namespace {

std::uint64_t hash_of(std::string_view topic, std::span<const std::uint8_t> payload) {
  const std::hash<std::string_view> hash;
  const std::uint64_t first = hash(topic);
  const std::uint64_t second = hash({reinterpret_cast<const char*>(payload.data()), payload.size()});
  return first ^ (second * 0x9e3779b97f4a7c15ULL + (first << 6U) + (first >> 2U));
}

}  // namespace

void EchoGuard::note_published(std::string_view topic, std::span<const std::uint8_t> payload, std::uint64_t now_ns) {
  const std::uint64_t hash = hash_of(topic, payload);
  const std::lock_guard lock(mutex_);
  forget_old(now_ns);
  if (order_.size() >= kMax) forget_oldest();
  order_.push_back({hash, now_ns + kKeepNs});
  Waiting& waiting = waiting_[hash];
  ++waiting.count;
  waiting.until_ns = now_ns + kKeepNs;
}

bool EchoGuard::is_echo(std::string_view topic, std::span<const std::uint8_t> payload, std::uint64_t now_ns) {
  const std::uint64_t hash = hash_of(topic, payload);
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
