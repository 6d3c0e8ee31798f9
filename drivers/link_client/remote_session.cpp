#include "drivers/link_client/remote_session.h"

#include <algorithm>
#include <array>
#include <string>

#include "drivers/link_client/remote.h"
#include "drivers/link_client/send_line.h"
#include "protocol/event_line.h"
#include "protocol/link_reply.h"
#include "router/base/log.h"

namespace drivers::link_client {
namespace {

using router::LogKind;
using router::LogLevel;

constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr std::uint64_t kMillisecondNs = 1'000'000;
constexpr std::uint32_t kGreetingBytesMax = 8192;
// A device may greet with lines that end in no +OK, or not at all: after so long it is spoken to.
constexpr std::uint64_t kGreetingPauseNs = 3 * kSecondNs;
constexpr std::uint64_t kQuietNs =
    15 * kSecondNs;  // on a connection that only sends: then NOOP asks whether it still lives
constexpr std::uint32_t kFetchAtOnce = 100;
constexpr std::uint32_t kFetchPerVisit = 10'000;  // then what waits is sent, whatever is left over there
constexpr std::size_t kEventCost = 256;           // as a command of a link session
constexpr std::size_t kQuoteMax = 80;
constexpr std::string_view kBusyLine = vscp::reply::kBusy.substr(0, vscp::reply::kBusy.size() - 2);

/// A line of the far side for a message.
std::string quoted(std::string_view line) {
  return '"' + std::string(line.substr(0, kQuoteMax)) + '"';
}

}  // namespace

RemoteSession::RemoteSession(router::Worker& worker, router::Socket socket, Lane& lane, Role role)
    : StreamSession(worker, socket, {}), lane_(&lane), role_(role), last_output_ns_(worker.now_ns()) {}

RemoteSession::~RemoteSession() {
  lane_->remote().on_session_gone(*this);
}

const RemoteConfig& RemoteSession::config() const noexcept {
  return lane_->remote().config();
}

void RemoteSession::open() {
  if (const auto& context = lane_->remote().tls(); context != nullptr) {
    tls_ = std::make_unique<router::TlsStream>(context, config().host);
    use_tls();
  }
  start();
  answer_due_ns_ = worker().now_ns() + config().answer_timeout_s * kSecondNs;
  wait_until(worker().now_ns() + kGreetingPauseNs);
}

void RemoteSession::leave() noexcept {
  left_ = true;
  if (!is_open()) return;
  if (is_binary_) {
    say_frame(vscp::BinaryCode::kQuit);
  } else {
    reply_constant("QUIT\r\n");
  }
  close_after_flush();
}

// The greeting comes now.
void RemoteSession::on_secured() noexcept {
  answer_due_ns_ = worker().now_ns() + config().answer_timeout_s * kSecondNs;
  wait_until(worker().now_ns() + kGreetingPauseNs);
}

void RemoteSession::on_tls_failed(std::string_view why) noexcept {
  why_ = "TLS: ";
  why_ += why;
}

void RemoteSession::fail(Ending ending, std::string_view why) noexcept {
  ending_ = ending;
  why_ = why;
  abort();
}

void RemoteSession::on_closing() noexcept {
  if (sends_) lane_->remote().on_sender_gone();
  if (left_) return;
  if (why_.empty() && ending_ != Ending::kDone)
    why_ = working_             ? "the far side has closed the connection"
           : is_shaking_hands() ? "the far side has closed the connection before TLS was ready: does it speak TLS there?"
                                : "the far side has closed the connection before the login was over";
  lane_->on_session_closing(ending_, why_);
}

// ---- input
// ------------------------------------------------------------------------------------------------------------------

std::size_t RemoteSession::on_input(std::span<const char> bytes) noexcept {
  const std::string_view text(bytes.data(), bytes.size());
  const bool was_binary = is_binary_;
  std::size_t done = was_binary ? take_frames(text) : take_lines(text);
  if (!was_binary && is_binary_ && is_open()) done += take_frames(text.substr(done));
  if (!is_open()) return bytes.size();
  if (reader_.is_too_long()) {
    fail(Ending::kLost,
         "the far side sends a line that is longer than " + std::to_string(ReplyReader::kLineMax) + " bytes");
    return bytes.size();
  }
  if (frames_.is_broken()) {
    fail(Ending::kLost, "the far side sends what is no frame");
    return bytes.size();
  }
  if (sends_) {
    lane_->remote().source().settle();
    pump_out();
  }
  if (step_ == Step::kGreeting) wait_until(worker().now_ns() + kGreetingPauseNs);
  return done;
}

// Until there are none, or what follows are frames.
std::size_t RemoteSession::take_lines(std::string_view text) noexcept {
  return reader_.read(
      text, [this](std::string_view line) { return is_open() && !is_binary_ && !is_share_used() && take_line(line); });
}

// False: not now.
bool RemoteSession::take_line(std::string_view line) noexcept {
  const LineKind kind = kind_of_line(line);
  if (kind == LineKind::kOther) {
    if (receiving_ || step_ == Step::kFetch) return take_event(line);
    take_other(line);
    return true;
  }
  charge(kEventCost);
  const bool positive = kind == LineKind::kPositive;
  if (step_ != Step::kNothing) {
    take_answer(positive, line);
  } else if (unanswered_ > 0) {
    if (!positive && line == kBusyLine) {
      wait_for_room();
    } else {
      take_send_answer(positive, line);
    }
  } else if (!positive) {
    fail(Ending::kLost, "the far side says " + quoted(line));  // it closes, and says why
  }
  return true;
}

void RemoteSession::take_other(std::string_view line) noexcept {
  if (step_ == Step::kGreeting) {
    take_greeting(line);
  } else if (const std::int64_t number = number_in_line(line); number >= 0) {
    number_ = number;
  }
}

void RemoteSession::take_greeting(std::string_view line) noexcept {
  is_ours_ = is_ours_ || line.find("vscprouterd") != std::string_view::npos;
  greeting_bytes_ += static_cast<std::uint32_t>(line.size());
  if (greeting_bytes_ > kGreetingBytesMax) fail(Ending::kLost, "the greeting of the far side has no end");
}

// Null: not now; the input will be given again.
router::EventBuf* RemoteSession::acquire_event() noexcept {
  router::EventBuf* buffer = worker().may_publish() ? worker().publisher().try_acquire() : nullptr;
  if (buffer == nullptr) {
    wait_to_publish();
    return nullptr;
  }
  charge(kEventCost);
  return buffer;
}

bool RemoteSession::take_event(std::string_view line) noexcept {
  router::EventBuf* buffer = acquire_event();
  if (buffer == nullptr) return false;
  ++fetched_;
  vscp::Event& event = buffer->event;
  const auto hints = vscp::decode_event_line(line, event);
  if (!hints) {
    worker().pool().give_back(buffer);
    ++lane_->remote().figures().bad;
    const std::string_view why = vscp::to_text(hints.error());
    router::logf(LogLevel::kWarn, LogKind::kRemote, "link client %s: no event: %s (%.*s)", config().name.c_str(),
                 quoted(line).c_str(), static_cast<int>(why.size()), why.data());
    return true;
  }
  if (hints->guid_missing) event.guid = lane_->remote().guid();
  if (hints->time_missing) event.time_ns = worker().utc_ns();
  if (hints->timestamp_missing) event.timestamp_us = static_cast<std::uint32_t>(event.time_ns / 1000);
  publish(buffer);
  return true;
}

void RemoteSession::publish(router::EventBuf* buffer) noexcept {
  vscp::Event& event = buffer->event;
  if (!lane_->remote().admit(event, own_channel_)) {
    worker().pool().give_back(buffer);
    return;
  }
  buffer->skip_channel = router::kNoChannel;
  buffer->only_channel = worker().channels().destination_of(event);
  ++figures_mutable().events_in;
  worker().publish(buffer);
}

// ---- commands and their answers
// ---------------------------------------------------------------------------------------------

void RemoteSession::ask(Step step, std::string_view command) noexcept {
  reply(command);
  reply_constant("\r\n");
  expect(step);
}

void RemoteSession::expect(Step step) noexcept {
  step_ = step;
  number_ = -1;
  answer_due_ns_ = worker().now_ns() + config().answer_timeout_s * kSecondNs;
  last_output_ns_ = worker().now_ns();
  wait_until(answer_due_ns_);
}

void RemoteSession::take_answer(bool positive, std::string_view line) noexcept {
  const Step step = step_;
  step_ = Step::kNothing;
  switch (step) {
    case Step::kGreeting:
    case Step::kUser:
    case Step::kPass:
      take_login_answer(step, positive, line);
      break;
    case Step::kBridge:
      start_role();
      break;
    case Step::kChannel:
      own_channel_ = positive && number_ > 0 ? static_cast<std::uint32_t>(number_) : 0;
      ask_filter_or_loop();
      break;
    case Step::kFilter:
      ask_half(Step::kMask);
      break;
    case Step::kMask:
      if (!positive)
        router::logf(LogLevel::kWarn, LogKind::kRemote, "link client %s: the far side takes no filter",
                     config().name.c_str());
      enter_loop();
      break;
    case Step::kBinary:
      is_binary_ = positive;
      if (role_ == Role::kSend) {
        start_sending();
      } else if (positive) {
        ask_frame(Step::kOpen, vscp::BinaryCode::kOpen);
      } else {
        ask(Step::kLoop, "RCVLOOP");
      }
      break;
    case Step::kOpen:
    case Step::kLoop:
      if (!positive && is_binary_) {
        fail(Ending::kLost, "the far side does not open its channel: " + std::string(line));
      } else if (positive) {
        receiving_ = true;
        working_ = true;
        lane_->remote().on_receiving(own_channel_);
        lane_->on_session_working();
        wait_until(next_due_ns());
      } else {
        role_ = Role::kVisit;
        lane_->remote().on_no_loop();
        start_visit();
      }
      break;
    case Step::kCount:
    case Step::kFetch:
      take_visit_answer(step, positive);
      break;
    case Step::kNoop:
      if (sends_) pump_out();
      wait_until(next_due_ns());
      break;
    case Step::kNothing:
      break;
  }
}

void RemoteSession::take_login_answer(Step step, bool positive, std::string_view line) noexcept {
  if (!positive && step == Step::kGreeting) {
    fail(Ending::kLost, "the far side refuses the connection: " + quoted(line));
  } else if (!positive) {
    fail(Ending::kRefused, "the far side refuses the login of user '" + config().user + "': " + quoted(line));
  } else if (step == Step::kGreeting && !config().user.empty()) {
    ask(Step::kUser, "USER " + config().user);
  } else if (step == Step::kUser) {
    ask(Step::kPass, "PASS " + config().password);
  } else {
    logged_in();
  }
}

// A router like this one drops what comes to it by two ways, if it knows who brings it.
void RemoteSession::logged_in() noexcept {
  if (is_ours_ && role_ != Role::kReceive && config().send && (config().deduplicate || config().binary)) {
    // A frame has no place for the channel that is not to get it.
    named_channel_ = config().binary ? lane_->remote().far_channel() : 0;
    ask(Step::kBridge, named_channel_ != 0 ? "BRIDGE " + std::to_string(named_channel_) : "BRIDGE");
  } else {
    start_role();
  }
}

void RemoteSession::start_role() noexcept {
  switch (role_) {
    case Role::kReceive:
      ask(Step::kChannel, "CHID");
      break;
    case Role::kSend:
      if (is_ours_ && config().binary) {
        ask(Step::kBinary, "BINARY");
      } else {
        start_sending();
      }
      break;
    case Role::kVisit:
      start_visit();
      break;
  }
}

void RemoteSession::start_sending() noexcept {
  working_ = true;
  sends_ = true;
  window_ = lane_->remote().window(is_ours_);
  lane_->remote().on_sender_ready(is_ours_);
  lane_->on_session_working();
  pump_out();
  wait_until(next_due_ns());
}

// Spec: vscp_tcpiplink.md#tcpip-setfilter. The filter here holds in any case; this one only saves the way.
void RemoteSession::ask_filter_or_loop() noexcept {
  if (config().filter_remote) {
    ask_half(Step::kFilter);
  } else {
    enter_loop();
  }
}

void RemoteSession::ask_half(Step step) noexcept {
  const vscp::Filter& filter = config().in_filter;
  const bool mask = step == Step::kMask;
  const std::string numbers = std::to_string(mask ? filter.mask_priority : filter.filter_priority) + ',' +
                              std::to_string(mask ? filter.mask_class : filter.filter_class) + ',' +
                              std::to_string(mask ? filter.mask_type : filter.filter_type) + ',' +
                              vscp::to_string(mask ? filter.mask_guid : filter.filter_guid);
  ask(step, (mask ? "SMSK " : "SFLT ") + numbers);
}

void RemoteSession::enter_loop() noexcept {
  if (role_ == Role::kVisit) {
    start_visit();
  } else if (is_ours_ && config().binary) {
    ask(Step::kBinary, "BINARY");
  } else {
    ask(Step::kLoop, "RCVLOOP");
  }
}

// ---- visits: fetch, then send
// -----------------------------------------------------------------------------------------------

void RemoteSession::start_visit() noexcept {
  if (!working_) {
    working_ = true;
    lane_->on_session_working();
  }
  fetched_in_visit_ = 0;
  poll_due_ns_ = worker().now_ns() + config().poll_interval_ms * kMillisecondNs;
  if (!config().receive) {
    fetched();
  } else if (has_count_) {
    ask(Step::kCount, "CDTA");
  } else {
    fetch(1);
  }
}

void RemoteSession::fetch(std::int64_t waiting) noexcept {
  fetched_ = 0;
  ask(Step::kFetch, waiting > 1 ? "RETR " + std::to_string(std::min<std::int64_t>(waiting, kFetchAtOnce)) : "RETR");
}

void RemoteSession::take_visit_answer(Step step, bool positive) noexcept {
  if (step == Step::kCount) {
    has_count_ = positive && number_ >= 0;
    if (number_ == 0) {
      fetched();
    } else {
      fetch(has_count_ ? number_ : 1);
    }
    return;
  }
  fetched_in_visit_ += fetched_;
  // -OK behind events: there were fewer than asked for. Asking by number goes on until none is left, RETR alone until
  // it says so.
  if (fetched_ == 0 || (!positive && !has_count_) || fetched_in_visit_ >= kFetchPerVisit) {
    fetched();
  } else if (has_count_) {
    ask(Step::kCount, "CDTA");
  } else {
    fetch(1);
  }
}

void RemoteSession::fetched() noexcept {
  if (!config().send) {
    visit_done();
    return;
  }
  if (!sends_) {
    sends_ = true;
    window_ = lane_->remote().window(is_ours_);
    lane_->remote().on_sender_ready(is_ours_);
  }
  pump_out();
}

void RemoteSession::visit_done() noexcept {
  if (config().mode == Mode::kInterval) {
    ending_ = Ending::kDone;
    reply_constant("QUIT\r\n");
    close_after_flush();
  } else {
    wait_until(next_due_ns());
  }
}

// ---- sending
// ----------------------------------------------------------------------------------------------------------------

void RemoteSession::on_progress() noexcept {
  if (sends_) pump_out();
}

void RemoteSession::pump_out() noexcept {
  Remote& remote = lane_->remote();
  if (!is_open() || step_ != Step::kNothing || !remote.may_send()) return;
  const bool was_waiting = unanswered_ > 0;
  while (unanswered_ < window_ && out_room() > kSendLineMax) {
    const std::string_view line = remote.source().next();
    if (line.empty()) break;
    remote.note_sent(line);
    write_event(line);
    ++unanswered_;
  }
  if (unanswered_ > 0) {
    if (was_waiting) return;
    last_output_ns_ = worker().now_ns();
    answer_due_ns_ = last_output_ns_ + config().answer_timeout_s * kSecondNs;
    wait_until(answer_due_ns_);
    return;
  }
  remote.on_all_sent();
  if (role_ == Role::kVisit && !remote.source().is_coming()) visit_done();
}

void RemoteSession::write_event(std::string_view bytes) noexcept {
  if (is_binary_) {
    reply(bytes);
  } else if (config().binary) {
    write_converted(bytes);
  } else {
    std::array<char, kSendLineMax> text;
    reply({text.data(), write_send(bytes, lane_->remote().far_channel(), text.data())});
  }
}

// A router like this one could not keep the event now: it and what follows it is sent again, later and in order.
void RemoteSession::wait_for_room() noexcept {
  fail(Ending::kLost, "the far side has no room for events now");
}

void RemoteSession::take_send_answer(bool positive, std::string_view line) noexcept {
  Remote& remote = lane_->remote();
  --unanswered_;
  remote.source().release_oldest();
  if (positive) {
    ++remote.figures().events_out;
    ++figures_mutable().events_out;
    worker().counters_mutable().events_out.add();
  } else {
    ++remote.figures().refused;
    router::logf(LogLevel::kWarn, LogKind::kRemoteRefused, "link client %s: the far side refuses an event: %s",
                 config().name.c_str(), quoted(line).c_str());
  }
  last_output_ns_ = worker().now_ns();
  answer_due_ns_ = last_output_ns_ + config().answer_timeout_s * kSecondNs;
  // What follows is sent when all that has come is read (on_input); a visit is over when nothing does.
}

// ---- time
// -------------------------------------------------------------------------------------------------------------------

void RemoteSession::wait_until(std::uint64_t due_ns) noexcept {
  if (!is_open()) return;
  if (armed_ns_ > worker().now_ns() && armed_ns_ <= due_ns) return;  // it looks again then
  armed_ns_ = due_ns;
  set_deadline(due_ns);
}

std::uint64_t RemoteSession::next_due_ns() const noexcept {
  if (is_waiting_for_answer()) return answer_due_ns_;
  if (role_ == Role::kVisit) return poll_due_ns_;
  if (role_ == Role::kSend) return last_output_ns_ + kQuietNs;
  // In binary there are no signs of life but those that are asked for.
  if (is_binary_) return last_input_ns() + kQuietNs;
  if (config().watchdog_s == 0) return worker().now_ns() + 3600 * kSecondNs;
  return last_input_ns() + config().watchdog_s * kSecondNs;
}

void RemoteSession::on_deadline(std::uint64_t now_ns) noexcept {
  armed_ns_ = 0;
  if (has_held_input()) {  // it is we who do not go on
    answer_due_ns_ = std::max(answer_due_ns_, now_ns + kSecondNs);
    wait_until(now_ns + kSecondNs);
    return;
  }
  if (is_shaking_hands()) {
    if (now_ns >= answer_due_ns_)
      fail(Ending::kLost, "TLS was not ready in " + std::to_string(config().answer_timeout_s) + " s");
    wait_until(answer_due_ns_);
    return;
  }
  if (step_ == Step::kGreeting && now_ns < answer_due_ns_ && now_ns >= last_input_ns() + kGreetingPauseNs &&
      reader_.unfinished() == 0) {
    take_answer(true, {});
    return;
  }
  if (const std::uint64_t due_ns =
          step_ == Step::kGreeting ? std::min(answer_due_ns_, now_ns + kGreetingPauseNs) : next_due_ns();
      now_ns < due_ns) {
    wait_until(due_ns);
    return;
  }
  if (step_ == Step::kGreeting) {
    fail(Ending::kLost, "the greeting of the far side has no end");
  } else if (is_waiting_for_answer()) {
    fail(Ending::kLost, "the far side did not answer in " + std::to_string(config().answer_timeout_s) + " s");
  } else if (role_ == Role::kVisit) {
    start_visit();
  } else if (is_binary_) {
    ask_frame(Step::kNoop, vscp::BinaryCode::kNoop);
  } else if (role_ == Role::kSend) {
    ask(Step::kNoop, "NOOP");
  } else {
    fail(Ending::kLost, "nothing has come from the far side for " + std::to_string(config().watchdog_s) + " s");
  }
}

}  // namespace drivers::link_client
