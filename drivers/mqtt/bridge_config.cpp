#include "drivers/mqtt/bridge_config.h"

#include <algorithm>
#include <array>
#include <utility>

#include "drivers/mqtt/bridge_mark.h"
#include "drivers/mqtt/broker_config.h"
#include "drivers/mqtt/config_parts.h"
#include "drivers/mqtt/site_batch.h"
#include "drivers/mqtt/topic_match.h"
#include "router/base/config_node.h"

namespace drivers::mqtt {
namespace {

using router::ConfigNode;
using router::ObjectReader;

enum class Direction : std::uint8_t { kOut, kIn, kBoth };

constexpr std::array<std::pair<std::string_view, Direction>, 3> kDirections = {
    {{"out", Direction::kOut}, {"in", Direction::kIn}, {"both", Direction::kBoth}}};
constexpr std::array<std::pair<std::string_view, BridgeMarking>, 3> kMarkings = {
    {{"auto", BridgeMarking::kAuto}, {"topic", BridgeMarking::kTopic}, {"none", BridgeMarking::kNone}}};
constexpr std::array<std::pair<std::string_view, BridgeRetain>, 3> kRetains = {
    {{"keep", BridgeRetain::kKeep}, {"always", BridgeRetain::kAlways}, {"never", BridgeRetain::kNever}}};
constexpr std::size_t kPrefixMax = 1024;

class BridgeReading {
 public:
  BridgeReading(ObjectReader& reader, std::vector<BrokerConfig>& brokers) : reader_(reader), brokers_(brokers) {}

  void read() {
    BridgeRule rule;
    const bool enabled = reader_.boolean("enable", true);
    const std::string name = reader_.text("name", "", 128);
    const auto from = read_broker("from");
    const auto to = read_broker("to");
    const Direction direction = reader_.word<Direction>("direction", Direction::kOut, kDirections);
    const auto topics = read_topics();
    rule.from_prefix = read_prefix("from-prefix");
    rule.to_prefix = read_prefix("to-prefix");
    rule.qos = static_cast<int>(reader_.integer("qos", 1, 0, 2));
    rule.retain = reader_.word<BridgeRetain>("retain", BridgeRetain::kKeep, kRetains);
    const vscp::Filter filter = read_filter(reader_);
    if (reader_.has("filter")) rule.filter = filter;
    rule.format = read_format(reader_, "format", PayloadFormat::kAuto);
    rule.rate = static_cast<std::uint32_t>(reader_.integer("rate", 0, 0, 10'000'000));
    rule.hops_max = static_cast<std::uint32_t>(reader_.integer("max-hops", rule.hops_max, 1, kMarkHopsMax));
    rule.storm_limit = static_cast<std::uint32_t>(reader_.integer("storm-limit", rule.storm_limit, 0, 1'000'000));
    rule.marking = reader_.word<BridgeMarking>("mark", BridgeMarking::kAuto, kMarkings);
    reader_.finish();
    if (!enabled || !from || !to) return;
    if (*from == *to) {
      reader_.error("to", "is the broker that messages come from: write the name of another one");
      return;
    }
    if (direction != Direction::kIn) add(rule, name, *from, *to, topics);
    if (direction == Direction::kOut) return;
    std::swap(rule.from_prefix, rule.to_prefix);
    add(rule, name, *to, *from, topics);
  }

 private:
  std::optional<std::size_t> read_broker(std::string_view key) {
    const std::string name = reader_.text(key, "", kMarkNameMax);
    const auto found = std::find_if(brokers_.begin(), brokers_.end(),
                                    [&name](const BrokerConfig& broker) { return broker.name == name; });
    if (name.empty()) {
      reader_.error(key, "is missing: write the \"name\" of an entry of \"mqtt\"");
    } else if (found == brokers_.end()) {
      reader_.error(key, '"' + name + "\" is no broker of \"mqtt\": write the \"name\" of one that is enabled");
    } else if (!found->named) {
      reader_.error(key,
                    "the broker has no \"name\" of its own: give it one, the same in all routers that bridge it, so "
                    "that a message knows where it has been");
    } else if (!is_mark_name(name)) {
      reader_.error(
          key, '"' + name + "\": the name of a broker that is bridged is made of letters, digits, '-', '_' and '.'");
    } else if (found->site.enabled()) {
      reader_.error(key, "is a link to a site and has no topics: name another entry of \"mqtt\"");
    } else {
      return static_cast<std::size_t>(found - brokers_.begin());
    }
    return std::nullopt;
  }

