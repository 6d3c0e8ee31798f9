#include "drivers/mqtt/broker_sender.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>

#include "router/base/log.h"
#include "router/base/random.h"
#include "router/core/carried_event.h"

namespace drivers::mqtt {
namespace {

constexpr std::uint64_t kNsPerS = 1'000'000'000;
constexpr std::uint64_t kNever = ~std::uint64_t{0};
constexpr std::uint64_t kFullPauseNs = 1'000'000;  // the library is full and owes us no answer
constexpr std::uint64_t kPermanentFailureS = 30;   // wrong password: no use in asking every second
constexpr std::uint64_t kRetryMinNs = 100'000'000;  // a broker that is not there says so in microseconds
constexpr std::uint32_t kGoodbyeMs = 500;
constexpr std::uint64_t kConnectSpareNs = 5 * kNsPerS;

}  // namespace

BrokerSender::BrokerSender(const BrokerConfig& config, router::EventStore& store, BrokerEchoes& echoes,
                           const router::Router& router)
    : config_(config),
      store_(store),
      echoes_(echoes),
      router_(router),
      clock_(router.clock()),
      writer_(config),
      daemon_(config, &router.services()),
      tokens_(config.connection.in_flight_max),
      connection_(config.connection),
      site_run_(router::SystemRandom().next()),
      site_topic_(config.site.events_out()) {
  shown_since_ns_ = clock_.utc_ns();
  for (const auto& entry : config.subscribe) {
    const bool no_local = entry.subscription.no_local && config.connection.version == MqttVersion::k5;
    echoes.events.add_subscription(this, entry.subscription.topic, no_local);
    if (!config.bridges.empty()) note_bridge_subscription(entry.subscription.topic, no_local);
    takes_once_ = takes_once_ || entry.subscription.qos == 2;
  }
  for (const auto& one : config.bridge_subscriptions) {
    note_bridge_subscription(one.topic, one.no_local);
    takes_once_ = takes_once_ || one.qos == 2;
  }
  for (const auto& rule : config.bridged_rates) paces_.push_back({rule, 0});
  for (std::uint32_t token = static_cast<std::uint32_t>(tokens_.size()); token > 0; --token)
    free_tokens_.push_back(token - 1);
}

BrokerSender::~BrokerSender() {
  stop(0);
}

void BrokerSender::start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "vr-mqtt-out");
    run();
  });
}

void BrokerSender::stop(std::uint32_t timeout_ms) {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    stop_at_ns_ = clock_.monotonic_ns() + std::uint64_t{timeout_ms} * 1'000'000;
    changed_.notify_one();
  }
  thread_.join();
}

void BrokerSender::wake() noexcept {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  changed_.notify_one();
}

// ---- what the library tells
// ---------------------------------------------------------------------------------------------------

void BrokerSender::on_connected(bool session_present, const MqttLimits& limits) noexcept {
  const std::lock_guard lock(mutex_);
  news_.connected = true;
  news_.limits = limits;
  news_.session_present = session_present;
  changed_.notify_one();
}

void BrokerSender::on_connect_failed(std::string_view reason, bool permanent) noexcept {
  const std::lock_guard lock(mutex_);
  news_.failed = true;
  news_.permanent = permanent;
  news_.reason = reason;
  changed_.notify_one();
}

void BrokerSender::on_connection_lost(std::string_view reason, bool blamed) noexcept {
  const std::lock_guard lock(mutex_);
  news_.lost = true;
  news_.blamed = blamed;
  news_.permanent = false;
  news_.reason = reason;
  changed_.notify_one();
}

void BrokerSender::on_subscribed(std::span<const std::size_t> refused, std::string_view reason) noexcept {
  const std::lock_guard lock(mutex_);
  news_.subscribed = true;
  news_.refused.assign(refused.begin(), refused.end());
  news_.subscribe_reason = reason;
  changed_.notify_one();
}

bool BrokerSender::on_message(const MqttMessageView& message) noexcept {
  if (config_.site.enabled() && take_site_message(message)) return true;
  return intake_->take_message(message);
}

void BrokerSender::on_done(std::uint32_t token, PublishEnd end, std::string_view reason) noexcept {
  const std::lock_guard lock(mutex_);
  const bool first = news_.done.empty();
  news_.done.push_back({token, end, std::string(reason)});
  if (first) changed_.notify_one();
}

void BrokerSender::set_paused(bool paused) {
  const std::lock_guard lock(mutex_);
  paused_ = paused;
  woken_ = true;
  changed_.notify_one();
}

