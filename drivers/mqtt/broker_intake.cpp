#include "drivers/mqtt/broker_intake.h"

#include <algorithm>
#include <chrono>

#include "drivers/mqtt/site_batch.h"
#include "protocol/filter_join.h"
#include "router/base/check.h"
#include "router/base/log.h"
#include "router/core/driver_entry.h"

namespace drivers::mqtt {
namespace {

constexpr std::uint32_t kTypeLevel2Driver = 3;  // spec: vscp_tcpiplink.md#tcpip-interface-list
constexpr std::uint64_t kForEver = ~std::uint64_t{0};
constexpr std::uint64_t kRetryNs = 100'000'000;
constexpr std::size_t kMessagesPerTurn = 256;

}  // namespace

BrokerIntake::BrokerIntake(router::Router& router, router::ThreadIndex helper, const BrokerConfig& config,
                           router::EventStore& store, BrokerEchoes& echoes, SiteMemory& site, SitePost& post,
                           std::function<void()> wake_sender)
    : HelperThread(router.helper_thread_index(helper), router.threads(), router.pool_capacity()),
      router_(router),
      config_(config),
      store_(store),
      keeper_("mqtt " + config.name, config.store, store, router.threads()),
      echoes_(echoes),
      site_(site),
      post_(post),
      wake_sender_(std::move(wake_sender)),
      channel_(router.threads().helper_channel(index())),
      guid_(router::channel_guid(router.settings().guid, channel_)),
      reader_(config),
      source_(config.bridges, site.mark) {
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

void BrokerIntake::find_owner() {
  if (config_.owner.empty()) return;
  const std::string name = router::driver_interface_name(config_.owner);
  const auto found = std::ranges::find(router_.interfaces(), name, &router::InterfaceInfo::name);
  VR_ASSERT(found != router_.interfaces().end());  // the entries of both were read from one file
  owner_ = found->channel;
}

bool BrokerIntake::wants(const vscp::Event& event) const noexcept {
  if (owner_ != router::kNoChannel && event.obid != owner_) return false;
  return event.obid != channel_ && std::any_of(filters_.begin(), filters_.end(),
                                               [&event](const vscp::Filter& filter) { return filter.matches(event); });
}

void BrokerIntake::store_event(const router::EventBuf& event) {
  const router::EventOrigin origin = router::origin_of(event, site_.router);
  if (config_.site.enabled() && origin.hops >= config_.site.hops_max) {
    counters_.far_travelled.add();
    router::log(router::LogLevel::kWarn, router::LogKind::kRefused,
                "mqtt " + config_.name + ": an event has passed max-hops bridges and stops here: is there a loop?");
    keeper_.pass(event.home);
    return;
  }
  keeper_.keep(event.home, event.event.priority(), router::encode_carried_event(event.event, origin, bytes_));
}

bool BrokerIntake::take_batch() {
  const std::size_t count = take_events(batch_);
  for (std::size_t i = 0; i < count; ++i) {
    router::EventBuf* event = batch_[i];
    if (event->skip_channel != channel_ && wants(event->event)) {
      store_event(*event);
    } else {
      keeper_.pass(event->home);
    }
    publisher().drop(event);
  }
  commit();
  return count > 0;
}

void BrokerIntake::commit() {
  if (keeper_.commit()) wake_sender_();
  if (!keeper_.is_uncommitted()) tell_bridged();
}

router::EventBuf* BrokerIntake::acquire() {
  router::EventBuf* event = publisher().try_acquire();
  while (event == nullptr && !is_stopping()) {
    publisher().flush();
    take_batch();  // whoever holds our buffers may wait for us
    event = publisher().try_acquire();
  }
  if (event != nullptr) event->only_channel = owner_;
  return event;
}

bool BrokerIntake::publish_message(const Message& message) {
  if (message.payload.empty()) return false;  // a retained message was cleared
  const std::uint64_t now_ns = router_.clock().utc_ns();
  if (echoes_.events.is_echo(message.topic, message.payload, router_.clock().monotonic_ns())) {
    counters_.echoes.add();
    return true;
  }
  router::EventBuf* event = acquire();
  if (event == nullptr) return false;
  if (const auto read = reader_.read(message.topic, message.payload, now_ns, event->event); !read) {
    counters_.malformed.add();
    router::log(router::LogLevel::kWarn, router::LogKind::kRefused,
                "mqtt " + config_.name + ": a message on " + message.topic +
                    " is no event: " + std::string(vscp::to_text(read.error())));
    pool().give_back(event);
    return false;
  }
  event->event.obid = channel_;
  if (event->event.guid.is_zero()) event->event.guid = guid_;
  if (!wait_for_room(event->event.vscp_class, *this)) {
    pool().give_back(event);
    return false;
  }
  if (publish(event)) counters_.events_in.add();
  return true;
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
    return publisher().is_refused(vscp_class) || (&link != this && keeper_.is_refusing() && interest_.wants(vscp_class));
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
  lanes_stuck_ = lanes_stuck_ && holding;
  link.post_.set_paused(holding);
}

void BrokerIntake::confirm_batches() {
  const std::uint64_t kept = publisher().promises().kept();
  for (; !arrived_.empty() && arrived_.front().promise <= kept; arrived_.pop_front()) {
    arrived_.front().post->tell_arrived(arrived_.front().run, arrived_.front().batch);
  }
  const auto is_safe = [kept](const Published& one) {
    return one.promise <= kept && std::all_of(one.given.begin(), one.given.end(), [](const Given& given) {
             return given.lane->safe.load(std::memory_order_acquire) >= given.number;
           });
  };
  std::uint64_t safe = 0;
  for (; !published_.empty() && is_safe(published_.front()); published_.pop_front()) safe = published_.front().message;
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
      message_bytes_ -= message.bytes();
    }
    room_.notify_one();
    if (config_.site.enabled()) {
      publish_batch(message, *message.link);
    } else {
      const bool was_event = is_event_topic(message.topic) && publish_message(message);
      std::vector<Given> given;
      if (source_.size() > 0) bridge_message(message, was_event, given);
      published_.push_back({publisher().promises().given(), message.number, std::move(given)});
    }
  }
  return true;
}

