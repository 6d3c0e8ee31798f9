#include "drivers/mqtt/bridge_source.h"

#include <algorithm>

#include "drivers/mqtt/topic_match.h"
#include "router/base/log.h"

namespace drivers::mqtt {
namespace {

constexpr std::size_t kTopicBytesMax = 65535;
constexpr std::size_t kPropertiesMax = 4096;

}  // namespace

BridgeSource::BridgeSource(const std::vector<BridgeRule>& rules, std::uint32_t router)
    : router_(router), topic_(kTopicBytesMax + 1) {
  for (const BridgeRule& rule : rules) rules_.push_back(std::make_unique<Rule>(rule));
}

bool BridgeSource::check_mark(Rule& rule, const MqttMessageView& message, std::string_view text, BridgeMark& mark) {
  if (!text.empty()) {
    auto parsed = BridgeMark::parse(text);
    if (!parsed) {
      rule.counters.refused.add();
      router::log(router::LogLevel::kWarn, router::LogKind::kRefused,
                  "bridge " + rule.config.name + ": the mark of a message on " + std::string(message.topic) +
                      " is none of ours: it is not carried");
      return false;
    }
    mark = std::move(*parsed);
  }
  if (mark.has_broker(rule.config.to_name)) {
    rule.counters.been_there.add();
    return false;
  }
  if (mark.has_hop(rule.config.from_name, router_) || mark.hops() >= rule.config.hops_max) {
    rule.counters.loops.add();
    router::log(router::LogLevel::kError, router::LogKind::kRefused,
                "bridge " + rule.config.name + ": a message on " + std::string(message.topic) +
                    (mark.hops() >= rule.config.hops_max ? " has passed max-hops brokers" : " has come round") +
                    " and stops here: there is a loop (" + mark.text() +
                    "); call each broker by the same name in all routers");
    return false;
  }
  mark.add(rule.config.from_name, router_);
  return true;
}

bool BridgeSource::check_storm(Rule& rule, const MqttMessageView& message, std::uint64_t monotonic_ns) {
  const auto verdict = rule.storm.note(message.topic, message.payload, monotonic_ns);
  if (verdict == StormGuard::Verdict::kCarry) return true;
  rule.counters.stopped.add();
  if (verdict == StormGuard::Verdict::kBegins) {
    router::log(router::LogLevel::kError, router::LogKind::kOnce,
                "bridge " + rule.config.name + ": the same message on " + std::string(message.topic) + " came " +
                    std::to_string(rule.config.storm_limit) +
                    " times within 10 s: stopped for 10 s, for there may be a loop over another bridge; if a device "
                    "repeats itself so often, raise storm-limit");
  }
  return false;
}

bool BridgeSource::passes_filter(const BridgeRule& rule, const MqttMessageView& message) {
  if (!rule.filter) return true;
  return decoder_.decode(message.payload, rule.format, parse_topic_defaults(message.topic), 0, event_) &&
         rule.filter->matches(event_);
}

bool BridgeSource::apply(std::size_t index, const MqttMessageView& message, bool own, bool was_event,
                         std::uint64_t utc_ns, std::uint64_t monotonic_ns, std::vector<std::uint8_t>& block) {
  Rule& rule = *rules_[index];
  const BridgeRule& config = rule.config;
  const MarkedTopic split = split_marked_topic(message.topic);
  std::string_view mark_text = split.mark;
  const bool wanted = std::any_of(config.topics.begin(), config.topics.end(),
                                  [&split](const std::string& filter) { return topic_matches(filter, split.topic); });
  if (!wanted) return false;
  properties_.clear();
  for (const auto& property : message.extras.user_properties) {
    if (property.first == kMarkProperty) {
      mark_text = property.second;
    } else {
      properties_.push_back(property);
    }
  }
  if (own && mark_text.empty()) {
    rule.counters.been_there.add();
    return false;
  }
  BridgeMark mark;
  const bool marked = !mark_text.empty();
  if (!check_mark(rule, message, mark_text, mark)) return false;
  if (!passes_filter(config, message)) {
    rule.counters.filtered.add();
    return false;
  }
  if (!marked && !check_storm(rule, message, monotonic_ns)) return false;
  const auto mapped = map_topic(split.topic, {config.from_prefix, config.to_prefix}, topic_);
  const std::size_t bytes = message.payload.size() + message.topic.size();
  if (!mapped || bytes > kBlockMax / 2 || properties_.size() > kPropertiesMax) {
    rule.counters.refused.add();
    router::log(
        router::LogLevel::kError, router::LogKind::kRefused,
        "bridge " + config.name + ": a message on " + std::string(message.topic) +
            (mapped ? " is larger than 8 MiB, or has more than 4096 properties" : " has no topic at the other broker") +
            ": it is not carried");
    return false;
  }
  CarriedMessage out;
  out.rule = config.id;
  out.taken_ns = utc_ns;
  out.qos = std::min(message.qos, config.qos);
  out.retain = config.retain == BridgeRetain::kKeep ? message.retained : config.retain == BridgeRetain::kAlways;
  out.was_event = was_event;
  out.topic = *mapped;
  out.mark = config.marking == BridgeMarking::kNone ? std::string_view() : std::string_view(mark.text());
  out.extras = message.extras;
  out.extras.user_properties = properties_;
  out.payload = message.payload;
  write_block(out, block);
  return true;
}

void BridgeSource::report(router::JsonWriter& array) const {
  for (const auto& rule : rules_) {
    const BridgeCounters& counters = rule->counters;
    array.begin_object()
        .member("driver", "mqtt-bridge")
        .member("name", rule->config.name)
        .member("from", rule->config.from_name)
        .member("to", rule->config.to_name)
        .member("messages_carried", counters.carried.value())
        .member("messages_filtered", counters.filtered.value())
        .member("messages_been_there", counters.been_there.value())
        .member("messages_stopped", counters.stopped.value())
        .member("messages_refused", counters.refused.value())
        .member("loops", counters.loops.value())
        .end_object();
  }
}

}  // namespace drivers::mqtt