// The broker keeps what it has for us, if the session lasts.
void BrokerSender::leave_while_paused() {
  drop_client();
  make_client();
  set_state(State::kDown, "paused: a spool has no room for what this broker brings");
  router::log(router::LogLevel::kError, router::LogKind::kOnce,
              "mqtt " + config_.name + ": left the broker until a spool has room for what it brings");
}

BrokerSender::News BrokerSender::wait_for_news(std::uint64_t until_ns) {
  std::unique_lock lock(mutex_);
  const auto something = [this] { return woken_ || (stopping_ && !stop_seen_) || !news_.is_empty(); };
  if (until_ns == kNever) {
    changed_.wait(lock, something);
  } else {
    const std::uint64_t now = clock_.monotonic_ns();
    if (until_ns > now) changed_.wait_for(lock, std::chrono::nanoseconds(until_ns - now), something);
  }
  woken_ = false;
  News out;
  std::swap(out, news_);
  return out;
}

// ---- the connection
// -----------------------------------------------------------------------------------------------------------

void BrokerSender::run() {
  make_client();
  for (;;) {
    std::uint64_t until = kNever;
    const std::uint64_t now = clock_.monotonic_ns();
    bool stopping = false;
    bool paused = false;
    {
      const std::lock_guard lock(mutex_);
      paused = paused_;
      stopping = stopping_;
      stop_seen_ = stopping;
      if (stopping) until = stop_at_ns_;
    }
    if (stopping && (now >= until || state_ != State::kUp ||
                     (store_.status().records == 0 && free_tokens_.size() == tokens_.size())))
      break;
    if (paused && state_ != State::kDown) leave_while_paused();
    if (state_ == State::kDown && !paused) until = std::min(until, retry_at_ns_);
    if (state_ == State::kConnecting) until = std::min(until, connecting_until_ns_);
    if (state_ == State::kUp) {
      until = std::min(until, daemon_.beat_at_ns());
      if (pause_until_ns_ > now) {
        until = std::min(until, pause_until_ns_);
      } else if (config_.site.enabled()) {
        until = std::min(until, site_resend_at_ns());
      } else if (watch_.is_careful()) {
        until = std::min(until, std::max(watch_.may_send_at_ns(), now + kFullPauseNs));
      } else if ((record_at_ < record_count_ || daemon_.next() != nullptr) && free_tokens_.size() == tokens_.size()) {
        until = std::min(until, now + kFullPauseNs);  // nobody will wake us
      }
    }
    nudges_.update(now, is_settled());
    handle(wait_for_news(std::min(until, nudges_.at_ns())));
    if (nudges_.is_due(clock_.monotonic_ns()) && !is_settled()) client_->nudge();
    if (state_ == State::kConnecting && clock_.monotonic_ns() >= connecting_until_ns_) give_up_connecting();
    if (state_ == State::kDown && !stopping && !paused && clock_.monotonic_ns() >= retry_at_ns_) connect();
    rewind_if_settled();
    if (state_ == State::kUp && clock_.monotonic_ns() >= pause_until_ns_) {
      if (config_.site.enabled()) {
        pump_site();
      } else if (subscribe_next()) {
        send_daemon_messages();
        pump();
      }
    }
  }
  if (client_ != nullptr && state_ == State::kUp) client_->disconnect(kGoodbyeMs);
  client_.reset();
}

void BrokerSender::handle(const News& news) {
  for (const Done& done : news.done) settle(done);
  if (news.subscribed) handle_subscribed(news);
  if (news.connected) {
    limits_ = news.limits;
    handle_connected(news.session_present);
  }
  if (news.failed || news.lost) handle_down(news);
  if (config_.site.enabled()) handle_site(news);
}

void BrokerSender::handle_connected(bool session_present) {
  counters_.connects.add();
  failures_ = 0;
  if (adopt_limits()) return;
  watch_.note_connected(clock_.monotonic_ns());
  window_ = kWindowStart;
  set_state(State::kUp, {});
  router::log(router::LogLevel::kInfo, router::LogKind::kOnce,
              "mqtt " + config_.name + ": connected to " + config_.connection.host + ":" +
                  std::to_string(config_.connection.port));
  if (!session_present && free_tokens_.size() < tokens_.size() && !config_.connection.clean_session) {
    // The broker has lost our session, and with it what the library believes to be under way.
    drop_client();
    make_client();
    retry_at_ns_ = 0;
    set_state(State::kDown, "the broker has lost the session");
    return;
  }
  subscribe_at_ = 0;
  if (!watch_.is_careful()) subscribe_all();
  say_hello();
  if (config_.site.enabled()) say_site_hello();
}

