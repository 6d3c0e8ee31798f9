// Messages between brokers: what becomes of a message by the rules of its broker, and how it gets into another one's
// store.
#include <algorithm>

#include "drivers/mqtt/broker_intake.h"
#include "drivers/mqtt/topic_match.h"
#include "router/base/log.h"

namespace drivers::mqtt {
namespace {

constexpr std::uint64_t kBusyNs = 1'000'000;  // the other thread is storing what it has
constexpr std::uint64_t kNoRoomNs = 100'000'000;
constexpr std::uint8_t kMessageLane = 3;  // VSCP's normal priority; one lane, so that order is kept

}  // namespace

void BrokerIntake::connect_bridges(std::span<BrokerIntake* const> brokers) {
  for (const BridgeRule& rule : config_.bridges) {
    Way& way = ways_.emplace_back();
    way.target = brokers[rule.to];
    way.lane.source = this;
    way.target->lanes_in_.push_back(&way.lane);
  }
}

// What is kept in memory only is not safer a moment later.
bool BrokerIntake::gives_to_a_spool() const noexcept {
  return std::any_of(ways_.begin(), ways_.end(), [](const Way& way) { return way.target->config_.store.on_disk; });
}

bool BrokerIntake::is_event_topic(std::string_view topic) const noexcept {
  if (config_.bridges.empty()) return true;  // nothing else is subscribed to
  return std::any_of(config_.subscribe.begin(), config_.subscribe.end(),
                     [topic](const SubscribeConfig& entry) { return topic_matches(entry.subscription.topic, topic); });
}

std::vector<std::uint8_t> BrokerIntake::copy_rest(const MqttMessageView& message) {
  CarriedMessage rest;
  rest.qos = message.qos;
  rest.retain = message.retained;
  rest.topic = "-";
  rest.extras = message.extras;
  std::vector<std::uint8_t> out;
  write_block(rest, out);
  return out;
}

void BrokerIntake::bridge_message(const Message& message, bool was_event, std::vector<Given>& given) {
  const auto rest = rest_reader_.read(message.rest);
  if (!rest) return;
  MqttMessageView view;
  view.topic = message.topic;
  view.payload = message.payload;
  view.qos = rest->qos;
  view.retained = rest->retain;
  view.extras = rest->extras;
  const std::uint64_t now_ns = router_.clock().monotonic_ns();
  const bool own = echoes_.bridged.is_echo(message.topic, message.payload, now_ns);
  // What came as an event at another broker of ours is none at those that it goes to from here.
  was_event = echoes_.bridged_events.is_echo(message.topic, message.payload, now_ns) || was_event;
  for (std::size_t rule = 0; rule < ways_.size(); ++rule) {
    if (!source_.apply(rule, view, own, was_event, router_.clock().utc_ns(), now_ns, block_)) continue;
    if (!hand_over(rule, given)) return;
  }
}

bool BrokerIntake::hand_over(std::size_t rule, std::vector<Given>& given) {
  Way& way = ways_[rule];
  bool holding = false;
  auto answer = way.target->bridged_.give(way.lane, block_);
  for (; answer != BridgeQueue::Give::kTaken && !is_stopping(); answer = way.target->bridged_.give(way.lane, block_)) {
    if (answer == BridgeQueue::Give::kNoRoom && !holding) {
      holding = true;
      set_holding(true, *this);
    }
    // Whoever has no room for us may wait for what we have no room for.
    publisher().flush();
    take_batch();
    store_bridged();
    commit();
    sleep_and_run_tasks(answer == BridgeQueue::Give::kBusy ? kBusyNs : kNoRoomNs);
  }
  if (holding) set_holding(false, *this);
  if (answer != BridgeQueue::Give::kTaken) return false;
  way.target->nudge();
  given.push_back({&way.lane, way.lane.given});
  source_.note_carried(rule);
  return true;
}

bool BrokerIntake::has_room_for(std::size_t block) const {
  if (config_.store.on_disk && keeper_.is_refusing()) return false;
  return config_.store.when_full != router::StoreFullPolicy::kRefuse ||
         store_.status().bytes + 2 * router::stored_bytes(block) <= config_.store.bytes_max;
}

bool BrokerIntake::store_bridged() {
  bool any = false;
  bool room = true;
  for (std::size_t count = 0; count < kBatch; ++count) {
    BridgeQueue::Item* item = bridged_.front();
    if (item == nullptr) break;
    const bool too_large = 4 * router::stored_bytes(item->block.size()) > config_.store.bytes_max;
    room = too_large || has_room_for(item->block.size());
    if (!room) break;
    if (too_large) {
      counters_.messages_too_large.add();
      router::log(router::LogLevel::kError, router::LogKind::kRefused,
                  "mqtt " + config_.name + ": a message of " + std::to_string(item->block.size()) +
                      " bytes from another broker is dropped: it is larger than a quarter of all that may wait; raise "
                      "max-bytes of the queue or spool");
    } else {
      room = cut_block(item->block, record_, [this](std::span<const std::uint8_t> record) {
        return keeper_.append(kMessageLane, record).has_value();
      });
      if (!room) break;
      counters_.messages_taken.add();
    }
    stored_.push_back({item->lane, item->number});
    bridged_.pop();
    any = true;
  }
  if (room != bridged_.has_no_room()) return any;
  bridged_.set_no_room(!room);
  if (!room) {
    router::log(router::LogLevel::kError, router::LogKind::kOnce,
                "mqtt " + config_.name +
                    ": no room for messages of other brokers: they wait there until this one has taken some");
  }
  for (const BridgeLane* lane : lanes_in_) lane->source->nudge();
  return any;
}

void BrokerIntake::tell_bridged() {
  for (const Given& one : stored_) one.lane->safe.store(one.number, std::memory_order_release);
  for (const Given& one : stored_) one.lane->source->nudge();
  stored_.clear();
}

// A message that was given and finds no room must not keep the MQTT library's thread, which the full store's own broker
// needs.
void BrokerIntake::check_lanes() {
  const bool stuck = std::any_of(ways_.begin(), ways_.end(), [](const Way& way) {
    return way.target->bridged_.has_no_room() && way.lane.safe.load(std::memory_order_acquire) < way.lane.given;
  });
  if (stuck == lanes_stuck_) return;
  set_holding(stuck, *this);
  lanes_stuck_ = stuck;
}

}  // namespace drivers::mqtt
