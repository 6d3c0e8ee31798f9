#include "drivers/mqtt/broker_intake.h"

#include <algorithm>
#include <chrono>

#include "drivers/mqtt/site_batch.h"
#include "protocol/filter_join.h"
#include "router/base/log.h"

namespace drivers::mqtt {
namespace {

constexpr std::uint32_t kTypeLevel2Driver = 3;  // spec: vscp_tcpiplink.md#tcpip-interface-list
constexpr std::uint64_t kForEver = ~std::uint64_t{0};
constexpr std::uint64_t kRetryNs = 100'000'000;
constexpr std::size_t kMessagesPerTurn = 256;

}  // namespace

BrokerIntake::BrokerIntake(router::Router& router, router::ThreadIndex helper, const BrokerConfig& config,
                           router::EventStore& store, EchoGuard& echoes, SiteMemory& site, SitePost& post,
                           std::function<void()> wake_sender)
    : HelperThread(router.helper_thread_index(helper), router.threads(), router.pool_capacity()),
      router_(router),
      config_(config),
      store_(store),
      echoes_(echoes),
      site_(site),
      post_(post),
      wake_sender_(std::move(wake_sender)),
      channel_(router.threads().helper_channel(index())),
      guid_(router::channel_guid(router.settings().guid, channel_)),
      reader_(config) {
  for (const auto& entry : config.publish) filters_.push_back(vscp::join_filters(config.filter, entry.filter));
  if (config.site.enabled()) {
    filters_.push_back(config.filter);
    if (site.hub == nullptr) site.hub = this;
    if (site.hub == this) origins_.resize(pool().capacity());
  }
  for (const auto& filter : filters_) interest_.add(filter);
  router.add_helper(helper, *this, {channel_, kTypeLevel2Driver, guid_, "mqtt " + config.name});
}

BrokerIntake::~BrokerIntake() {
  close_messages();
  request_stop();
}

void BrokerIntake::finish() {
  close_messages();
  request_stop();
  join();
}

bool BrokerIntake::wants(const vscp::Event& event) const noexcept {
  return event.obid != channel_ && std::any_of(filters_.begin(), filters_.end(),
                                               [&event](const vscp::Filter& filter) { return filter.matches(event); });
}

bool BrokerIntake::store_event(const router::EventBuf& event) {
  const router::EventOrigin origin = router::origin_of(event, site_.router);
  if (config_.site.enabled() && origin.hops >= config_.site.hops_max) {
    counters_.far_travelled.add();
    router::log(router::LogLevel::kWarn, router::LogKind::kRefused,
                "mqtt " + config_.name + ": an event has passed max-hops bridges and stops here: is there a loop?");
    return true;
  }
  const auto record = router::encode_carried_event(event.event, origin, bytes_);
  if (store_.append(event.event.priority(), record)) {
    counters_.events_taken.add();
    uncommitted_ = true;
    return true;
  }
  counters_.events_refused.add();
  router::log(
      router::LogLevel::kError, router::LogKind::kResource,
      "mqtt " + config_.name +
          ": no room for events that wait for the broker: they are lost; raise max-bytes of its queue or spool");
  return false;
}

bool BrokerIntake::take_batch() {
  const std::size_t count = take_events(batch_);
  for (std::size_t i = 0; i < count; ++i) {
    router::EventBuf* event = batch_[i];
    kept_.note_taken(event->home);
    const bool ours = event->skip_channel != channel_ && wants(event->event);
    if (ours && !store_event(*event)) kept_.note_lost(event->home);
    publisher().drop(event);
  }
  commit();
  return count > 0;
}

void BrokerIntake::commit() {
  if (uncommitted_) {
    const auto committed = store_.commit();
    uncommitted_ = !committed;
    if (committed) {
      wake_sender_();
    } else {
      router::log(router::LogLevel::kError, router::LogKind::kResource,
                  "mqtt " + config_.name +
                      ": the spool cannot be written: " + std::string(vscp::to_text(committed.error())) +
                      "; events that it must keep are refused until it can");
    }
  }
  if (!config_.store.on_disk) return;
  if (!uncommitted_) kept_.publish([this](router::ThreadIndex producer) { router_.threads()[producer].nudge(); });
  const bool full =
      config_.store.when_full == router::StoreFullPolicy::kRefuse && store_.status().bytes >= config_.store.bytes_max;
  if (full && !kept_.is_refusing()) {
    router::log(router::LogLevel::kError, router::LogKind::kOnce,
                "mqtt " + config_.name +
                    ": the spool is full: events that it must keep are refused until the broker has taken some; raise "
                    "spool.max-bytes");
  }
  kept_.set_refusing(full || uncommitted_);
}

router::EventBuf* BrokerIntake::acquire() {
  router::EventBuf* event = publisher().try_acquire();
  while (event == nullptr && !is_stopping()) {
    publisher().flush();
    take_batch();  // whoever holds our buffers may wait for us
    event = publisher().try_acquire();
  }
  return event;
}

void BrokerIntake::publish_message(const Message& message) {
  if (message.payload.empty()) return;  // a retained message was cleared
  const std::uint64_t now_ns = router_.clock().utc_ns();
  if (echoes_.is_echo(message.topic, message.payload, router_.clock().monotonic_ns())) {
    counters_.echoes.add();
    return;
  }
  router::EventBuf* event = acquire();
  if (event == nullptr) return;
  if (const auto read = reader_.read(message.topic, message.payload, now_ns, event->event); !read) {
    counters_.malformed.add();
    router::log(router::LogLevel::kWarn, router::LogKind::kRefused,
                "mqtt " + config_.name + ": a message on " + message.topic +
                    " is no event: " + std::string(vscp::to_text(read.error())));
    pool().give_back(event);
    return;
  }
  event->event.obid = channel_;
  if (event->event.guid.is_zero()) event->event.guid = guid_;
  if (!wait_for_room(event->event.vscp_class, *this)) {
    pool().give_back(event);
    return;
  }
  if (publish(event)) counters_.events_in.add();
}

void BrokerIntake::publish_batch(const Message& message, BrokerIntake& link) {
  const auto batch = read_batch(message.payload);
  // Out of its place: what is before it was lost, and comes again together with it.
  if (batch && !link.batch_order_.take(batch->run, batch->number)) return;
  bool whole = batch.has_value();
  if (whole) {
    auto records = batch->records;
    for (auto record = next_record(records); !is_stopping(); record = next_record(records)) {
      whole = record.has_value();
      if (!whole || record->empty()) break;
      whole = publish_record(*record, link);
      if (!whole) break;
    }
  }
  if (is_stopping()) return;
  if (!whole) {
    // Not confirmed: the peer sends it again, in case it was only damaged on its way.
    link.batch_order_.refuse();
    link.counters_.malformed.add();
    router::log(router::LogLevel::kError, router::LogKind::kRefused,
                "mqtt " + link.config_.name + ": a batch of site " + link.config_.site.peer + " is damaged");
    return;
  }
  publisher().flush();
  arrived_.push_back({&link.post_, publisher().promises().given(), batch->run, batch->number});
}

bool BrokerIntake::publish_record(std::span<const std::uint8_t> record, BrokerIntake& link) {
  router::EventBuf* event = acquire();
  if (event == nullptr) return false;
  auto origin = router::decode_carried_event(record, event->event);
  const bool born_here = origin && (origin->router >> 32U) == (site_.router >> 32U);
  if (!origin || born_here || !wait_for_room(event->event.vscp_class, link) || !site_.seen.insert(*origin)) {
    pool().give_back(event);
    if (!origin || is_stopping()) return false;
    (born_here ? link.counters_.loops : link.counters_.duplicates).add();
    return true;
  }
  ++origin->hops;
  router::EventOrigin& kept = origins_[pool().index_of(*event)];
  kept = *origin;
  event->birth = reinterpret_cast<std::uint64_t>(&kept);
  event->event.obid = link.channel_;
  if (publish(event)) link.counters_.events_in.add();
  return true;
}

void BrokerIntake::on_own_event(const router::EventBuf& event) {
  if (wants(event.event)) store_event(event);
}

bool BrokerIntake::wait_for_room(std::uint16_t vscp_class, BrokerIntake& link) {
  // Its own spool is no keeper of its own events; the hub forwards to it all the same.
  const auto is_refused = [&] {
    return publisher().is_refused(vscp_class) || (&link != this && kept_.is_refusing() && interest_.wants(vscp_class));
  };
  if (!is_refused()) return true;
  set_holding(true, link);
  while (is_refused() && !is_stopping()) {
    publisher().flush();
    take_batch();
    sleep_and_run_tasks(kRetryNs);
  }
  set_holding(false, link);
  return !is_stopping();
}

// The thread that waits in take_message() may be one that the full keeper's own broker needs.
void BrokerIntake::set_holding(bool holding, BrokerIntake& link) {
  {
    const std::lock_guard lock(mutex_);
    holding_ = holding;
    safe_.notify_all();
    room_.notify_all();
  }
  link.post_.set_paused(holding);
}

void BrokerIntake::confirm_batches() {
  const std::uint64_t kept = publisher().promises().kept();
  for (; !arrived_.empty() && arrived_.front().promise <= kept; arrived_.pop_front()) {
    arrived_.front().post->tell_arrived(arrived_.front().run, arrived_.front().batch);
  }
  std::uint64_t safe = 0;
  for (; !published_.empty() && published_.front().promise <= kept; published_.pop_front())
    safe = published_.front().message;
  if (safe == 0) return;
  const std::lock_guard lock(mutex_);
  safe_message_ = safe;
  safe_.notify_all();
}

bool BrokerIntake::publish_messages() {
  for (std::size_t count = 0; count < kMessagesPerTurn; ++count) {
    Message message;
    {
      const std::lock_guard lock(mutex_);
      publishing_ = !messages_.empty();
      if (messages_.empty()) {
        all_published_.notify_all();
        return count > 0;
      }
      message = std::move(messages_.front());
      messages_.pop_front();
      message_bytes_ -= message.topic.size() + message.payload.size();
    }
    room_.notify_one();
    if (config_.site.enabled()) {
      publish_batch(message, *message.link);
    } else {
      publish_message(message);
      published_.push_back({publisher().promises().given(), message.number});
    }
  }
  return true;
}

void BrokerIntake::take_message(const MqttMessageView& message) {
  if (config_.site.enabled()) {
    site_.hub->queue_message(message, *this);
  } else {
    queue_message(message, *this);
  }
}

void BrokerIntake::queue_message(const MqttMessageView& message, BrokerIntake& link) {
  Message copy{&link, 0, std::string(message.topic), {message.payload.begin(), message.payload.end()}};
  const std::size_t bytes = copy.topic.size() + copy.payload.size();
  std::unique_lock lock(mutex_);
  counters_.messages.add();
  // A single message may be larger than all that may wait.
  const auto fits = [&](std::size_t most) { return messages_.empty() || message_bytes_ + bytes <= most; };
  if (message.qos > 0) room_.wait(lock, [&] { return closed_ || holding_ || fits(kMessageBytesMax); });
  // While it is being left, the broker still brings some.
  if (closed_ || !fits(holding_ && message.qos > 0 ? 2 * kMessageBytesMax : kMessageBytesMax)) {
    counters_.messages_dropped.add();
    return;
  }
  const std::uint64_t number = copy.number = ++last_message_;
  message_bytes_ += bytes;
  messages_.push_back(std::move(copy));
  nudge();
  if (message.qos == 0 || !waits_for_safety_) return;
  safe_.wait(lock, [&] { return safe_message_ >= number || holding_ || closed_; });
}

bool BrokerIntake::wait_published(std::uint32_t timeout_ms) {
  std::unique_lock lock(mutex_);
  return all_published_.wait_for(lock, std::chrono::milliseconds(timeout_ms),
                                 [this] { return !publishing_ && messages_.empty(); });
}

void BrokerIntake::close_messages() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  room_.notify_all();
  safe_.notify_all();
}

void BrokerIntake::body() {
  publisher().find_keepers();
  {
    const std::lock_guard lock(mutex_);
    waits_for_safety_ = publisher().promises().any() && !config_.site.enabled();
  }
  while (!is_stopping()) {
    const bool took = take_batch();
    const bool published = publish_messages();
    publisher().flush();
    commit();
    if (!uncommitted_) confirm_batches();
    sleep_and_run_tasks(took || published ? 0 : uncommitted_ ? kRetryNs : kForEver);
  }
  for (const auto& filter : filters_) interest_.remove(filter);
  while (take_batch()) publisher().flush();
  publisher().flush();
}

}  // namespace drivers::mqtt