void BrokerSender::handle_down(const News& news) {
  if (news.failed) counters_.connects_failed.add();
  if (news.lost && state_ == State::kDown) return;
  ++failures_;
  retry_at_ns_ = clock_.monotonic_ns() +
                 (news.permanent ? std::max(retry_delay_ns(), kPermanentFailureS * kNsPerS) : retry_delay_ns());
  set_state(State::kDown, news.reason);
  router::log(news.permanent ? router::LogLevel::kError : router::LogLevel::kWarn,
              failures_ == 1 ? router::LogKind::kOnce : router::LogKind::kRefused,
              "mqtt " + config_.name + ": " + (news.failed ? "cannot connect to " : "lost ") + config_.connection.host +
                  ":" + std::to_string(config_.connection.port) + ": " + news.reason);
  const bool anew = news.lost && judge_loss(news);
  // A clean session is over: what was under way will never be acknowledged.
  if (config_.connection.clean_session || anew || forgets_better()) {
    drop_client();
    make_client();
  }
}

// In a session that lasts the library repeats what was under way, but only what fits into the socket before it sends newer
// messages; from the store it comes again in order. QoS 2 needs the library, which knows how far each message is.
bool BrokerSender::forgets_better() const {
  if (takes_once_ || free_tokens_.size() == tokens_.size()) return false;
  return std::none_of(tokens_.begin(), tokens_.end(), [](const Token& token) {
    return token.in_use && token.qos == 2 && token.batch != kNoBatch;
  });
}

std::uint64_t BrokerSender::retry_delay_ns() const noexcept {
  const ReconnectConfig& reconnect = config_.reconnect;
  if (failures_ == 0) return 0;
  std::uint64_t delay = reconnect.delay_s;
  if (reconnect.exponential) {
    delay <<= std::min<std::uint32_t>(failures_ - 1, 16);
  } else {
    delay *= failures_;
  }
  delay = std::min<std::uint64_t>(delay, reconnect.delay_max_s) * kNsPerS;
  return failures_ == 1 ? delay : std::max(delay, kRetryMinNs);
}

void BrokerSender::make_client() {
  std::string error;
  client_ = make_paho_client(connection_, *this, error);
  if (client_ == nullptr) {
    router::log(router::LogLevel::kError, router::LogKind::kOnce, "mqtt " + config_.name + ": " + error);
  }
}

void BrokerSender::drop_client() {
  client_.reset();
  News late;
  {
    const std::lock_guard lock(mutex_);
    std::swap(late, news_);
  }
  for (const Done& done : late.done) settle(done);
  take_arrived(late.arrived);
  for (std::uint32_t token = 0; token < tokens_.size(); ++token) {
    if (tokens_[token].in_use) settle({token, PublishEnd::kUnknown, {}});
  }
  watch_.note_left();
}

void BrokerSender::connect() {
  if (client_ == nullptr) make_client();
  std::string error = "out of memory";
  if (client_ != nullptr) error = client_->connect();
  if (error.empty()) {
    nudges_.note_given();
    connecting_until_ns_ = clock_.monotonic_ns() + kConnectSpareNs + 2'000'000ULL * connection_.connect_timeout_ms;
    set_state(State::kConnecting, {});
    return;
  }
  News news;
  news.failed = true;
  news.reason = error;
  handle_down(news);
}

// Nothing else would ever begin a new try.
void BrokerSender::give_up_connecting() {
  drop_client();
  make_client();
  News news;
  news.failed = true;
  news.reason = "the MQTT library does not tell whether the connection succeeded";
  handle_down(news);
}

void BrokerSender::subscribe_all() {
  std::vector<std::size_t> indexes;
  for (std::size_t i = 0; i < subscriptions(); ++i) {
    if (!is_muted({Suspect::Kind::kSubscription, i, 0})) indexes.push_back(i);
  }
  if (indexes.empty()) return note_subscribed();
  if (subscribe_to(indexes)) watch_.note_sent();
}

bool BrokerSender::send_plain(const std::string& topic, std::string_view payload, int qos, bool retain) {
  if (free_tokens_.empty()) return false;
  const std::uint32_t token = free_tokens_.back();
  MqttOutgoing message;
  message.topic = topic.c_str();
  message.payload = {reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size()};
  message.qos = qos;
  message.retain = retain;
  message.tell_done = true;
  message.token = token;
  if (!fit(message)) return true;
  if (client_->send(message) != SendResult::kSent) return false;
  counters_.messages_sent.add();
  note_plain_handed_over(message);
  return true;
}

// Upstream clears its will when it is alive again.
void BrokerSender::say_hello() {
  const MqttWill& will = config_.connection.will;
  clear_will_ = !will.topic.empty() && will.retain;
  daemon_.note_connected(router_.interfaces(), router_.started_utc_ns(), clock_.monotonic_ns());
}

