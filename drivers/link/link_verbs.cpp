// The commands of the link protocol, but SEND. Spec: vscp_tcpiplink.md, one section per command.
#include <algorithm>
#include <charconv>
#include <cstdio>

#include "drivers/link/answers.h"
#include "protocol/filter_join.h"
#include "drivers/link/link_session.h"
#include "drivers/link/self_test.h"
#include "protocol/datetime.h"
#include "protocol/filter.h"
#include "protocol/link_reply.h"
#include "router/base/log.h"
#include "router/base/random.h"
#include "router/io/socket.h"

namespace drivers::link {
namespace {

using vscp::LinkVerb;

bool parse_count(std::string_view text, std::uint64_t& value) noexcept {
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  return result.ec == std::errc{} && result.ptr == text.data() + text.size();
}

}  // namespace

// Whether the user may use this command, and whether it can be carried out now; if not, says so.
LinkSession::Gate LinkSession::gate(const vscp::LinkCommandInfo& info) {
  const LinkVerb verb = info.verb;
  if (!is_logged_in() && !info.before_login) {
    refuse(answers::kLoginFirst, vscp::Errc::kLimit);
    return Gate::kRefused;
  }
  if (is_logged_in() && !user_->may_use(verb)) {
    refuse(answers::kNoRights, vscp::Errc::kLimit);
    return Gate::kRefused;
  }
  // These move what the reader has waiting, which must not happen under a running send.
  const bool touches_queue = verb == LinkVerb::kRetr || verb == LinkVerb::kClrAll || verb == LinkVerb::kSetFilter ||
                             verb == LinkVerb::kSetMask || verb == LinkVerb::kQuitLoop || verb == LinkVerb::kBinary ||
                             verb == LinkVerb::kText;
  if (touches_queue && is_sending()) return Gate::kNotYet;
  if (verb == LinkVerb::kRetr || verb == LinkVerb::kChkData || verb == LinkVerb::kRcvLoop) note_reading();
  return Gate::kOpen;
}

LinkSession::Done LinkSession::run_command(const vscp::LinkCommand& command) {
  const LinkVerb verb = command.info->verb;
  const std::string_view argument = command.argument;
  const Gate open = gate(*command.info);
  if (open != Gate::kOpen) return open == Gate::kNotYet ? Done::kNotYet : Done::kYes;

  switch (verb) {
    case LinkVerb::kNoop: case LinkVerb::kText: answer(answers::kOk); break;
    case LinkVerb::kHelp: help(argument); break;
    case LinkVerb::kQuit: quit(); break;
    case LinkVerb::kUser: user(argument); break;
    case LinkVerb::kPass: pass(argument); break;
    case LinkVerb::kChallenge: reply("+OK - " + challenge() + "\r\n"); break;
    case LinkVerb::kSend: return send(argument);
    case LinkVerb::kMeasurement: return measurement(argument);
    case LinkVerb::kRetr: retr(argument); break;
    case LinkVerb::kRcvLoop: enter_loop(); break;
    case LinkVerb::kQuitLoop:
      leave_loop();
      answer(answers::kLoopLeft);
      break;
    case LinkVerb::kChkData: reply_line(std::to_string(worker().fanout().count_waiting(*this).events)); break;
    case LinkVerb::kClrAll:
      worker().fanout().clear(*this);
      answer(answers::kCleared);
      break;
    case LinkVerb::kStat: stat(); break;
    case LinkVerb::kInfo: info(); break;
    case LinkVerb::kGetChid: reply_line(std::to_string(channel)); break;
    case LinkVerb::kSetGuid: set_guid(argument); break;
    case LinkVerb::kGetGuid: reply_line(vscp::to_string(guid())); break;
    case LinkVerb::kVersion: reply_line(context_->version_reply); break;
    case LinkVerb::kSetFilter: set_filter(argument, false); break;
    case LinkVerb::kSetMask: set_filter(argument, true); break;
    case LinkVerb::kWhatCanYouDo: what_can_you_do(); break;
    case LinkVerb::kInterface: interface(argument); break;
    case LinkVerb::kTest: self_test(argument); break;
    case LinkVerb::kShutdown: shutdown(); break;
    case LinkVerb::kRestart: refuse(answers::kNotSupported, vscp::Errc::kUnknownCommand); break;
    case LinkVerb::kBinary: return switch_dialect(true) ? Done::kYes : Done::kNotYet;
    case LinkVerb::kBridge: bridge(argument); break;
    case LinkVerb::kRepeat: return repeat(argument);
  }
  return Done::kYes;
}

void LinkSession::reply_line(std::string_view data) {
  reply(data);
  reply("\r\n");
  reply(vscp::reply::kOk);
}

void LinkSession::quit() {
  answer(answers::kBye);
  close_after_flush();
}

void LinkSession::bridge(std::string_view argument) {
  std::uint64_t partner = router::kNoChannel;
  if (!argument.empty() && (!parse_count(argument, partner) || partner > ~std::uint32_t{0})) {
    refuse(answers::kBadParameter, vscp::Errc::kBadNumber);
    return;
  }
  bridge_ = true;
  context_->router->seen().activate();
  if (partner != router::kNoChannel || extras_ != nullptr) extras().partner = static_cast<std::uint32_t>(partner);
  drop_extras_if_unused();
  answer(answers::kOk);
}

void LinkSession::shutdown() {
  router::logf(router::LogLevel::kWarn, router::LogKind::kOnce, "user '%s' asked for a shutdown", user_->name.c_str());
  answer(answers::kOk);
  context_->request_shutdown();
}

// ---- receiving --------------------------------------------------------------------------------------------------------------

void LinkSession::retr(std::string_view argument) {
  std::uint64_t count = 1;
  if (!argument.empty() && !parse_count(argument, count)) {
    refuse(answers::kBadParameter, vscp::Errc::kBadNumber);
  } else if (in_loop) {
    answer(answers::kOk);  // spec: zero events and a positive reply
  } else {
    start_retr(count);
  }
}

void LinkSession::start_retr(std::uint64_t count) {
  retr_left_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(count, ~std::uint32_t{0}));  // more never wait
  retr_running_ = true;
  retr_empty_ = true;
  continue_retr();
}