bool BrokerIntake::take_message(const MqttMessageView& message) {
  return config_.site.enabled() ? site_.hub->queue_message(message, *this) : queue_message(message, *this);
}

bool BrokerIntake::queue_message(const MqttMessageView& message, BrokerIntake& link) {
  Message copy{&link, 0, std::string(message.topic), {message.payload.begin(), message.payload.end()}, {}};
  if (source_.size() > 0) copy.rest = copy_rest(message);
  const std::size_t bytes = copy.bytes();
  std::unique_lock lock(mutex_);
  counters_.messages.add();
  // A single message may be larger than all that may wait.
  const auto fits = [&](std::size_t most) { return messages_.empty() || message_bytes_ + bytes <= most; };
  if (message.qos > 0) room_.wait(lock, [&] { return closed_ || holding_ || fits(kMessageBytesMax); });
  // While it is being left, the broker still brings some.
  if (closed_ || !fits(holding_ && message.qos > 0 ? 2 * kMessageBytesMax : kMessageBytesMax)) {
    if (message.qos == 0) counters_.messages_dropped.add();
    return message.qos == 0;
  }
  const std::uint64_t number = copy.number = ++last_message_;
  message_bytes_ += bytes;
  messages_.push_back(std::move(copy));
  nudge();
  if (message.qos == 0 || !waits_for_safety_) return true;
  safe_.wait(lock, [&] { return safe_message_ >= number || !waits_for_safety_ || holding_ || closed_; });
  return safe_message_ >= number || !waits_for_safety_;
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
    waits_for_safety_ = (publisher().promises().any() || gives_to_a_spool()) && !config_.site.enabled();
    safe_.notify_all();
  }
  while (!is_stopping()) {
    const bool took = take_batch();
    const bool stored = store_bridged();
    const bool published = publish_messages();
    publisher().flush();
    commit();
    if (!keeper_.is_uncommitted()) confirm_batches();
    check_lanes();
    const bool waits = keeper_.is_uncommitted() || bridged_.has_no_room();
    sleep_and_run_tasks(took || stored || published ? 0 : waits ? kRetryNs : kForEver);
  }
  for (const auto& filter : filters_) interest_.remove(filter);
  while (take_batch()) publisher().flush();
  while (store_bridged()) commit();
  publisher().flush();
}

}  // namespace drivers::mqtt
