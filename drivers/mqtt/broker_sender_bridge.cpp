// Sends messages that another broker brought: put together from their parts, marked, at the rate of their rule.
#include <algorithm>

#include "drivers/mqtt/broker_sender.h"
#include "router/base/log.h"

namespace drivers::mqtt {
namespace {

constexpr std::uint64_t kNsPerS = 1'000'000'000;
constexpr std::uint64_t kBurstNs = 100'000'000;  // of a rate: what may go at once
constexpr std::size_t kTopicBytesMax = 65535;

}  // namespace

void BrokerSender::forget_bridged() {
  joiner_.reset();
  static_cast<void>(joiner_.take_torn());
  bridged_.reset();
  held_tickets_.clear();
}

// A part that is not the last leaves its batch: it must not be released before the message is acknowledged.
void BrokerSender::take_bridged_part() {
  bridged_.reset();
  std::vector<std::uint64_t>& tickets = batches_[batch_].tickets;
  const std::uint64_t ticket = records_[record_at_].ticket;
  const BlockJoiner::Step step = joiner_.add(records_[record_at_].bytes);
  const bool torn = joiner_.take_torn();
  // Only as a whole: a record of a message in parts is not released by itself.
  if (step == BlockJoiner::Step::kMore || !held_tickets_.empty()) ++batches_[batch_].records[record_at_].messages;
  if (torn || step == BlockJoiner::Step::kTorn) counters_.records_bad.add();
  if (torn || step != BlockJoiner::Step::kMore) {
    tickets.insert(tickets.end(), held_tickets_.begin(), held_tickets_.end());
    held_tickets_.clear();
  }
  if (step == BlockJoiner::Step::kMore) {
    std::erase(tickets, ticket);
    held_tickets_.push_back(ticket);
  }
  if (step != BlockJoiner::Step::kWhole) return;
  const auto message = block_reader_.read(joiner_.block());
  if (!message) {
    counters_.records_bad.add();
    return;
  }
  const std::uint64_t now = clock_.utc_ns();
  const std::uint64_t waited_s = (now - std::min(now, message->taken_ns)) / kNsPerS;
  const std::int64_t expiry_s = message->extras.expiry_s;
  if (expiry_s >= 0 && waited_s >= static_cast<std::uint64_t>(expiry_s)) {
    counters_.messages_expired.add();
    return;
  }
  bridged_ = *message;
  if (expiry_s >= 0) bridged_->extras.expiry_s = expiry_s - static_cast<std::int64_t>(waited_s);
}

bool BrokerSender::wait_for_rate(std::uint32_t rule) {
  const auto pace =
      std::find_if(paces_.begin(), paces_.end(), [rule](const Pace& one) { return one.rule.rule == rule; });
  if (pace == paces_.end() || pace->rule.rate == 0) return true;
  const std::uint64_t now = clock_.monotonic_ns();
  if (pace->next_ns > now + kBurstNs) {
    pause_until_ns_ = pace->next_ns - kBurstNs;
    return false;
  }
  pace->next_ns = std::max(pace->next_ns, now) + kNsPerS / pace->rule.rate;
  return true;
}

MqttOutgoing BrokerSender::make_bridged() {
  MqttOutgoing out;
  bridged_topic_ = bridged_->topic;
  out.qos = bridged_->qos;
  out.retain = bridged_->retain;
  out.payload = bridged_->payload;
  out.extras = bridged_->extras;
  const auto pace =
      std::find_if(paces_.begin(), paces_.end(), [this](const Pace& one) { return one.rule.rule == bridged_->rule; });
  const bool in_topic = config_.connection.version == MqttVersion::k311 ||
                        (pace != paces_.end() && pace->rule.marking == BridgeMarking::kTopic);
  if (!bridged_->mark.empty() && in_topic) {
    bridged_topic_.append("/").append(kMarkLevel).append(bridged_->mark);
  } else if (!bridged_->mark.empty()) {
    bridged_properties_.assign(out.extras.user_properties.begin(), out.extras.user_properties.end());
    bridged_properties_.emplace_back(kMarkProperty, bridged_->mark);
    out.extras.user_properties = bridged_properties_;
  }
  out.topic = bridged_topic_.c_str();
  return out;
}

void BrokerSender::note_bridge_subscription(std::string_view topic, bool no_local) {
  echoes_.bridged.add_subscription(this, topic, no_local);
  echoes_.bridged_events.add_subscription(this, topic, no_local);
}

void BrokerSender::note_bridged_echoes(std::span<const std::uint8_t> payload) {
  const std::uint64_t now = clock_.monotonic_ns();
  const std::uint32_t copies = echoes_.bridged.copies(this, bridged_topic_);
  if (bridged_->was_event) note_echoes(bridged_topic_, payload);
  if (copies == 0) return;
  if (bridged_->was_event) echoes_.bridged_events.note_published(bridged_topic_, payload, copies, now);
  if (bridged_->mark.empty()) echoes_.bridged.note_published(bridged_topic_, payload, copies, now);
}

bool BrokerSender::send_bridged() {
  if (!decoded_) take_bridged_part();
  decoded_ = true;
  if (!bridged_) return true;
  if (!has_room() || !wait_for_rate(bridged_->rule)) return false;
  MqttOutgoing message = make_bridged();
  if (is_condemned(message)) return true;
  if (bridged_topic_.size() > kTopicBytesMax) {
    counters_.messages_refused.add();
    router::log(router::LogLevel::kError, router::LogKind::kRefused,
                "mqtt " + config_.name +
                    ": the topic of a bridged message is longer than 65 535 bytes with its mark: "
                    "it is dropped");
    return true;
  }
  if (!fit(message)) return true;
  note_bridged_echoes(message.payload);
  switch (send_message(message, record_at_ + 1 == record_count_)) {
    case SendResult::kSent:
      return true;
    case SendResult::kFull:
    case SendResult::kDisconnected:
      return false;
    case SendResult::kFailed:
      note_unsendable();
      return true;
  }
  return true;
}

}  // namespace drivers::mqtt
