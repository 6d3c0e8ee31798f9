#include "router/core/event_port.h"

#include <algorithm>
#include <utility>

#include "protocol/frame.h"
#include "protocol/wire_format.h"
#include "router/base/check.h"
#include "router/base/log.h"

namespace router {
namespace {

constexpr std::size_t kEventWork = 64;  // bytes of a turn's work that an event costs besides its data

}  // namespace

EventPort::EventPort(Router& router, Worker& worker, const EventPortSettings& settings)
    : router_(&router),
      worker_(&worker),
      settings_(settings),
      policy_(settings.queue.slow_consumer.value_or(SlowConsumer::kDropLowestPriority)) {}

EventPort::~EventPort() {
  if (is_open()) close();  // the workers never ran, or have ended
}

bool EventPort::open() {
  channel = worker_->take_channel(*this);
  if (channel == kNoChannel) return false;
  guid_ = settings_.guid.is_zero() ? channel_guid(router_->settings().guid, channel) : settings_.guid;
  router_->add_interface({channel, settings_.type, guid_, settings_.name});
  if (!settings_.send) return true;
  events_max = settings_.queue.max_out_queue.value_or(events_max);
  const std::uint64_t bytes = settings_.queue.max_out_bytes.value_or(router_->settings().worker.fanout.log_bytes / 4);
  bytes_max = bytes == 0 ? kNoLimit : bytes;
  no_hold = true;
  worker_->fanout().join(*this, settings_.out_filter, vscp::WireFormat::kFrame);
  worker_->fanout().note_reading(*this);
  return true;
}

void EventPort::close() noexcept {
  static_cast<ListNode<PortTakeTag>&>(*this).unlink();
  static_cast<ListNode<PortOutTag>&>(*this).unlink();
  if (is_joined()) worker_->fanout().leave(*this);
  worker_->release_channel(std::exchange(channel, kNoChannel));
}

EventPortFigures EventPort::figures() noexcept {
  return {.events_in = events_in_,
          .events_out = events_out_,
          .waiting = is_joined() ? worker_->fanout().count_waiting(*this).events : 0,
          .dropped = events_dropped()};
}

// ---- in -------------------------------------------------------------------------------------------------------------

EventBuf* EventPort::acquire() noexcept {
  if (const std::uint64_t turn = worker_->counters().turns.value(); turn != share_turn_) {
    share_turn_ = turn;
    share_left_ = worker_->input_per_round();
  }
  EventBuf* event = share_left_ > 0 && worker_->may_publish() ? worker_->publisher().try_acquire() : nullptr;
  if (event == nullptr) ask_to_take();
  return event;
}

void EventPort::publish(EventBuf* event) noexcept {
  vscp::Event& value = event->event;
  const std::size_t work = kEventWork + value.data_size;
  share_left_ -= std::min(share_left_, work);
  worker_->charge_work(work);
  if (value.guid.is_zero()) value.guid = guid_;
  value.obid = channel;
  event->skip_channel = kNoChannel;
  event->only_channel = worker_->channels().destination_of(value);
  if (SeenEvents& seen = router_->seen(); seen.is_active()) seen.insert(value, worker_->now_ns());
  ++events_in_;
  worker_->publish(event);
}

// ---- out ------------------------------------------------------------------------------------------------------------

std::span<const std::uint8_t> EventPort::peek_frame() noexcept {
  if (!is_joined()) return {};
  const std::span<const char> bytes = worker_->fanout().peek_line(*this);
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}

bool EventPort::peek(vscp::Event& event) noexcept {
  const std::span<const std::uint8_t> frame = peek_frame();
  if (frame.empty()) return false;
  // Our own frame: its CRC need not be checked.
  VR_ASSERT(vscp::decode_event_argument(frame.subspan(1, frame.size() - 3), event).has_value());
  return true;
}

void EventPort::pop() noexcept {
  worker_->fanout().pop_line(*this);
  ++events_out_;
}

void EventPort::on_overrun() noexcept {
  const std::uint32_t dropped =
      worker_->fanout().drop_to(*this, limit_share(3, 4), policy_ == SlowConsumer::kDropLowestPriority);
  if (dropped > 0) {
    logf(LogLevel::kWarn, LogKind::kSlowConsumer, "%s is too slow, %u events for it dropped", settings_.name.c_str(),
         dropped);
  }
}

}  // namespace router
