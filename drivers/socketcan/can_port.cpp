#include "drivers/socketcan/can_port.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "router/base/check.h"
#include "router/base/log.h"

namespace drivers::socketcan {
namespace {

using router::LogKind;
using router::LogLevel;

constexpr std::uint16_t kMirrorFirst = 512;
constexpr std::uint32_t kTypeLevel1Driver = 2;  // spec: vscp_tcpiplink.md#tcpip-interface-list
constexpr std::uint64_t kMillisecondNs = 1'000'000;
constexpr std::uint64_t kReceiveRetryNs = 100 * kMillisecondNs;
constexpr std::uint64_t kTellRetryNs = 50 * kMillisecondNs;
constexpr std::uint64_t kLeaveLookNs = 20 * kMillisecondNs;
// A frame of 8 bytes takes 1 ms at 125 kbit/s.
constexpr std::uint64_t kSendPauseNs = kMillisecondNs;
constexpr std::uint64_t kSendPauseMaxNs = 16 * kMillisecondNs;
constexpr std::uint64_t kRestartPauseNs = 100 * kMillisecondNs;
constexpr std::uint32_t kRestartDoublings = 8;                     // up to 26 s
constexpr std::uint64_t kRestartCalmNs = 60'000 * kMillisecondNs;  // a bus that was well for so long begins anew

router::EventPortSettings settings_of(const CanConfig& config) {
  router::EventPortSettings out;
  out.name = "can " + config.device;
  out.type = kTypeLevel1Driver;
  out.guid = config.guid;
  out.send = config.send;
  out.out_filter = config.out_filter;
  return out;
}

}  // namespace

CanPort::CanPort(router::Router& router, router::Worker& worker, const CanConfig& config, std::size_t entry,
                 const std::vector<vscp::Guid>& segments, LinkKeeper& keeper, FrameSender& sender)
    : MessagePort(router, worker, settings_of(config)),
      config_(config),
      entry_(entry),
      segments_(&segments),
      keeper_(&keeper),
      sender_(&sender),
      queue_(config.max_out_queue),
      monitor_(static_cast<std::uint8_t>(std::min<std::size_t>(entry, 255))) {}

// ---- life -----------------------------------------------------------------------------------------------------------

void CanPort::on_link(const LinkNews& news) noexcept {
  if (news.socket >= 0) take_socket(news.socket);
  if (ended_) return;
  link_ = news.link;
  if (news.problem != problem_) {
    problem_ = news.problem;
    if (!problem_.empty()) router::logf(LogLevel::kWarn, LogKind::kRemote, "%s: %s", name().c_str(), problem_.c_str());
  }
  monitor_.on_link(link_.index == 0 || !link_.is_can ? LinkState::kAbsent
                   : link_.up                        ? LinkState::kUp
                                                     : LinkState::kDown);
  if (link_.up) monitor_.on_state(link_.state);
  if (news.give_back) lose_socket();
  if (link_.up && has_socket() && !is_ending()) receive_again();
  review_bus();
  ask_outgoing();
}

void CanPort::take_socket(int socket) noexcept {
  if (ended_) {
    keeper_->give_back(entry_, socket);
    return;
  }
  lost_in_.restart();
  sending_ = Sending::kReady;
  send_due_ns_ = kNever;
  begin(socket);
}

void CanPort::lose_socket() noexcept {
  if (!has_socket() || is_ending()) return;
  receive_due_ns_ = send_due_ns_ = kNever;
  if (const auto lost = lost_frames(descriptor())) note_lost(*lost);
  lost_in_.add(kept());
  end();
}

void CanPort::stop_receiving() noexcept {
  may_receive_ = false;
}

void CanPort::leave(std::uint64_t patience_ns) noexcept {
  if (leaving_ || ended_) return;
  stop_receiving();
  leaving_ = true;
  leave_until_ns_ = worker().now_ns() + patience_ns;
  leave_due_ns_ = worker().now_ns() + kLeaveLookNs;
  arm();
}

void CanPort::abort() noexcept {
  finish();
}

void CanPort::finish() noexcept {
  if (std::exchange(ended_, true)) return;
  may_receive_ = false;
  worker().timers().stop(*this);
  if (const std::uint64_t left = queue_.size() + figures().waiting; left > 0) {
    router::logf(LogLevel::kWarn, LogKind::kOnce, "%s: %llu events were not sent, the process stops", name().c_str(),
                 static_cast<unsigned long long>(left));
  }
  MessagePort::abort();
}

void CanPort::on_timer(std::uint64_t now_ns) noexcept {
  const auto is_due = [now_ns](std::uint64_t& due_ns) {
    if (due_ns > now_ns) return false;
    due_ns = kNever;
    return true;
  };
  if (is_due(receive_due_ns_)) receive_again();
  if (is_due(send_due_ns_)) {
    sending_ = Sending::kReady;
    ask_outgoing();
  }
  if (is_due(restart_due_ns_)) {
    restart_asked_ = true;
    ++restarts_in_row_;
    keeper_->restart(entry_,
                     [this](int error) { worker().post(router::make_task([this, error] { on_restarted(error); })); });
  }
  if (is_due(tell_due_ns_)) tell();
  if (is_due(leave_due_ns_)) {
    if (now_ns >= leave_until_ns_ || !may_send() || (queue_.empty() && figures().waiting == 0)) {
      finish();
      return;
    }
    leave_due_ns_ = now_ns + kLeaveLookNs;
  }
  arm();
}

void CanPort::arm() noexcept {
  if (ended_) return;
  const std::uint64_t due_ns = std::min({receive_due_ns_, send_due_ns_, restart_due_ns_, tell_due_ns_, leave_due_ns_});
  if (due_ns == kNever) {
    worker().timers().stop(*this);
  } else {
    worker().timers().start(*this, due_ns);
  }
}

// ---- in -------------------------------------------------------------------------------------------------------------

void CanPort::on_receive_error(int error) noexcept {
  if (error == ENETDOWN || error == EINTR) {
    receive_due_ns_ = worker().now_ns() + kReceiveRetryNs;  // the socket works again when the interface is up
    arm();
    return;
  }
  router::logf(LogLevel::kWarn, LogKind::kRemote, "%s: cannot receive: %s", name().c_str(), std::strerror(error));
  lose_socket();
}

bool CanPort::on_message(const router::Message& message) noexcept {
  const MessageNotes notes = read_notes(message.control);
  if (notes.dropped) note_lost(*notes.dropped);
  const auto frame = read_frame(message.payload);
  if (!frame) {
    ++figures_.malformed;
  } else if (frame->error) {
    monitor_.on_error_frame(decode_error_frame(*frame));
    review_bus();
  } else if (!frame->extended || frame->remote) {
    ++figures_.not_vscp;
  } else if (may_receive_) {
    return take_in(*frame, notes);
  }
  return true;
}

bool CanPort::take_in(const vscp::CanFrame& frame, const MessageNotes& notes) noexcept {
  router::EventBuf* buffer = acquire();
  if (buffer == nullptr) return false;
  vscp::Event& event = buffer->event;
  VR_ASSERT(vscp::can_to_event(frame, guid(), event).has_value());  // read_frame() lets no other through
  event.time_ns = notes.kernel_ns;
  const std::uint64_t stamp_ns = notes.hardware_ns != 0 ? notes.hardware_ns
                                 : notes.kernel_ns != 0 ? notes.kernel_ns
                                                        : worker().utc_ns();
  event.timestamp_us = static_cast<std::uint32_t>(stamp_ns / 1000);
  publish(buffer);
  ++figures_.frames_in;
  return true;
}

void CanPort::note_lost(std::uint32_t count) noexcept {
  lost_in_.note(count);
  monitor_.on_receive_losses(lost_in_.total());
  plan_telling();
}

// ---- out ------------------------------------------------------------------------------------------------------------

bool CanPort::may_send() const noexcept {
  return has_socket() && !is_ending() && link_.up && link_.running && monitor_.state() != BusState::kBusOff;
}

// Everything comes into the queue, whether the bus takes it or not: only there a more urgent event passes the others.
void CanPort::on_outgoing() noexcept {
  constexpr std::uint32_t kAtOnce = 256;
  constexpr std::uint32_t kPerTurn = 4096;
  std::uint32_t moved = kAtOnce;
  std::uint32_t total = 0;
  const std::uint64_t lost = queue_.lost_total();
  while (moved == kAtOnce && total < kPerTurn) {
    moved = move_out(kAtOnce);
    total += moved;
    send_waiting(std::max(moved, kAtOnce));
  }
  if (moved == kAtOnce || (!queue_.empty() && sending_ == Sending::kReady && may_send())) ask_outgoing();
  if (queue_.lost_total() == lost) return;
  monitor_.on_transmit_losses(queue_.lost_total());
  plan_telling();
}

std::uint32_t CanPort::move_out(std::uint32_t most) noexcept {
  constexpr std::size_t kDestinationCompared = 14;  // the other two bytes are the node's
  const bool fd = config_.fd && (link_.index == 0 || link_.fd);
  vscp::Event event;
  std::uint32_t moved = 0;
  for (; moved < most && peek(event); ++moved) {
    const auto frame = vscp::event_to_can(event, fd);
    if (!frame) {
      ++figures_.not_level1;
    } else if (event.vscp_class >= kMirrorFirst &&
               !std::equal(event.data.begin(), event.data.begin() + kDestinationCompared, guid().bytes.begin())) {
      ++figures_.foreign;
    } else if (!tells_of_segment(event)) {
      queue_.push(*frame, event.priority(), config_.bit_rate_switch, now_ms());
    }
    pop();
  }
  return moved;
}

// What other interfaces tell of themselves (BusMonitor) is for the site, and not for nodes on a bus.
bool CanPort::tells_of_segment(const vscp::Event& event) const noexcept {
  return event.vscp_class == BusMonitor::kClass &&
         std::find(segments_->begin(), segments_->end(), event.guid) != segments_->end();
}

std::uint32_t CanPort::now_ms() noexcept {
  return static_cast<std::uint32_t>(worker().now_ns() / kMillisecondNs);
}

void CanPort::send_waiting(std::uint32_t most) noexcept {
  if (config_.max_age_s != 0 && may_send()) queue_.drop_older_than(now_ms(), config_.max_age_s * 1000);
  std::array<const WaitingFrame*, kSendBatch> batch;
  while (!queue_.empty() && most > 0 && sending_ == Sending::kReady && may_send()) {
    const std::size_t count = queue_.peek(std::span(batch).first(std::min<std::size_t>(most, batch.size())));
    const int sent = sender_->send(descriptor(), {batch.data(), count});
    if (sent < 0) {
      on_send_error(-sent);
      continue;
    }
    for (int i = 0; i < sent; ++i) queue_.pop();
    figures_.frames_out += static_cast<std::uint64_t>(sent);
    most -= static_cast<std::uint32_t>(sent);
    send_pause_ns_ = 0;
  }
}

// Either the first frame is gone afterwards, or sending has to wait.
void CanPort::on_send_error(int error) noexcept {
  switch (error) {
    case EINTR:
      return;
    case EAGAIN:  // enough of ours is in the kernel
      sending_ = Sending::kWaitsWritable;
      wait_writable();
      return;
    case ENOBUFS:   // the interface's queue is full of others'
    case ENETDOWN:  // we shall hear of it
    case ENXIO:
    case ENODEV:
      send_pause_ns_ = std::clamp(2 * send_pause_ns_, kSendPauseNs, kSendPauseMaxNs);
      sending_ = Sending::kWaitsTime;
      send_due_ns_ = worker().now_ns() + send_pause_ns_;
      arm();
      return;
    default:
      ++figures_.refused;
      queue_.pop();
      router::logf(LogLevel::kWarn, LogKind::kRemoteRefused, "%s: a frame was not taken: %s", name().c_str(),
                   std::strerror(error));
  }
}

void CanPort::on_writable() noexcept {
  if (sending_ == Sending::kWaitsWritable) sending_ = Sending::kReady;
  if (!ended_) ask_outgoing();
}

// ---- the state of the bus -------------------------------------------------------------------------------------------

void CanPort::review_bus() noexcept {
  const std::uint64_t now_ns = worker().now_ns();
  if (monitor_.state() == BusState::kBusOff) {
    if (!std::exchange(bus_off_, true)) {
      if (now_ns - last_restart_ns_ > kRestartCalmNs) restarts_in_row_ = 0;
      restart_asked_ = false;
    }
    if (link_.restart_ms == 0 && !restart_asked_ && restart_due_ns_ == kNever) plan_restart(now_ns);
  } else if (std::exchange(bus_off_, false)) {
    last_restart_ns_ = now_ns;
    restart_due_ns_ = kNever;
    ask_outgoing();
  }
  plan_telling();
}

void CanPort::plan_telling() noexcept {
  if (tell_due_ns_ == kNever) tell_due_ns_ = monitor_.next_ns(worker().now_ns());
  arm();
}

void CanPort::plan_restart(std::uint64_t now_ns) noexcept {
  if (config_.restart && !restart_refused_) {
    restart_due_ns_ = now_ns + (kRestartPauseNs << std::min(restarts_in_row_, kRestartDoublings));
    return;
  }
  restart_asked_ = true;  // of the operator
  router::logf(LogLevel::kError, LogKind::kRemote,
               "%s: bus off until somebody restarts it: ip link set %s type can restart; or let the kernel do it "
               "(restart-ms 100), "
               "or the router (CAP_NET_ADMIN)",
               name().c_str(), config_.device.c_str());
}

void CanPort::on_restarted(int error) noexcept {
  if (ended_) return;
  restart_asked_ = false;
  if (error == EPERM || error == EACCES || error == EOPNOTSUPP) {
    restart_refused_ = true;
  } else if (error == 0) {
    router::logf(LogLevel::kInfo, LogKind::kRemote, "%s: restarted after bus off", name().c_str());
  } else {
    router::logf(LogLevel::kWarn, LogKind::kRemote, "%s: the restart after bus off failed: %s", name().c_str(),
                 std::strerror(error));
  }
  review_bus();
}

void CanPort::tell() noexcept {
  const std::uint64_t now_ns = worker().now_ns();
  BusMonitor::Telling news;
  while (monitor_.next_ns(now_ns) <= now_ns) {
    router::EventBuf* buffer = config_.error_events ? acquire() : nullptr;
    if (config_.error_events && buffer == nullptr) {
      tell_due_ns_ = now_ns + kTellRetryNs;
      return;
    }
    VR_ASSERT(monitor_.take(now_ns, news));
    router::logf(news.is_bad ? LogLevel::kWarn : LogLevel::kInfo, LogKind::kOnce, "%s: %s", name().c_str(),
                 news.text.c_str());
    if (buffer == nullptr) continue;
    buffer->event = news.event;
    buffer->event.guid = guid();
    publish(buffer);
  }
  tell_due_ns_ = monitor_.next_ns(now_ns);
}

std::string CanPort::state_text() const {
  if (ended_ || leaving_) return "ending";
  if (!problem_.empty()) return "no socket";
  switch (monitor_.link()) {
    case LinkState::kUnknown:
      return "starting";
    case LinkState::kAbsent:
      return "absent";
    case LinkState::kDown:
      return "down";
    case LinkState::kUp:
      break;
  }
  return monitor_.state() == BusState::kBusOff ? "bus off" : link_.running ? "up" : "no carrier";
}

CanStatus CanPort::status() {
  if (has_socket()) {
    if (const auto lost = lost_frames(descriptor())) note_lost(*lost);
  }
  CanStatus out;
  out.device = config_.device;
  out.state = state_text();
  out.bus = monitor_.state() == BusState::kUnknown ? "" : std::string(to_text(monitor_.state()));
  out.figures = figures_;
  out.bus_figures = monitor_.figures();
  const router::EventPortFigures port = figures();
  out.lost_in = lost_in_.total();
  out.waiting = port.waiting + queue_.size();
  out.dropped = port.dropped + queue_.lost_total();
  out.expired = queue_.expired();
  out.bit_rate = link_.bit_rate;
  out.problem = problem_;
  return out;
}

}  // namespace drivers::socketcan