// Copies events while the peer takes them; a long reply stops here and goes on in on_progress().
void LinkSession::continue_retr() {
  router::Fanout& fanout = worker().fanout();
  bool empty = false;
  while (retr_left_ > 0 && out_room() > vscp::kEventWireMax) {
    const std::span<const char> event = fanout.peek_line(*this);
    empty = event.empty();
    if (empty) break;
    if (binary_) {
      reply_event(event);
    } else {
      reply({event.data(), event.size()});
    }
    if (!is_open()) return;  // no memory for it, and the session may have left the fan-out
    fanout.pop_line(*this);
    --retr_left_;
    retr_empty_ = false;
    ++figures_mutable().events_out;
    worker().counters_mutable().events_out.add();
  }
  if (retr_left_ > 0 && !empty) {
    set_busy(true);
    return;
  }
  retr_running_ = false;
  // Spec: in text, too few are a negative reply; in binary only none at all.
  const bool too_few = binary_ ? empty && retr_empty_ : empty;
  answer(too_few ? answers::kNoEvents : answers::kOk);
  if (is_busy()) set_busy(false);
}

void LinkSession::enter_loop() {
  if (!in_loop) {
    set_in_loop(true);
    const std::uint64_t now = worker().now_ns();
    // Some clients lose what they read together with the reply; those that read frames are none of them.
    const std::uint64_t gap_ms = binary_ ? 0 : context_->config.rcvloop_gap_ms;
    gap_ = gap_ms > 0;
    due_ns_ = now + (gap_ ? gap_ms : context_->config.keepalive_ms) * 1'000'000;
    if (!gap_) open_loop(true);
    update_deadline();
  }
  answer(answers::kLoopEntered);
}

