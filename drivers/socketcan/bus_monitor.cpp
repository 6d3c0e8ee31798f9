#include "drivers/socketcan/bus_monitor.h"

#include <algorithm>
#include <limits>

namespace drivers::socketcan {
namespace {

constexpr std::uint16_t kTypeSuccess = 0;
constexpr std::uint16_t kTypeChannel = 7;
constexpr std::uint16_t kTypeInitReady = 16;
constexpr std::uint16_t kTypeOverrun = 18;
constexpr std::uint16_t kTypeTransmitterFull = 21;
constexpr std::uint16_t kTypeNotOpen = 33;
constexpr std::uint16_t kPriority = 1;
constexpr std::uint8_t kAllZones = 255;

bool is_worse(BusState left, BusState right) noexcept {
  return left != BusState::kUnknown && (right == BusState::kUnknown || left > right);
}

void make_event(std::uint8_t entry, std::uint16_t type, std::uint16_t data_size, vscp::Event& out) noexcept {
  out.time_ns = 0;
  out.timestamp_us = 0;
  out.obid = 0;
  out.head = static_cast<std::uint16_t>(kPriority << 5U);
  out.vscp_class = BusMonitor::kClass;
  out.vscp_type = type;
  out.data_size = data_size;
  out.data[0] = entry;
  out.data[1] = out.data[2] = kAllZones;
}

}  // namespace

void BusMonitor::on_error_frame(const ErrorFrame& error) noexcept {
  ++figures_.error_frames;
  figures_.lost_arbitrations += error.lost_arbitration;
  figures_.no_acknowledgements += error.no_acknowledgement;
  figures_.bus_errors += error.bus_error || error.protocol != 0;
  figures_.transceiver_errors += error.transceiver != 0;
  figures_.transmit_timeouts += error.transmit_timeout;
  figures_.controller_overflows += error.receive_overflow;
  figures_.restarts += error.restarted && !was_off_;
  if (error.has_counters) {
    transmit_errors_ = error.transmit_errors;
    receive_errors_ = error.receive_errors;
  }
  // Nothing but a restart ends bus-off.
  if (state_ == BusState::kBusOff && !error.restarted && error.state != BusState::kBusOff) return;
  enter(error.state);
}

void BusMonitor::on_state(BusState state) noexcept {
  enter(state);
}

void BusMonitor::enter(BusState state) noexcept {
  if (state == BusState::kUnknown || state == state_) return;
  figures_.bus_offs += state == BusState::kBusOff;
  figures_.restarts += was_off_ && state != BusState::kBusOff;
  was_off_ = state == BusState::kBusOff;
  figures_.warnings += state == BusState::kWarning;
  figures_.passives += state == BusState::kPassive;
  state_ = state;
  if (is_worse(state, worst_)) worst_ = state;
}

void BusMonitor::on_link(LinkState state) noexcept {
  if (state == link_) return;
  link_ = state;
  if (state != LinkState::kUp) {
    link_lost_ = told_link_ == LinkState::kUp;
    state_ = BusState::kUnknown;
    if (!is_worse(worst_, told_state_)) told_state_ = worst_ = BusState::kActive;  // its controller begins anew
  }
}

bool BusMonitor::is_new(News news) const noexcept {
  switch (news) {
    case News::kBus:
      return (state_ != BusState::kUnknown && state_ != told_state_) || is_worse(worst_, told_state_);
    case News::kReceiveLoss:
      return losses_[0].total > losses_[0].told;
    case News::kTransmitLoss:
      return losses_[1].total > losses_[1].told;
    case News::kLink:
      return link_ != told_link_ || link_lost_;
    case News::kCount:
      break;
  }
  return false;
}

bool BusMonitor::take(std::uint64_t now_ns, Telling& out) {
  for (std::size_t i = 0; i < not_before_.size(); ++i) {
    const auto news = static_cast<News>(i);
    if (!is_new(news) || now_ns < not_before_[i]) continue;
    not_before_[i] = now_ns + kPauseNs;
    out.news = news;
    if (news == News::kBus) tell_bus(out);
    if (news == News::kReceiveLoss) tell_loss(news, losses_[0], out);
    if (news == News::kTransmitLoss) tell_loss(news, losses_[1], out);
    if (news == News::kLink) tell_link(out);
    return true;
  }
  return false;
}

std::uint64_t BusMonitor::next_ns(std::uint64_t now_ns) const noexcept {
  std::uint64_t out = std::numeric_limits<std::uint64_t>::max();
  for (std::size_t i = 0; i < not_before_.size(); ++i) {
    if (is_new(static_cast<News>(i))) out = std::min(out, std::max(now_ns, not_before_[i]));
  }
  return out;
}

void BusMonitor::tell_bus(Telling& out) {
  const std::uint64_t bus_offs = figures_.bus_offs - bus_offs_told_;
  out.is_bad = state_ != BusState::kActive;
  make_event(entry_, out.is_bad ? kTypeChannel : kTypeSuccess, 8, out.event);
  out.event.data[3] = static_cast<std::uint8_t>(state_);
  out.event.data[4] = static_cast<std::uint8_t>(worst_);
  out.event.data[5] = transmit_errors_;
  out.event.data[6] = receive_errors_;
  out.event.data[7] = static_cast<std::uint8_t>(std::min<std::uint64_t>(bus_offs, 255));
  out.text = state_ == BusState::kUnknown ? "" : std::string(to_text(state_)) + (is_worse(worst_, state_) ? ", " : "");
  if (is_worse(worst_, state_)) out.text += "was " + std::string(to_text(worst_));
  if (bus_offs > 1) out.text += ", " + std::to_string(bus_offs) + " times bus off";
  out.text += " (transmit errors " + std::to_string(transmit_errors_) + ", receive errors " +
              std::to_string(receive_errors_) + ')';
  told_state_ = worst_ = state_ == BusState::kUnknown ? BusState::kActive : state_;
  bus_offs_told_ = figures_.bus_offs;
}

void BusMonitor::tell_loss(News news, Loss& loss, Telling& out) {
  const std::uint64_t lost = std::min<std::uint64_t>(loss.total - loss.told, std::numeric_limits<std::uint32_t>::max());
  const bool received = news == News::kReceiveLoss;
  out.is_bad = true;
  make_event(entry_, received ? kTypeOverrun : kTypeTransmitterFull, 7, out.event);
  for (unsigned i = 0; i < 4; ++i) out.event.data[3 + i] = static_cast<std::uint8_t>(lost >> (24 - 8 * i));
  out.text = std::to_string(lost) + (received ? " frames from the bus were lost"
                                              : " frames for the bus were lost: it takes fewer than there are");
  loss.told = loss.total;
}

void BusMonitor::tell_link(Telling& out) {
  const bool up = link_ == LinkState::kUp;
  out.is_bad = !up;
  make_event(entry_, up ? kTypeInitReady : kTypeNotOpen, up ? 3 : 4, out.event);
  if (!up) out.event.data[3] = link_ == LinkState::kDown ? 1 : 0;
  out.text = up                          ? "the interface is up"
             : link_ == LinkState::kDown ? "the interface is down"
                                         : "there is no such interface; it is used as soon as there is one";
  if (up && link_lost_) out.text += " again";
  told_link_ = link_;
  link_lost_ = false;
}

}  // namespace drivers::socketcan
