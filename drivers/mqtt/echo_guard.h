// Tells messages of our own that a broker sends back, because we subscribe to topics that we publish to.
//
// MQTT 5 has "no local" for that, but only per client and not in 3.1.1. What is published is remembered by a hash of
// topic and payload until it came back or `kKeepNs` have passed; of equal messages each is remembered. Bounded: of more
// than `kMax` the oldest are forgotten. Thread rule: any thread (a lock; helper threads only, never a worker).
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <span>
#include <string_view>
#include <unordered_map>

namespace drivers::mqtt {

class EchoGuard {
 public:
  static constexpr std::uint64_t kKeepNs = 30'000'000'000;
  static constexpr std::size_t kMax = 262'144;

  /// Before the message is handed to the library: it may be back before that returns.
  void note_published(std::string_view topic, std::span<const std::uint8_t> payload, std::uint64_t now_ns);
  /// Whether this message is one of ours; each one counts once.
  bool is_echo(std::string_view topic, std::span<const std::uint8_t> payload, std::uint64_t now_ns);

 private:
  struct Entry {
    std::uint64_t hash;
    std::uint64_t until_ns;
  };
  struct Waiting {
    std::uint32_t count = 0;     ///< still to come back
    std::uint64_t until_ns = 0;  ///< of the last one published
  };
  void forget_oldest();
  void forget_old(std::uint64_t now_ns);

  std::mutex mutex_;
  std::deque<Entry> order_;  ///< oldest first
  std::unordered_map<std::uint64_t, Waiting> waiting_;
};

}  // namespace drivers::mqtt