// REQUIRES: no send is running.
void LinkSession::leave_loop() {
  if (!in_loop) return;
  set_in_loop(false);
  gap_ = false;
  open_loop(false);
  worker().fanout().finish_line(*this);
  update_deadline();
}

void LinkSession::set_filter(std::string_view argument, bool mask) {
  const auto half = vscp::parse_filter_half(argument);
  if (!half || half->index != 0) {
    refuse(answers::kBadParameter, half ? vscp::Errc::kNumberRange : half.error());
    return;
  }
  take_filter_half(*half, mask);
  install_filter();
}

void LinkSession::take_filter_half(const vscp::FilterHalf& half, bool mask) {
  if (!extras().filter) extras().filter = user_->filter;
  vscp::Filter& filter = *extras_->filter;
  (mask ? filter.mask_priority : filter.filter_priority) = half.priority;
  (mask ? filter.mask_class : filter.filter_class) = half.vscp_class;
  (mask ? filter.mask_type : filter.filter_type) = half.vscp_type;
  (mask ? filter.mask_guid : filter.filter_guid) = half.guid;
}

// Takes effect before the reply promises it.
void LinkSession::install_filter() {
  worker().fanout().change_filter(*this, join_filters(context_->config.out_filter, filter()));
  answer(answers::kOk);
}

// ---- asking -----------------------------------------------------------------------------------------------------------------

void LinkSession::stat() {
  const auto& figures = this->figures();
  char text[160];
  const int size = std::snprintf(text, sizeof(text), "0,0,%llu,%llu,%llu,%llu,%llu",
                                 static_cast<unsigned long long>(events_dropped()),
                                 static_cast<unsigned long long>(figures.bytes_in),
                                 static_cast<unsigned long long>(figures.events_in),
                                 static_cast<unsigned long long>(figures.bytes_out),
                                 static_cast<unsigned long long>(figures.events_out));
  reply_line({text, static_cast<std::size_t>(size)});
}

unsigned LinkSession::status() const noexcept {
  constexpr unsigned kInLoop = 1;
  constexpr unsigned kHasDropped = 2;
  return (in_loop ? kInLoop : 0U) | (events_dropped() > 0 ? kHasDropped : 0U);
}

std::string_view LinkSession::last_error_text() const noexcept {
  return last_error_ == vscp::Errc{} ? std::string_view() : vscp::to_text(last_error_);
}

void LinkSession::info() {
  const auto code = static_cast<unsigned>(last_error_);
  reply_line(std::to_string(status()) + ',' + std::to_string(code) + ",0,\"" + std::string(last_error_text()) + '"');
}

void LinkSession::what_can_you_do() {
  std::string text;
  for (int byte = 7; byte >= 0; --byte) {
    char pair[4];
    std::snprintf(pair, sizeof(pair), "%02X", static_cast<unsigned>(context_->capabilities >> (8 * byte)) & 0xffU);
    text += pair;
    if (byte > 0) text += '-';
  }
  reply_line(text);
}

// A new session id.
std::string LinkSession::challenge() {
  std::array<std::uint8_t, 16> id{};
  router::SystemRandom().fill(id);
  std::string text;
  for (const auto byte : id) {
    char pair[4];
    std::snprintf(pair, sizeof(pair), "%02x", static_cast<unsigned>(byte));
    text += pair;
  }
  return text;
}

void LinkSession::set_guid(std::string_view argument) {
  vscp::Guid guid;
  if (!argument.empty()) {
    const auto parsed = vscp::parse_guid(argument);
    if (!parsed) {
      refuse(answers::kBadParameter, parsed.error());
      return;
    }
    guid = *parsed;
  }
  install_guid(guid);
}

// All zero gives the default back.
void LinkSession::install_guid(const vscp::Guid& guid) {
  if (is_guid_set()) announce_guid(false);
  extras().guid = guid;
  if (is_guid_set()) announce_guid(true);
  answer(answers::kOk);
}

