// What the router tells about itself on a broker, as upstream's daemon does: retained texts at each connection, GUIDs
// that were seen for the first time, and heartbeats on the topics of "publish". Spec: class1.protocol.md#type1,
// class1.information.md#type9, class2.information.md#type2, class2.protocol.md#type20.
//
//   BASEserver-name, BASEserver-version, BASEserver-started-utc    QoS 2, retained
//   BASEdrivers      {"drivers": [..]}, the drivers that have a channel of the router; QoS 2, retained
//   BASEdiscovery    {"guid", "time"} of the GUID seen last; QoS 1, retained
//
// Thread rule: one owner, the broker's sender. Bounded: kGuidsMax GUIDs, kWaitingMax messages.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "drivers/mqtt/broker_config.h"
#include "drivers/mqtt/message_writer.h"
#include "protocol/event.h"
#include "router/core/router.h"

namespace drivers::mqtt {

class DaemonTopics {
 public:
  static constexpr std::size_t kGuidsMax = 10'000;
  static constexpr std::size_t kWaitingMax = 256;

  struct Message {
    std::string topic;
    std::string payload;
    int qos = 0;
    bool retain = false;
  };

  /// `config` and `services` (for the capabilities) must outlive it.
  explicit DaemonTopics(const BrokerConfig& config, const router::ServiceList* services = nullptr)
      : config_(config), writer_(config), services_(services) {}

  bool enabled() const noexcept { return config_.daemon_topics && !config_.site.enabled(); }
  /// What waited is forgotten; the retained texts wait.
  void note_connected(std::span<const router::InterfaceInfo> interfaces, std::uint64_t started_utc_ns,
                      std::uint64_t now_ns);
  /// An event goes out.
  void note_event(const vscp::Event& event, std::uint64_t utc_ns);
  /// When heartbeats are due, on the clock of note_connected().
  std::uint64_t beat_at_ns() const noexcept { return enabled() ? beat_at_ns_ : ~std::uint64_t{0}; }
  void beat(std::uint64_t now_ns, std::uint64_t utc_ns);

  /// The next message that waits; null if none does.
  const Message* next() const noexcept { return waiting_.empty() ? nullptr : &waiting_.front(); }
  void pop() { waiting_.pop_front(); }

 private:
  struct GuidHash {
    std::size_t operator()(const vscp::Guid& guid) const noexcept {
      return std::hash<std::string_view>()({reinterpret_cast<const char*>(guid.bytes.data()), guid.bytes.size()});
    }
  };
  std::string topic(const std::string& name) const;

  const BrokerConfig& config_;
  MessageWriter writer_;
  const router::ServiceList* services_;
  std::unordered_set<vscp::Guid, GuidHash> seen_;
  std::deque<Message> waiting_;
  std::uint64_t beat_at_ns_ = 0;
};

}  // namespace drivers::mqtt
