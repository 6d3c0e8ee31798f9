#include "drivers/link_client/remote.h"

#include <algorithm>
#include <utility>

#include "drivers/link_client/remote_session.h"
#include "drivers/link_client/send_line.h"
#include "protocol/wire_format.h"
#include "router/base/check.h"
#include "router/base/log.h"

namespace drivers::link_client {
namespace {

using router::LogKind;
using router::LogLevel;

constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr std::uint64_t kMillisecondNs = 1'000'000;
constexpr std::uint64_t kFirstVisitNs = 2 * kSecondNs;  // remotes that are polled do not all come in the same moment
constexpr std::uint32_t kWindowOfOurs = 256;
// What is on its way between threads when the process stops comes within this time.
constexpr std::uint64_t kDrainLeastNs = 100 * kMillisecondNs;
constexpr std::uint64_t kDrainLookNs = 20 * kMillisecondNs;
constexpr std::size_t kErrorTextMax = 200;

}  // namespace

Remote::Remote(router::Router& router, router::Worker& worker, const RemoteConfig& config, AddressSource& addresses,
               std::uint64_t seed)
    : router_(&router),
      worker_(&worker),
      config_(config),
      addresses_(&addresses),
      random_(seed),
      fanout_source_(worker.fanout(), *this),
      lanes_{{{*this, config.mode == Mode::kInterval ? Role::kVisit : Role::kReceive}, {*this, Role::kSend}}},
      policy_(config.queue.slow_consumer.value_or(router::SlowConsumer::kDropLowestPriority)),
      hold_ms_(config.queue.hold_producers_ms.value_or(500)),
      since_utc_ns_(worker.utc_ns()) {}

Remote::~Remote() {
  if (channel == router::kNoChannel) return;
  // The workers never ran, or have ended.
  worker_->fanout().leave(*this);
  worker_->release_channel(channel);
}

// ---- life
// -------------------------------------------------------------------------------------------------------------------

vscp::Guid Remote::send_from(OutSource& source, std::uint32_t interface_channel) {
  source_ = &source;
  spool_channel_ = interface_channel;
  guid_ = config_.guid.is_zero() ? router::channel_guid(router_->settings().guid, interface_channel) : config_.guid;
  return guid_;
}

bool Remote::open() {
  channel = worker_->take_channel(*this);
  if (channel == router::kNoChannel) return false;
  if (has_spool()) return true;
  guid_ = config_.guid.is_zero() ? router::channel_guid(router_->settings().guid, channel) : config_.guid;
  if (!config_.send) return true;
  events_max = config_.queue.max_out_queue.value_or(events_max);
  const std::uint64_t bytes = config_.queue.max_out_bytes.value_or(router_->settings().worker.fanout.log_bytes / 4);
  bytes_max = bytes == 0 ? router::kNoLimit : bytes;
  no_hold = true;  // until somebody is there
  worker_->fanout().join(*this, config_.out_filter, format());
  worker_->fanout().note_reading(*this);
  return true;
}

void Remote::start() {
  VR_ASSERT(config_.tls.has_value() == (tls_ != nullptr));
  if (ending_) return;
  if (config_.mode == Mode::kInterval) {
    receiver().start_in(random_.below(std::min(config_.interval_s * kSecondNs, kFirstVisitNs)));
  } else if (config_.receive) {
    receiver().start_in(0);
  } else {
    sender().start_in(0);
  }
}

void Remote::stop_receiving() noexcept {
  if (!visits_ && config_.mode == Mode::kPersistent) receiver().stop(false);
}

void Remote::drain(std::uint64_t patience_ns) {
  if (ending_) return;
  ending_ = true;
  drain_from_ns_ = worker_->now_ns();
  drain_until_ns_ = drain_from_ns_ + patience_ns;
  stop_receiving();
  on_timer(drain_from_ns_);
}

// While the process stops: looks whether all is out.
void Remote::on_timer(std::uint64_t now_ns) noexcept {
  if (!ending_ || ended_) return;
  const bool is_out = waiting_events() == 0 && source_->held() == 0 && !source_->is_coming();
  const bool is_hopeless = sending_session() == nullptr || now_ns >= drain_until_ns_;
  if (now_ns - drain_from_ns_ >= kDrainLeastNs && (is_out || is_hopeless)) {
    end(false);
  } else {
    worker_->timers().start(*this, now_ns + kDrainLookNs);
  }
}

void Remote::abort() noexcept {
  ending_ = true;
  if (!ended_) end(true);
  for (RemoteSession* session : std::vector(sessions_)) session->abort();  // those that linger
}

void Remote::end(bool at_once) noexcept {
  ended_ = true;
  worker_->timers().stop(*this);
  if (const std::uint64_t left = waiting_events() + source_->held(); left > 0 && !has_spool()) {
    router::logf(LogLevel::kWarn, LogKind::kOnce, "link client %s: %llu events were not delivered, the process stops",
                 config_.name.c_str(), static_cast<unsigned long long>(left));
  }
  for (Lane& lane : lanes_) lane.stop(at_once);
  if (holding_) {
    holding_ = false;
    worker_->end_hold(*this);
  }
  sender_ready_ = false;
  update_pace();
  worker_->fanout().leave(*this);
  release_if_over();
}

void Remote::on_session_made(RemoteSession& session) noexcept {
  sessions_.push_back(&session);
  ++figures_.connects;
}

void Remote::on_session_gone(RemoteSession& session) noexcept {
  std::erase(sessions_, &session);
  release_if_over();
}

void Remote::release_if_over() noexcept {
  if (!ended_ || !sessions_.empty() || channel == router::kNoChannel) return;
  if (!std::all_of(lanes_.begin(), lanes_.end(), [](const Lane& lane) { return lane.is_over(); })) return;
  worker_->release_channel(std::exchange(channel, router::kNoChannel));
}

// ---- connections
// ------------------------------------------------------------------------------------------------------------

void Remote::on_receiving(std::uint32_t far_channel) noexcept {
  far_channel_ = far_channel;
  // In binary the sending connection has told the old one once and for all.
  if (RemoteSession* session = sender().session(); session != nullptr && session->names_other_channel(far_channel))
    sender().stop(false);
  if (config_.send && sender().is_idle() && !ending_) sender().start_in(0);
  if (RemoteSession* session = sending_session()) worker_->mark_dirty(*session);
}

void Remote::on_no_loop() noexcept {
  if (!visits_) {
    router::logf(LogLevel::kInfo, LogKind::kRemote, "link client %s: the far side has no receive loop, it is polled",
                 config_.name.c_str());
  }
  visits_ = true;
  sender().stop(false);
}

std::uint32_t Remote::window(bool is_ours) const noexcept {
  return config_.send_window != 0 ? config_.send_window : is_ours ? kWindowOfOurs : 1;
}

void Remote::on_sender_ready(bool is_ours) noexcept {
  if (!has_spool()) fanout_source_.set_window(window(is_ours));
  sender_ready_ = true;
  update_pace();
}

void Remote::on_sender_gone() noexcept {
  source_->rewind();
  sender_ready_ = false;
  slow_ = false;
  if (holding_) {
    holding_ = false;
    worker_->end_hold(*this);
  }
  update_pace();
}

void Remote::on_visit_over(std::uint64_t begun_ns) noexcept {
  if (ending_) return;
  const std::uint64_t next_ns = begun_ns + config_.interval_s * kSecondNs;
  const std::uint64_t now_ns = worker_->now_ns();
  receiver().start_in(next_ns > now_ns ? next_ns - now_ns : 0);
}

void Remote::on_failure(Ending ending, std::string_view why) noexcept {
  if (why.size() > kErrorTextMax) why = why.substr(0, kErrorTextMax);
  // The same every minute is told once.
  if (why != told_) {
    told_ = why;
    router::logf(LogLevel::kWarn, ending == Ending::kRefused ? LogKind::kLoginFailed : LogKind::kRemote,
                 "link client %s: %.*s", config_.name.c_str(), static_cast<int>(why.size()), why.data());
  }
  last_error_ = why;
  last_error_utc_ns_ = worker_->utc_ns();
}

RemoteSession* Remote::sending_session() noexcept {
  if (!config_.send) return nullptr;
  Lane& lane = visits_ || config_.mode == Mode::kInterval ? receiver() : sender();
  return sender_ready_ ? lane.session() : nullptr;
}

bool Remote::may_send() noexcept {
  RemoteSession* session = visits_ || config_.mode == Mode::kInterval ? nullptr : receiver().session();
  return session == nullptr || !session->is_asking_channel();
}

void Remote::on_change() noexcept {
  if (RemoteSession* session = receiver().session(); session == nullptr || session->role() != Role::kReceive) {
    far_channel_ = 0;
    if (session == nullptr) visits_ = false;
  }
  const std::string_view now = state_text();
  if (now != state_) {
    state_ = now;
    since_utc_ns_ = worker_->utc_ns();
    if (now == "connected" || now == "polling" || now == "visiting") told_.clear();
    if (now == "connected") {
      router::logf(LogLevel::kInfo, LogKind::kRemote, "link client %s: connected to %s:%u", config_.name.c_str(),
                   config_.host.c_str(), config_.port);
    }
  }
  release_if_over();
}

std::string_view Remote::state_text() noexcept {
  if (ending_) return "ending";
  const auto works = [](Lane& lane) { return lane.session() != nullptr && lane.session()->is_working(); };
  if (config_.mode == Mode::kInterval) {
    return works(receiver())                                               ? "visiting"
           : receiver().is_connecting() || receiver().session() != nullptr ? "connecting"
                                                                           : "between visits";
  }
  if (visits_ && works(receiver())) return "polling";
  const bool receives = !config_.receive || works(receiver());
  const bool sends = !config_.send || works(sender());
  if (receives && sends) return "connected";
  if (config_.receive && receives) return "receiving only";
  if (config_.send && sends) return "sending only";
  for (Lane& lane : lanes_) {
    if (lane.is_connecting() || lane.session() != nullptr) return "connecting";
  }
  return "waiting";
}

RemoteStatus Remote::status() noexcept {
  RemoteStatus out;
  out.name = config_.name;
  out.address = (config_.host.find(':') == std::string::npos ? config_.host : '[' + config_.host + ']') + ':' +
                std::to_string(config_.port);
  out.state = state_text();
  out.since_utc_ns = since_utc_ns_;
  out.figures = figures_;
  out.resent = source_->resent();
  out.queued = waiting_events() + source_->held();
  out.dropped = events_dropped();
  out.last_error = last_error_;
  out.last_error_utc_ns = last_error_utc_ns_;
  return out;
}

// ---- events in
// --------------------------------------------------------------------------------------------------------------

bool Remote::admit(vscp::Event& event, std::uint32_t own_channel) noexcept {
  // The far side may give back what we have sent, with the channel that we have named in it.
  if (own_channel != 0 && event.obid == own_channel) {
    ++figures_.echoes;
    return false;
  }
  if (!config_.in_filter.matches(event)) {
    ++figures_.filtered;
    return false;
  }
  restore_fraction(event);
  event.obid = interface_channel();
  router::SeenEvents& seen = router_->seen();
  if (seen.is_active() && !seen.insert(event, worker_->now_ns()) && config_.deduplicate) {
    ++figures_.duplicates;
    worker_->counters_mutable().duplicates.add();
    return false;
  }
  ++figures_.events_in;
  return true;
}

// Sessions and remotes note what comes in by them; drivers on helper threads do not. A frame carries no counter, so
// that after a hop in binary an event looks different: that form is noted too.
void Remote::note_sent(std::string_view bytes) noexcept {
  router::SeenEvents& seen = router_->seen();
  if (!seen.is_active()) return;
  if (!config_.binary && obid_of_line(bytes) > router_->settings().helpers) return;
  vscp::Event event;
  if (vscp::decode_event(bytes, format(), event)) seen.insert(event, worker_->now_ns());
}

// ---- events out
// -------------------------------------------------------------------------------------------------------------

std::uint64_t Remote::waiting_events() noexcept {
  return is_joined() ? worker_->fanout().count_waiting(*this).events : 0;
}

void Remote::on_events_waiting() noexcept {
  if (RemoteSession* session = sending_session()) worker_->mark_dirty(*session);
}

void Remote::on_overrun() noexcept {
  const bool by_priority = policy_ == router::SlowConsumer::kDropLowestPriority;
  router::Fanout& fanout = worker_->fanout();
  const router::Amount keep = limit_share(3, 4);
  const std::uint32_t dropped =
      sender_ready_ ? fanout.drop_to(*this, keep, by_priority) : fanout.drop_aside(*this, keep, by_priority);
  if (dropped > 0) {
    router::logf(LogLevel::kWarn, LogKind::kSlowConsumer, "link client %s: the far side %s, %u events dropped",
                 config_.name.c_str(), sender_ready_ ? "is too slow" : "is away", dropped);
  }
}

void Remote::on_all_sent() noexcept {
  if (!slow_) return;
  slow_ = false;
  update_pace();
}

// As a session that is slow does: see StreamSession.
void Remote::on_behind() noexcept {
  if (holding_ || slow_ || hold_ms_ == 0 || !sender_ready_) return;
  holding_ = worker_->begin_hold(*this, hold_ms_, trusted_);
  slow_ = !holding_;
  update_pace();
}

bool Remote::has_caught_up() const noexcept {
  return !is_joined() || !worker_->fanout().lag(*this).exceeds(limit_share(1, 4));
}

void Remote::on_hold_over(bool caught_up) noexcept {
  holding_ = false;
  slow_ = !caught_up;
  trusted_ = caught_up;
  update_pace();
}

void Remote::update_pace() noexcept {
  in_loop = sender_ready_ && config_.mode == Mode::kPersistent;
  no_hold = holding_ || slow_ || hold_ms_ == 0;
  const bool paced = in_loop && is_joined() && !slow_ && hold_ms_ != 0;
  if (paced == paced_) return;
  paced_ = paced;
  if (paced) {
    worker_->turn_budget().add(limit());
  } else {
    worker_->turn_budget().remove(limit());
  }
}

}  // namespace drivers::link_client