// Every worker must know where to send events for this interface.
void LinkSession::announce_guid(bool set) {
  vscp::Guid interface_guid = guid();
  interface_guid.bytes[14] = 0;
  interface_guid.bytes[15] = 0;
  const auto id = channel;
  const auto change = [interface_guid, id, set](router::Worker& worker) {
    if (set) {
      worker.channels().set(interface_guid, id);
    } else {
      worker.channels().remove(interface_guid, id);
    }
  };
  change(worker());
  context_->router->visit_workers(change, [] {});
}

void LinkSession::start_long_reply(std::string text) {
  extras().long_reply = std::move(text);
  extras().long_reply_done = 0;
  continue_long_reply();
}

void LinkSession::continue_long_reply() {
  const std::string_view left = std::string_view(extras_->long_reply).substr(extras_->long_reply_done);
  const std::size_t size = std::min(out_room(), left.size());
  reply(left.substr(0, size));
  if (!is_open()) return;
  extras_->long_reply_done += size;
  if (size < left.size()) {
    set_busy(true);
    return;
  }
  std::string().swap(extras_->long_reply);
  if (extras_->next_row) {
    fetch_rows(*extras_->next_row);
    return;
  }
  drop_extras_if_unused();
  if (is_busy()) set_busy(false);
}

void LinkSession::help(std::string_view argument) {
  std::string text;
  if (argument.empty()) {
    text = "Commands of the VSCP tcp/ip link protocol; HELP command tells more of one.\r\n";
    for (const auto& info : vscp::link_commands()) {
      text += info.name;
      if (!info.alias.empty()) (text += ", ") += info.alias;
      text += "\r\n";
    }
  } else {
    const auto* info = vscp::find_link_command(argument);
    if (info == nullptr) {
      refuse(answers::kUnknownCommand, vscp::Errc::kUnknownCommand);
      return;
    }
    ((text += info->usage) += "\r\n") += info->help;
    text += "\r\nPrivilege: " + std::to_string(info->privilege) + "\r\n";
  }
  start_long_reply(text + std::string(vscp::reply::kOk));
}

void LinkSession::self_test(std::string_view argument) {
  std::string text;
  bool good = true;
  charge(kTestCost);
  if (!run_self_tests(argument, worker(), text, good)) {
    refuse(answers::kBadParameter, vscp::Errc::kBadNumber);
    return;
  }
  start_long_reply(text + std::string(good ? vscp::reply::kOk : vscp::reply::kTestFailed));
}

// ---- history ----------------------------------------------------------------------------------------------------------------

void LinkSession::repeat_list() {
  history_.keep_send();
  std::string text;
  for (std::size_t back = history_.size(); back > 0; --back) {
    ((text += std::to_string(back)) += " - ").append(history_.line(back)) += "\r\n";
  }
  start_long_reply(text + std::string(vscp::reply::kOk));
}

LinkSession::Done LinkSession::repeat(std::string_view argument) {
  if (argument == "+") {
    repeat_list();
    return Done::kYes;
  }
  history_.keep_send();
  std::uint64_t back = 1;
  if ((!argument.empty() && !parse_count(argument, back)) || back == 0 || back > history_.size()) {
    refuse(answers::kBadParameter, vscp::Errc::kNumberRange);
    return Done::kYes;
  }
  // Asked before the echo, so that the echo is not given twice.
  if (!worker().may_publish()) {
    wait_to_publish();
    return Done::kNotYet;
  }
  if (is_sending()) return Done::kNotYet;
  const std::string line(history_.line(back));
  reply(line);
  reply("\r\n");
  repeating_ = true;
  const Done done = handle_line(line);
  repeating_ = false;
  if (done == Done::kNotYet) refuse(answers::kBusy, vscp::Errc::kNoCredit);
  return Done::kYes;
}

}  // namespace drivers::link