  std::vector<std::string> read_topics() {
    std::vector<std::string> out;
    for (const auto& [topic, where] : reader_.texts("topics")) {
      if (const auto fault = find_filter_fault(topic)) {
        reader_.error_at(*where, reader_.path_of("topics"), '"' + topic + "\" " + std::string(fault->text));
      } else if (topic.starts_with("$share/")) {
        reader_.error_at(
            *where, reader_.path_of("topics"),
            '"' + topic + "\": a shared subscription gives each bridge only a part: write the filter alone");
      }
      out.push_back(topic);
    }
    if (out.empty() && reader_.has("topics")) reader_.error("topics", "is empty: write for example [\"sensors/#\"]");
    if (!reader_.has("topics")) out.emplace_back("#");
    return out;
  }

  std::string read_prefix(std::string_view key) {
    std::string prefix = reader_.text(key, "", kPrefixMax);
    if (prefix.empty()) return prefix;
    if (const auto fault = find_topic_fault(prefix)) {
      reader_.error(key, '"' + prefix + "\" " + std::string(fault->text));
    } else if (prefix.back() != '/') {
      reader_.error(key, '"' + prefix + "\" ends in the middle of a level: write \"" + prefix + "/\"");
    }
    return prefix;
  }

  void add(BridgeRule rule, const std::string& name, std::size_t from, std::size_t to,
           const std::vector<std::string>& topics) {
    BrokerConfig& source = brokers_[from];
    BrokerConfig& target = brokers_[to];
    rule.from = from;
    rule.to = to;
    rule.from_name = source.name;
    rule.to_name = target.name;
    rule.name = (name.empty() ? std::string() : name + ": ") + source.name + " -> " + target.name;
    std::string identity = rule.name + '\n' + rule.from_prefix;
    for (const std::string& topic : topics) {
      rule.topics.push_back(rule.from_prefix + topic);
      identity += '\n' + topic;
    }
    rule.id = site_hash(identity);
    for (BrokerConfig* one : {&source, &target}) {
      if (!one->version_named) one->connection.version = MqttVersion::k5;
    }
    if (rule.qos > 0 && source.connection.clean_session) {
      reader_.warning(
          &source == &brokers_[from] ? "from" : "to",
          "the broker \"" + source.name +
              "\" forgets what comes while the router is away: give it a \"clientid\", which no other client "
              "has, so that it keeps a session");
    }
    for (const std::string& topic : rule.topics) subscribe(source, rule, topic);
    target.bridged_rates.push_back({rule.id, rule.rate, rule.marking});
    source.bridges.push_back(std::move(rule));
  }

  static void subscribe(BrokerConfig& source, const BridgeRule& rule, const std::string& topic) {
    add_subscription(source, rule, topic);
    // A mark in the topic is a level more.
    const bool open_end = topic == "#" || topic.ends_with("/#");
    if (!open_end && (source.connection.version == MqttVersion::k311 || rule.marking == BridgeMarking::kTopic)) {
      add_subscription(source, rule, topic + "/+");
    }
  }

  // From some brokers a message comes once for each of a client's filters that match: narrower ones are left out.
  static void add_subscription(BrokerConfig& source, const BridgeRule& rule, const std::string& topic) {
    MqttSubscription wanted;
    wanted.topic = topic;
    wanted.qos = rule.qos;
    wanted.retain_as_published = rule.retain == BridgeRetain::kKeep;
    wanted.retain_handling = source.connection.clean_session ? 0 : 1;
    const auto join = [](MqttSubscription& one, const MqttSubscription& other) {
      one.qos = std::max(one.qos, other.qos);
      one.retain_as_published = one.retain_as_published || other.retain_as_published;
      one.retain_handling = std::min(one.retain_handling, other.retain_handling);
      one.no_local = one.no_local && other.no_local;
    };
    for (SubscribeConfig& event : source.subscribe) {
      if (event.subscription.topic == topic) return join(event.subscription, wanted);
    }
    auto& list = source.bridge_subscriptions;
    for (MqttSubscription& one : list) {
      if (filter_covers(one.topic, topic)) return join(one, wanted);
    }
    for (const MqttSubscription& one : list) {
      if (filter_covers(topic, one.topic)) join(wanted, one);
    }
    std::erase_if(list, [&topic](const MqttSubscription& one) { return filter_covers(topic, one.topic); });
    list.push_back(std::move(wanted));
  }

  ObjectReader& reader_;
  std::vector<BrokerConfig>& brokers_;
};

}  // namespace

void read_bridges(ObjectReader& root, std::vector<BrokerConfig>& brokers) {
  const auto list = root.list("mqtt-bridges");
  for (std::size_t i = 0; i < list.size(); ++i) {
    ObjectReader one(&list[i], router::config_path("mqtt-bridges", i), root.context());
    BridgeReading(one, brokers).read();
  }
  if (root.context().known_keys == nullptr) return;
  router::ConfigContext keys;  // only to make the keys known
  keys.known_keys = root.context().known_keys;
  std::vector<BrokerConfig> none;
  ObjectReader one(nullptr, "mqtt-bridges[]", keys);
  BridgeReading(one, none).read();
}

}  // namespace drivers::mqtt
