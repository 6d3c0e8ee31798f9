// Tells messages of our own that a broker sends back, because we subscribe to topics that we publish to.
//
// MQTT 5 has "no local" for that, but only per client and not in 3.1.1. What is published is remembered by a hash of
// topic and payload until it came back or `kKeepNs` have passed; of equal messages each is remembered. All connections
// to one broker share one. Bounded: of more than `kMax` the oldest are forgotten. Thread rule: any thread (a lock;
// helper threads only, never a worker).
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace drivers::mqtt {

class EchoGuard {
 public:
  static constexpr std::uint64_t kKeepNs = 30'000'000'000;
  static constexpr std::size_t kMax = 262'144;

  /// Before the first message: a connection, named by `owner`, subscribes. `no_local`: it does not get what it
  /// publishes itself.
  void add_subscription(const void* owner, std::string_view filter, bool no_local);

  /// How many copies of what this connection publishes on the topic come back to this router.
  std::uint32_t copies(const void* owner, std::string_view topic) const;
  /// Before the message is handed to the library: it may be back before that returns.
  void note_published(std::string_view topic, std::span<const std::uint8_t> payload, std::uint32_t copies,
                      std::uint64_t now_ns);
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
  struct Subscription {
    const void* owner;
    std::string filter;
    bool no_local;
  };
  void forget_oldest();
  void forget_old(std::uint64_t now_ns);

  std::vector<Subscription> subscriptions_;  ///< those of one owner together
  std::mutex mutex_;
  std::deque<Entry> order_;  ///< oldest first
  std::unordered_map<std::uint64_t, Waiting> waiting_;
};

/// Of one broker.
struct BrokerEchoes {
  EchoGuard events;   ///< what became of events
  EchoGuard bridged;  ///< messages of other brokers that carry no mark
  EchoGuard bridged_events;  ///< messages of other brokers that the router has taken as events there
};

}  // namespace drivers::mqtt