void BrokerSender::send_daemon_messages() {
  if (const std::uint64_t now = clock_.monotonic_ns(); now >= daemon_.beat_at_ns()) daemon_.beat(now, clock_.utc_ns());
  const MqttWill& will = config_.connection.will;
  if (clear_will_ && may_send_now()) {
    if (!is_muted(plain_suspect(will.topic)) && !send_plain(will.topic, {}, will.qos, true)) return;
    clear_will_ = false;
  }
  while (const DaemonTopics::Message* message = free_tokens_.empty() ? nullptr : daemon_.next()) {
    if (is_muted(plain_suspect(message->topic))) {
      daemon_.pop();
      continue;
    }
    if (!may_send_now() || !has_room()) return;
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(message->payload.data());
    note_echoes(message->topic, {bytes, message->payload.size()});
    if (!send_plain(message->topic, message->payload, message->qos, message->retain)) return;
    daemon_.pop();
  }
}

// ---- sending
// ------------------------------------------------------------------------------------------------------------------

bool BrokerSender::read_batch() {
  record_at_ = 0;
  entry_at_ = 0;
  decoded_ = false;
  const std::size_t most = watch_.is_careful() ? 1 : records_.size();
  record_count_ = store_.read(std::span(records_).first(most));
  if (record_count_ == 0) return false;
  const auto unused = std::find_if(batches_.begin(), batches_.end(), [](const Batch& batch) { return !batch.in_use; });
  batch_ = static_cast<std::uint32_t>(unused - batches_.begin());
  if (unused == batches_.end()) batches_.emplace_back();
  Batch& batch = batches_[batch_];
  batch.in_use = true;
  batch.all_given = false;
  batch.messages_left = 0;
  batch.again = false;
  batch.records.clear();
  for (std::size_t i = 0; i < record_count_; ++i) {
    batch.tickets.push_back(records_[i].ticket);
    batch.records.push_back({records_[i].ticket, 1});
  }
  return true;
}

void BrokerSender::pump() {
  while (state_ == State::kUp && !again_) {
    if (!may_send_now()) return;
    if (record_at_ == record_count_ && !read_batch()) {
      watch_.note_idle();
      return;
    }
    if (!send_record()) return;
    --batches_[batch_].records[record_at_].messages;
    if (++record_at_ == record_count_) end_batch();
    entry_at_ = 0;
    decoded_ = false;
  }
}

void BrokerSender::end_batch() {
  Batch& batch = batches_[batch_];
  batch.all_given = true;
  if (batch.messages_left == 0) finish_message(batch_);
  batch_ = kNoBatch;
}

bool BrokerSender::send_record() {
  if (is_message_record(records_[record_at_].bytes)) return send_bridged();
  if (!decoded_) {
    if (!router::decode_carried_event(records_[record_at_].bytes, event_)) {
      counters_.records_bad.add();
      return true;
    }
    decoded_ = true;
    daemon_.note_event(event_, clock_.utc_ns());
    skip_passed();
  }
  const bool last = record_at_ + 1 == record_count_;
  for (; entry_at_ < writer_.entries(); ++entry_at_) {
    MqttOutgoing message;
    if (!writer_.write(entry_at_, event_, message) || !fit(message)) continue;
    if (is_condemned(message)) continue;
    note_echoes(message.topic, message.payload);
    switch (send_message(message, last)) {
      case SendResult::kSent:
        if (!watch_.is_careful()) break;
        ++entry_at_;
        return false;
      case SendResult::kFull:
      case SendResult::kDisconnected:
        return false;
      case SendResult::kFailed:
        note_unsendable();
        break;
    }
  }
  return true;
}

void BrokerSender::note_unsendable() {
  counters_.messages_refused.add();
  router::log(router::LogLevel::kError, router::LogKind::kRefused,
              "mqtt " + config_.name + ": the MQTT library does not take a message; it is dropped");
}

SendResult BrokerSender::send_message(MqttOutgoing& message, bool last_of_batch) {
  message.tell_done = message.qos > 0 || last_of_batch || watch_.is_careful();
  if (message.tell_done) {
    if (!has_room()) return SendResult::kFull;
    message.token = free_tokens_.back();
  }
  const SendResult result = client_->send(message);
  if (result != SendResult::kSent) return result;
  counters_.messages_sent.add();
  note_handed_over(message);
  return result;
}

void BrokerSender::note_echoes(std::string_view topic, std::span<const std::uint8_t> payload) {
  const std::uint32_t copies = echoes_.events.copies(this, topic);
  if (copies > 0) echoes_.events.note_published(topic, payload, copies, clock_.monotonic_ns());
}

}  // namespace drivers::mqtt
