// What becomes of messages that were handed over, and what BrokerSender does about a broker that refuses: it answers no
// (MQTT 5), says beforehand what it does not take (MQTT 5), or closes the connection (poison_watch.h).
#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include "drivers/mqtt/broker_sender.h"
#include "router/base/log.h"
#include "router/core/event_thread.h"

namespace drivers::mqtt {
namespace {

constexpr std::uint64_t kBusyPauseNs = 1'000'000'000;  // the broker said: later
constexpr std::size_t kMutedMax = 256;
constexpr std::size_t kAroundPayload = 16;  // bytes of a packet besides topic and payload, at most
constexpr std::size_t kTopicShown = 80;     // bytes of a topic in the log

std::string shown(std::string_view topic) {
  return topic.size() <= kTopicShown ? std::string(topic) : std::string(topic.substr(0, kTopicShown)) + "..";
}

std::string about(std::string_view topic, std::size_t payload_size) {
  return "a message on " + shown(topic) + " (" + std::to_string(payload_size) + " bytes)";
}

/// Of the whole PUBLISH. Spec: MQTT 5, 3.3.
std::size_t packet_bytes(const MqttOutgoing& message, bool version5) noexcept {
  const auto length_bytes = [](std::size_t value) -> std::size_t {
    return value < 128 ? 1 : value < 16'384 ? 2 : value < 2'097'152 ? 3 : 4;
  };
  std::size_t properties = 0;
  const MqttExtras& extras = message.extras;
  for (const auto& [name, value] : extras.user_properties) properties += 5 + name.size() + value.size();
  for (const std::size_t bytes :
       {extras.content_type.size(), extras.response_topic.size(), extras.correlation_data.size()})
    properties += bytes > 0 ? 3 + bytes : 0;
  properties += (extras.payload_format >= 0 ? 2U : 0U) + (extras.expiry_s >= 0 ? 5U : 0U);
  std::size_t rest = 2 + std::string_view(message.topic).size() + message.payload.size();
  if (message.qos > 0) rest += 2;
  if (version5) rest += length_bytes(properties) + properties;
  return 1 + length_bytes(rest) + rest;
}

}  // namespace

void BrokerSender::tell(router::LogLevel level, router::LogKind kind, const std::string& text) {
  router::log(level, kind, "mqtt " + config_.name + ": " + text);
  const std::lock_guard lock(mutex_);
  last_error_ = text;
}

// ---- what became of messages
// --------------------------------------------------------------------------------------------------------------

void BrokerSender::note_handed_over(const MqttOutgoing& message) {
  nudges_.note_given();
  Batch& batch = batches_[batch_];
  if (!message.tell_done) {
    ++batch.records[record_at_].messages;  // nobody will tell that it is done
    return;
  }
  free_tokens_.pop_back();
  Token& token = tokens_[message.token];
  token.batch = batch_;
  token.record = static_cast<std::uint32_t>(record_at_);
  token.entry = static_cast<std::uint32_t>(entry_at_);
  token.qos = message.qos;
  token.in_use = true;
  ++batch.messages_left;
  ++batch.records[record_at_].messages;
  token.payload_size = message.payload.size();
  if (watch_.is_careful() || connection_.version == MqttVersion::k5 || guilty_topics_.any()) {
    token.topic = message.topic;
  } else {
    token.topic.clear();
  }
  if (!watch_.is_careful()) return watch_.note_sent();
  alone_ = message.token;
  watch_.note_sent({Suspect::Kind::kRecord, records_[record_at_].ticket, entry_at_}, clock_.monotonic_ns());
}

void BrokerSender::note_plain_handed_over(const MqttOutgoing& message) {
  nudges_.note_given();
  free_tokens_.pop_back();
  Token& token = tokens_[message.token];
  token.batch = kNoBatch;
  token.qos = message.qos;
  token.in_use = true;
  token.topic = message.topic;
  token.payload_size = message.payload.size();
  if (!watch_.is_careful()) return watch_.note_sent();
  alone_ = message.token;
  watch_.note_sent(plain_suspect(message.topic), clock_.monotonic_ns());
}

void BrokerSender::settle(const Done& done) {
  if (done.token >= tokens_.size() || !tokens_[done.token].in_use) return;
  Token& token = tokens_[done.token];
  token.in_use = false;
  free_tokens_.push_back(done.token);
  const bool of_record = token.batch != kNoBatch;
  bool again = false;
  switch (done.end) {
    case PublishEnd::kAcknowledged:
      counters_.messages_acked.add();
      ++window_;
      if (guilty_topics_.any() && token.qos > 0) guilty_topics_.note_acknowledged(token.topic);
      break;
    case PublishEnd::kRefused:
      counters_.messages_refused.add();
      tell(router::LogLevel::kError, router::LogKind::kRefused,
           "the broker refuses " + about(token.topic, token.payload_size) + ", it is dropped: " + done.reason);
      break;
    case PublishEnd::kBusy:
      again = of_record;
      pause_until_ns_ = clock_.monotonic_ns() + kBusyPauseNs;
      tell(router::LogLevel::kWarn, router::LogKind::kRefused,
           "the broker does not take " + about(token.topic, token.payload_size) +
               " now, it is sent again later: " + done.reason);
      break;
    case PublishEnd::kUnknown:
      if (token.qos == 0) {
        counters_.messages_unsure.add();
      } else {
        again = of_record;
      }
      break;
  }
  const bool of_batch = config_.site.enabled() && token.topic == site_topic_;
  if (done.end != PublishEnd::kUnknown) watch_.note_over(token.qos > 0, of_record || of_batch);
  if (!of_record) return;
  Batch& batch = batches_[token.batch];
  again_ = again_ || again;
  batch.again = batch.again || again;
  if (!again) {
    --batch.records[token.record].messages;
    if (watch_.is_careful()) passed_ = {batch.records[token.record].ticket, token.entry + std::size_t{1}};
  }
  finish_message(token.batch);
}

void BrokerSender::finish_message(std::uint32_t index) {
  Batch& batch = batches_[index];
  if (batch.messages_left > 0) --batch.messages_left;
  // A batch with a message that is to be sent again stays until the rewind.
  if (batch.messages_left > 0 || !batch.all_given || batch.again) return;
  store_.release(batch.tickets);
  note_released(batch.tickets.size());
  batch.in_use = false;
  batch.tickets.clear();
}

void BrokerSender::rewind_if_settled() {
  if (!again_ || free_tokens_.size() < tokens_.size()) return;
  again_ = false;
  // Records of which everything was acknowledged do not come twice.
  std::vector<std::uint64_t> over;
  for (Batch& batch : batches_) {
    for (const RecordLeft& record : batch.records) {
      if (batch.in_use && record.messages == 0) over.push_back(record.ticket);
    }
    batch = {};
  }
  if (!over.empty()) {
    store_.release(over);
    note_released(over.size());
  }
  store_.rewind();
  record_count_ = 0;
  record_at_ = 0;
  batch_ = kNoBatch;
  forget_bridged();
  counters_.resends.add();
}

// ---- what the broker says that it does not take
// --------------------------------------------------------------------------------------------------------------

bool BrokerSender::fit(MqttOutgoing& message) {
  if (message.qos > limits_.qos_max) {
    message.qos = limits_.qos_max;
    if (!std::exchange(bent_qos_, true)) {
      tell(router::LogLevel::kWarn, router::LogKind::kOnce,
           "the broker takes no QoS above " + std::to_string(limits_.qos_max) + ": messages go out with that");
    }
  }
  if (message.retain && !limits_.retain) {
    message.retain = false;
    if (!std::exchange(bent_retain_, true)) {
      tell(router::LogLevel::kWarn, router::LogKind::kOnce,
           "the broker retains no messages: they go out without \"retain\"");
    }
  }
  const std::size_t bytes = packet_bytes(message, connection_.version == MqttVersion::k5);
  const std::string_view topic(message.topic);
  if (bytes <= limits_.packet_bytes_max && topic.size() <= kTopicMax) return true;
  counters_.messages_oversized.add();
  tell(router::LogLevel::kError, router::LogKind::kRefused,
       about(topic, message.payload.size()) + " is dropped: its packet of " + std::to_string(bytes) +
           " bytes is larger than the " + std::to_string(limits_.packet_bytes_max) + " that the broker takes");
  return false;
}

bool BrokerSender::adopt_limits() {
  const std::size_t around = site_topic_.size() + kAroundPayload;
  if (limits_.packet_bytes_max < around + site_bytes_max_)
    limit_site_batches(limits_.packet_bytes_max - std::min<std::size_t>(limits_.packet_bytes_max, around));
  const std::uint32_t ours = connection_.keep_alive_s;
  const std::uint32_t theirs = limits_.keep_alive_s.value_or(0);
  // To ask more often than it wants is no harm, and finds a dead connection sooner.
  if (theirs == 0 || (ours != 0 && ours <= theirs)) return false;
  // The library keeps to what we asked for, and has no way to tell it otherwise.
  connection_.keep_alive_s = theirs;
  router::log(router::LogLevel::kInfo, router::LogKind::kOnce,
              "mqtt " + config_.name + ": connecting again with the broker's keep-alive of " + std::to_string(theirs) +
                  " s in place of " + std::to_string(ours));
  drop_client();
  make_client();
  retry_at_ns_ = 0;
  set_state(State::kDown, {});
  return true;
}

// ---- what makes the broker close the connection
// --------------------------------------------------------------------------------------------------------------

Suspect BrokerSender::plain_suspect(std::string_view topic) const noexcept {
  // Who refuses one of the daemon topics refuses them all.
  const std::string_view base = config_.topic_daemon_base;
  if (!base.empty() && topic.starts_with(base)) topic = base;
  return {Suspect::Kind::kPlain, std::hash<std::string_view>()(topic), 0};
}

bool BrokerSender::is_muted(const Suspect& suspect) const noexcept {
  return !muted_.empty() && std::find(muted_.begin(), muted_.end(), suspect) != muted_.end();
}

bool BrokerSender::is_condemned(const MqttOutgoing& message) {
  if (is_muted({Suspect::Kind::kRecord, records_[record_at_].ticket, entry_at_})) return true;
  if (!guilty_topics_.any() || !guilty_topics_.is_banned(message.topic, clock_.monotonic_ns())) return false;
  counters_.messages_poison.add();
  return true;
}

bool BrokerSender::judge_loss(const News& news) {
  switch (watch_.note_lost(clock_.monotonic_ns(), news.blamed)) {
    case LossVerdict::kNothing:
      return watch_.is_careful();
    case LossVerdict::kGuilty:
      drop_guilty(news.reason);
      return true;
    case LossVerdict::kBeCareful:
      break;
  }
  if (config_.site.enabled()) {
    watch_.note_idle();
    limit_site_batches(site_bytes_max_ / 4);
    tell(router::LogLevel::kWarn, router::LogKind::kOnce,
         "the connection goes again and again with batches under way: they get smaller, now at most " +
             std::to_string(site_bytes_max_) + " bytes; see what packets the broker takes (" + news.reason + ")");
    return true;
  }
  router::log(router::LogLevel::kWarn, router::LogKind::kOnce,
              "mqtt " + config_.name +
                  ": the connection goes again and again with the same under way: sending one thing at a time, to find "
                  "out whether it is because of one message");
  return true;
}

void BrokerSender::drop_guilty(const std::string& reason) {
  const Suspect guilty = watch_.suspect();
  if (muted_.size() >= kMutedMax) muted_.erase(muted_.begin());
  muted_.push_back(guilty);
  const std::string why = ": the broker closes the connection whenever ";
  if (guilty.kind == Suspect::Kind::kSubscription) {
    tell(router::LogLevel::kError, router::LogKind::kOnce,
         "no longer subscribing to " + shown(subscription(guilty.id).topic) + why + "the router does (" + reason +
             "); see the rights of the user at the broker");
    return;
  }
  counters_.messages_poison.add();
  const Token& token = tokens_[alone_];
  tell(router::LogLevel::kError, router::LogKind::kOnce,
       about(token.topic, token.payload_size) +
           (guilty.kind == Suspect::Kind::kPlain ? " and others like it are not sent any more" : " is dropped") + why +
           "it is sent (" + reason + "); see the size, topic and QoS that it takes");
  if (guilty.kind != Suspect::Kind::kRecord || !guilty_topics_.note_guilty(token.topic, clock_.monotonic_ns())) return;
  tell(
      router::LogLevel::kError, router::LogKind::kOnce,
      "messages on " + shown(token.topic) +
          " are dropped for ten minutes: the broker closed the connection at three one after the other; see the rights "
          "of the user at the broker");
}

void BrokerSender::skip_passed() noexcept {
  if (passed_.ticket == records_[record_at_].ticket) entry_at_ = std::max(entry_at_, passed_.entry);
}

// ---- subscriptions
// --------------------------------------------------------------------------------------------------------------

const MqttSubscription& BrokerSender::subscription(std::size_t index) const noexcept {
  const std::size_t own = config_.subscribe.size();
  return index < own ? config_.subscribe[index].subscription : config_.bridge_subscriptions[index - own];
}

// With 3.1.1 the library answers a message of QoS 2 before it hands it over: what came then would be lost with the
// router, while a spool is promised. With QoS 1 the answer waits until the event is safe.
void BrokerSender::lower_qos2(MqttSubscription& to) {
  if (to.qos != 2 || connection_.version != MqttVersion::k311) return;
  const router::ThreadTable& threads = router_.threads();
  bool promised = false;
  for (router::ThreadIndex i = 0; i < threads.size(); ++i) promised = promised || threads[i].kept_counts() != nullptr;
  if (!promised) return;
  to.qos = 1;
  takes_once_ = false;
  if (std::exchange(bent_subscription_, true)) return;
  router::log(
      router::LogLevel::kWarn, router::LogKind::kOnce,
      "mqtt " + config_.name +
          ": subscribing with QoS 1 in place of 2: with MQTT 3.1.1 and QoS 2 what came could be lost before it is "
          "in the spool; MQTT 5 has QoS 2 that is safe");
}

bool BrokerSender::subscribe_to(std::span<const std::size_t> indexes) {
  std::vector<MqttSubscription> list;
  for (const std::size_t index : indexes) {
    list.push_back(subscription(index));
    lower_qos2(list.back());
  }
  subscribed_.assign(indexes.begin(), indexes.end());
  const std::string error = client_->subscribe(list);
  nudges_.note_given();
  if (!error.empty()) tell(router::LogLevel::kError, router::LogKind::kOnce, "subscribing failed: " + error);
  return error.empty();
}

bool BrokerSender::subscribe_next() {
  if (!watch_.is_careful()) return true;
  const auto muted = [this] { return is_muted({Suspect::Kind::kSubscription, subscribe_at_, 0}); };
  while (subscribe_at_ < subscriptions() && muted()) ++subscribe_at_;
  if (subscribe_at_ == subscriptions()) {
    note_subscribed();
    return true;
  }
  if (!may_send_now()) return false;
  const std::array<std::size_t, 1> one{subscribe_at_};
  if (subscribe_to(one)) {
    watch_.note_sent({Suspect::Kind::kSubscription, subscribe_at_, 0}, clock_.monotonic_ns());
  } else {
    ++subscribe_at_;
  }
  return false;
}

void BrokerSender::handle_subscribed(const News& news) {
  if (news.refused.empty() && !news.subscribe_reason.empty()) {
    if (!news.lost && state_ == State::kUp)
      tell(router::LogLevel::kError, router::LogKind::kRefused, "subscribing failed: " + news.subscribe_reason);
    return;
  }
  watch_.note_over(true, false);
  for (const std::size_t index : news.refused) {
    if (index >= subscribed_.size()) continue;
    tell(router::LogLevel::kError, router::LogKind::kOnce,
         "the broker refuses the subscription to " + subscription(subscribed_[index]).topic +
             (news.subscribe_reason.empty() ? "" : ": " + news.subscribe_reason) +
             "; see the rights of the user at the broker");
  }
  if (watch_.is_careful()) {
    ++subscribe_at_;
  } else {
    note_subscribed();
  }
}

}  // namespace drivers::mqtt
