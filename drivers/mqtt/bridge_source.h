// The rules that take messages from one broker: what becomes of a message by each of them.
//
// Loops: a message is not carried to a broker that its mark names (normal in a bridge of both directions), nor on when
// this router has taken it from this broker before, or when it has passed too many hops (a loop: the names of brokers
// differ between routers). Without marks StormGuard sees it. Thread rule: one owner; counters from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "drivers/mqtt/bridge_config.h"
#include "drivers/mqtt/bridge_mark.h"
#include "drivers/mqtt/carried_message.h"
#include "drivers/mqtt/mqtt_client.h"
#include "drivers/mqtt/payload.h"
#include "drivers/mqtt/storm_guard.h"
#include "protocol/event.h"
#include "router/base/counters.h"
#include "router/base/json_writer.h"

namespace drivers::mqtt {

struct BridgeCounters {
  router::Counter carried;     ///< given to the other broker's store
  router::Counter filtered;    ///< no event, or one that the filter does not want
  router::Counter been_there;  ///< came from the broker that they would go to
  router::Counter loops;       ///< came round, or passed too many hops
  router::Counter stopped;     ///< of a storm
  router::Counter refused;     ///< too large, a mark that is none, a topic that becomes none
};

class BridgeSource {
 public:
  /// `rules` must outlive it; `router`: stands for this router in marks.
  BridgeSource(const std::vector<BridgeRule>& rules, std::uint32_t router);

  std::size_t size() const noexcept { return rules_.size(); }
  /// By rule `index`: fills `block` and returns true if the message is to be carried. `own`: it was carried here by
  /// this router, without a mark. `was_event`: the router takes it as an event too.
  bool apply(std::size_t index, const MqttMessageView& message, bool own, bool was_event, std::uint64_t utc_ns,
             std::uint64_t monotonic_ns, std::vector<std::uint8_t>& block);
  void note_carried(std::size_t index) noexcept { rules_[index]->counters.carried.add(); }
  void report(router::JsonWriter& array) const;

 private:
  struct Rule {
    explicit Rule(const BridgeRule& rule) : config(rule), storm(rule.storm_limit) {}
    const BridgeRule& config;
    StormGuard storm;
    BridgeCounters counters;
  };
  /// False: it does not go on. Adds this hop.
  bool check_mark(Rule& rule, const MqttMessageView& message, std::string_view text, BridgeMark& mark);
  bool check_storm(Rule& rule, const MqttMessageView& message, std::uint64_t monotonic_ns);
  bool passes_filter(const BridgeRule& rule, const MqttMessageView& message);

  std::uint32_t router_;
  std::vector<std::unique_ptr<Rule>> rules_;
  PayloadDecoder decoder_;
  vscp::Event event_;
  std::vector<char> topic_;
  std::vector<std::pair<std::string_view, std::string_view>> properties_;
};

}  // namespace drivers::mqtt
