// "mqtt" of the configuration: one broker or an array of them. Every key with its default stands at its member.
//
// The keys are those of the upstream daemon's vscpd.json, with the ones that it reads but ignores made to work; "name",
// "spool", "queue", "publish[].filter", "publish[].dialect" and "session-expiry-s" are ours. Thread rule: read at
// start-up, then read-only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "drivers/mqtt/bridge_config.h"
#include "drivers/mqtt/mqtt_client.h"
#include "drivers/mqtt/payload.h"
#include "drivers/mqtt/topic_template.h"
#include "protocol/filter.h"
#include "protocol/guid.h"
#include "router/base/config_node.h"
#include "router/core/driver_kind.h"
#include "router/core/store_config.h"

namespace drivers::mqtt {

/// "publish[]"
struct PublishConfig {
  std::string topic_text;  ///< "topic", as written
  TopicTemplate topic;
  int qos = 0;                                        ///< "qos"; default: the section's "qos"
  bool retain = false;                                ///< "retain" or "bretain"; default: the section's "bretain"
  PayloadFormat format = PayloadFormat::kJson;        ///< "format"; default: the section's "publish-format"
  PayloadDialect dialect = PayloadDialect::kCurrent;  ///< "dialect"
  vscp::Filter filter;                                ///< "filter", on top of the section's; default: everything
};

/// "subscribe[]"
struct SubscribeConfig {
  MqttSubscription subscription;                ///< "topic", "qos", "v5-options"
  PayloadFormat format = PayloadFormat::kAuto;  ///< "format"; default: the section's "subscribe-format"
};

/// "reconnect"
struct ReconnectConfig {
  std::uint32_t delay_s = 2;       ///< "delay": before the second try; the first comes at once
  std::uint32_t delay_max_s = 10;  ///< "delay-max"
  bool exponential = false;        ///< "exponential-backoff": 2, 4, 8.. and not 2, 4, 6..
};

/// "site": the broker carries events between this router and one other, in batches that are confirmed end to end.
struct SiteConfig {
  std::string name;                 ///< "name": of this site; the same in all entries. Empty: no site link
  std::string peer;                 ///< "peer": of the other site
  std::string topic = "vscp-site";  ///< "topic": what all topics of site links begin with
  std::uint32_t hops_max = 8;       ///< "max-hops": bridges that an event may pass

  bool enabled() const noexcept { return !name.empty(); }
  std::string events_out() const { return topic + "/" + name + "/" + peer + "/events"; }
  std::string events_in() const { return topic + "/" + peer + "/" + name + "/events"; }
  std::string arrived_out() const { return topic + "/" + peer + "/" + name + "/arrived"; }
  std::string arrived_in() const { return topic + "/" + name + "/" + peer + "/arrived"; }
  std::string hello_out() const { return topic + "/" + peer + "/" + name + "/hello"; }
  std::string hello_in() const { return topic + "/" + name + "/" + peer + "/hello"; }
};

/// What the sender must know of a rule that brings messages to its broker.
struct BridgedRate {
  std::uint32_t rule = 0;
  std::uint32_t rate = 0;  ///< messages per second; 0: no limit
  BridgeMarking marking = BridgeMarking::kAuto;
};

struct BrokerConfig {
  std::string name;           ///< "name": distinct; default "mqtt", "mqtt-2" and so on, or the driver's
  std::string owner;          ///< the driver in whose entry it stands; empty: none, it is for all events
  bool named = false;         ///< it has a "name" of its own
  bool version_named = false;  ///< it has a "protocol-version"
  MqttConnection connection;  ///< the connection's keys; client id, will and so on with their tokens filled in
  ReconnectConfig reconnect;
  std::vector<PublishConfig> publish;
  std::vector<SubscribeConfig> subscribe;
  vscp::Filter filter;            ///< "filter": events that go out
  bool measurement_block = true;  ///< "bjsonmeasurementblock"
  bool escape_topics = true;      ///< "bescape-pub-topics"
  bool topic_defaults =
      false;  ///< "bUseTopicForEventDefaults": class, type and GUID from the topic, where the payload leaves them out
  std::vector<std::pair<std::string, std::string>> user_escapes;  ///< "user-escapes": tokens of one's own
  std::vector<std::pair<std::string, std::string>>
      user_properties;            ///< "v5": {"user-properties"}: sent with every message
  std::string topic_daemon_base;  ///< "topic-daemon-base": "" = vscp-daemon/{{srvguid}}/
  std::string topic_drivers;      ///< "topic-drivers"; after the base
  std::string topic_discovery;    ///< "topic-discovery"; after the base
  bool daemon_topics = true;  ///< "daemon-topics": name, version, drivers, discovery, heartbeats; false: none of them
  std::uint32_t heartbeat_s = 60;  ///< "heartbeat-s": of these
  vscp::Guid server_guid;          ///< of the router
  std::string server_name;
  router::StoreConfig store;  ///< "queue": what waits in memory for the broker; "spool": what waits on disk
  SiteConfig site;
  std::vector<BridgeRule> bridges;                     ///< that take messages from this broker
  std::vector<MqttSubscription> bridge_subscriptions;  ///< for them, beside those of "subscribe"
  std::vector<BridgedRate> bridged_rates;              ///< of rules that bring messages to it
};

/// An object of the configuration that makes a broker.
struct BrokerSection {
  const router::ConfigNode* node = nullptr;
  std::string path{};
  std::string name{};                       ///< if it has none of its own; empty: "mqtt", "mqtt-2"..
  std::optional<vscp::Guid> driver_guid{};  ///< of the driver whose section it is
  std::string owner{};                      ///< that driver's name; empty: the section is for all events
  int level = 2;                            ///< of that driver
};

/// Reads one of them. Errors go to the context.
BrokerConfig read_broker(const BrokerSection& section, std::string_view default_name, router::ConfigContext& context,
                         const router::ConfigPlace& place);

/// Reads all: "mqtt", and those of the entries of "drivers". Errors go to the reader's context.
std::vector<BrokerConfig> read_brokers(router::ObjectReader& root, const router::ConfigPlace& place);

}  // namespace drivers::mqtt
