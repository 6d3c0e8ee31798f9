// "mqtt-bridges" of the configuration: rules by which messages of one broker go to another, whatever they hold.
//
// Thread rule: read at start-up, then read-only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "drivers/mqtt/mqtt_client.h"
#include "drivers/mqtt/payload.h"
#include "protocol/filter.h"

namespace router {
class ObjectReader;
}

namespace drivers::mqtt {

struct BrokerConfig;

enum class BridgeMarking : std::uint8_t {
  kAuto,  ///< a user property with MQTT 5, a topic level with 3.1.1
  kTopic,
  kNone,
};

enum class BridgeRetain : std::uint8_t { kKeep, kAlways, kNever };

/// One direction of an entry.
struct BridgeRule {
  std::uint32_t id = 0;  ///< of its name
  std::string name;      ///< "hall -> cloud", or the entry's "name" and the direction
  std::size_t from = 0;  ///< index of the broker that messages are taken from
  std::size_t to = 0;
  std::string from_name;  ///< what marks call it
  std::string to_name;
  std::vector<std::string> topics;  ///< filters at `from`: "from-prefix" and one of "topics"
  std::string from_prefix;          ///< taken off
  std::string to_prefix;            ///< put in front
  int qos = 1;                      ///< at most
  BridgeRetain retain = BridgeRetain::kKeep;
  std::optional<vscp::Filter> filter;           ///< only events that match; nothing: all messages, events or not
  PayloadFormat format = PayloadFormat::kAuto;  ///< for the filter
  std::uint32_t rate = 0;                       ///< messages per second; 0: no limit
  std::uint32_t hops_max = 8;                   ///< brokers that a message was taken from, this one included
  std::uint32_t storm_limit = 200;              ///< StormGuard
  BridgeMarking marking = BridgeMarking::kAuto;
};

/// Reads all and gives each rule to the broker that it takes from: BrokerConfig::bridges, and its subscriptions. A
/// broker of a bridge that does not say its protocol version uses MQTT 5. Errors go to the reader's context.
void read_bridges(router::ObjectReader& root, std::vector<BrokerConfig>& brokers);

}  // namespace drivers::mqtt
