// What BrokerSender shows of itself: its state, for those who wait for it, and the row in the report.
#include <algorithm>
#include <chrono>

#include "drivers/mqtt/broker_sender.h"

namespace drivers::mqtt {
namespace {

constexpr std::uint64_t kNsPerS = 1'000'000'000;

}  // namespace

void BrokerSender::set_state(State state, std::string_view reason) {
  state_ = state;
  switch (state) {
    case State::kDown:
      return show(Shown::kWaiting, reason);
    case State::kConnecting:
      return show(Shown::kConnecting, reason);
    case State::kUp:
      return show(Shown::kSubscribing, reason);
  }
}

void BrokerSender::show(Shown shown, std::string_view reason) {
  const std::lock_guard lock(mutex_);
  if (shown_ != shown) shown_since_ns_ = clock_.utc_ns();
  shown_ = shown;
  told_.notify_all();
  if (!reason.empty()) last_error_ = reason;
}

// Events go out before; but who reads "connected" may rely on it that what is published from now on is brought.
void BrokerSender::note_subscribed() {
  if (state_ == State::kUp) show(Shown::kConnected, {});
}

std::string_view BrokerSender::to_text(Shown shown) noexcept {
  switch (shown) {
    case Shown::kWaiting:
      return "waiting";
    case Shown::kConnecting:
      return "connecting";
    case Shown::kSubscribing:
      return "subscribing";
    case Shown::kConnected:
      break;
  }
  return "connected";
}

bool BrokerSender::is_settled() const noexcept {
  if (state_ == State::kDown) return true;
  return state_ == State::kUp && shown_ == Shown::kConnected && free_tokens_.size() == tokens_.size();
}

bool BrokerSender::wait_connected(std::uint32_t timeout_ms) const {
  std::unique_lock lock(mutex_);
  return told_.wait_for(lock, std::chrono::milliseconds(timeout_ms), [this] { return shown_ == Shown::kConnected; });
}

bool BrokerSender::wait_sent(std::uint32_t timeout_ms) const {
  std::unique_lock lock(mutex_);
  return told_.wait_for(lock, std::chrono::milliseconds(timeout_ms), [this] { return store_.status().records == 0; });
}

void BrokerSender::note_released(std::size_t events) {
  counters_.events_sent.add(events);
  intake_->note_room();
  const std::lock_guard lock(mutex_);
  told_.notify_all();
}

void BrokerSender::report(router::JsonWriter& array) const {
  const router::StoreStatus store = store_.status();
  const IntakeCounters& in = intake_->counters();
  std::string_view state;
  std::string error;
  std::uint64_t since_ns = 0;
  {
    const std::lock_guard lock(mutex_);
    state = to_text(shown_);
    error = last_error_;
    since_ns = shown_since_ns_;
  }
  array.begin_object()
      .member("driver", "mqtt")
      .member("name", config_.name)
      .member("of_driver", config_.owner)
      .member("broker", config_.connection.host + ":" + std::to_string(config_.connection.port))
      .member("state", state)
      .member("for_s", (clock_.utc_ns() - std::min(since_ns, clock_.utc_ns())) / kNsPerS)
      .member("last_error", error)
      .member("connects", counters_.connects.value())
      .member("connects_failed", counters_.connects_failed.value())
      .member("events_waiting", store.records)
      .member("bytes_waiting", store.bytes)
      .member("events_taken", intake_->keeper().taken())
      .member("events_sent", counters_.events_sent.value())
      .member("events_dropped",
              store.dropped_full + store.dropped_age + store.dropped_corrupt + intake_->keeper().lost())
      .member("messages_sent", counters_.messages_sent.value())
      .member("messages_acknowledged", counters_.messages_acked.value())
      .member("messages_refused", counters_.messages_refused.value())
      .member("messages_poison", counters_.messages_poison.value())
      .member("messages_oversized", counters_.messages_oversized.value())
      .member("messages_unsure", counters_.messages_unsure.value())
      .member("batches_sent", counters_.batches_sent.value())
      .member("batches_arrived", counters_.batches_arrived.value())
      .member("duplicates", in.duplicates.value())
      .member("loops", in.loops.value() + in.far_travelled.value())
      .member("resends", counters_.resends.value())
      .member("messages_taken", in.messages_taken.value())
      .member("messages_expired", counters_.messages_expired.value())
      .member("messages_too_large", in.messages_too_large.value())
      .member("messages_in", in.messages.value())
      .member("events_in", in.events_in.value())
      .member("echoes", in.echoes.value())
      .member("malformed", in.malformed.value())
      .member("messages_dropped", in.messages_dropped.value())
      .end_object();
  intake_->report_bridges(array);
}

}  // namespace drivers::mqtt
