// The commands of the link protocol, but SEND. Spec: vscp_tcpiplink.md, one section per command.
#include <algorithm>
#include <charconv>
#include <cstdio>

#include "drivers/link/filter_join.h"
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

namespace reply_text = vscp::reply;
using vscp::LinkVerb;

bool parse_count(std::string_view text, std::uint64_t& value) noexcept {
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  return result.ec == std::errc{} && result.ptr == text.data() + text.size();
}

// Commas and bars separate columns, and a reply line must not look like a status line.
std::string column(std::string_view text) {
  std::string clean(text);
  std::replace_if(
      clean.begin(), clean.end(),
      [](char c) { return c == ',' || c == '|' || c == '+' || static_cast<unsigned char>(c) < 0x20; }, ' ');
  return clean;
}

std::string interface_row(std::uint32_t id, std::uint32_t type, const vscp::Guid& guid, std::string_view name,
                          std::uint64_t since_utc_ns) {
  char date[vscp::kDatetimeTextSize];
  vscp::format_datetime(since_utc_ns, date);
  constexpr std::size_t kDateSize = sizeof(date) - 1;  // without the Z: a client takes the last 19 characters
  return std::to_string(id) + ',' + std::to_string(type) + ',' + vscp::to_string(guid) + ',' + column(name) +
         "|Started at " + std::string(date, kDateSize) + "\r\n";
}

// Spec: vscp_tcpiplink.md#tcpip-interface-list.
constexpr std::uint32_t kTypeInternal = 1;
constexpr std::uint32_t kTypeLinkClient = 4;

}  // namespace

LinkSession::Done LinkSession::run_command(const vscp::LinkCommand& command) {
  const LinkVerb verb = command.info->verb;
  const std::string_view argument = command.argument;
  if (!is_logged_in() && !command.info->before_login) {
    refuse(reply_text::kLoginFirst, vscp::Errc::kLimit);
    return Done::kYes;
  }
  if (is_logged_in() && !user_->may_use(verb)) {
    refuse(reply_text::kNoRights, vscp::Errc::kLimit);
    return Done::kYes;
  }
  // These move what the reader has waiting, which must not happen under a running send.
  const bool touches_queue = verb == LinkVerb::kRetr || verb == LinkVerb::kClrAll || verb == LinkVerb::kSetFilter ||
                             verb == LinkVerb::kSetMask || verb == LinkVerb::kQuitLoop;
  if (touches_queue && is_sending()) return Done::kNotYet;

  if (verb == LinkVerb::kRetr || verb == LinkVerb::kChkData || verb == LinkVerb::kRcvLoop) note_reading();

  switch (verb) {
    case LinkVerb::kNoop: case LinkVerb::kText: reply(reply_text::kOk); break;
    case LinkVerb::kHelp: help(argument); break;
    case LinkVerb::kQuit:
      reply(reply_text::kBye);
      close_after_flush();
      break;
    case LinkVerb::kUser: user(argument); break;
    case LinkVerb::kPass: pass(argument); break;
    case LinkVerb::kChallenge: challenge(); break;
    case LinkVerb::kSend: return send(argument);
    case LinkVerb::kMeasurement: return measurement(argument);
    case LinkVerb::kRetr: return retr(argument);
    case LinkVerb::kRcvLoop: rcvloop(); break;
    case LinkVerb::kQuitLoop: quitloop(); break;
    case LinkVerb::kChkData: reply_line(std::to_string(worker().fanout().count_waiting(*this).events)); break;
    case LinkVerb::kClrAll:
      worker().fanout().clear(*this);
      reply(reply_text::kCleared);
      break;
    case LinkVerb::kStat: stat(); break;
    case LinkVerb::kInfo: info(); break;
    case LinkVerb::kGetChid: reply_line(std::to_string(channel)); break;
    case LinkVerb::kSetGuid: set_guid(argument); break;
    case LinkVerb::kGetGuid: reply_line(vscp::to_string(guid_)); break;
    case LinkVerb::kVersion: reply_line(context_->version_reply); break;
    case LinkVerb::kSetFilter: return set_filter(argument, false);
    case LinkVerb::kSetMask: return set_filter(argument, true);
    case LinkVerb::kWhatCanYouDo: what_can_you_do(); break;
    case LinkVerb::kInterface: interface(argument); break;
    case LinkVerb::kTest: self_test(argument); break;
    case LinkVerb::kShutdown:
      router::logf(router::LogLevel::kWarn, router::LogKind::kOnce, "user '%s' asked for a shutdown", user_->name.c_str());
      reply(reply_text::kOk);
      context_->request_shutdown();
      break;
    case LinkVerb::kRestart: refuse(reply_text::kNotSupported, vscp::Errc::kUnknownCommand); break;
    case LinkVerb::kBinary: refuse(reply_text::kNoBinary, vscp::Errc::kUnknownCommand); break;
    case LinkVerb::kRepeat: return repeat(argument);
  }
  return Done::kYes;
}

void LinkSession::reply_line(std::string_view data) {
  reply(data);
  reply("\r\n");
  reply(reply_text::kOk);
}

// ---- receiving --------------------------------------------------------------------------------------------------------------

LinkSession::Done LinkSession::retr(std::string_view argument) {
  std::uint64_t count = 1;
  if (!argument.empty() && !parse_count(argument, count)) {
    refuse(reply_text::kBadParameter, vscp::Errc::kBadNumber);
    return Done::kYes;
  }
  if (in_loop) {  // spec: zero events and a positive reply
    reply(reply_text::kOk);
    return Done::kYes;
  }
  retr_left_ = count;
  retr_running_ = true;
  continue_retr();
  return Done::kYes;
}

// Copies lines while the peer takes them; a long reply stops here and goes on in on_progress().
void LinkSession::continue_retr() {
  router::Fanout& fanout = worker().fanout();
  bool empty = false;
  while (retr_left_ > 0 && out_room() > vscp::kEventLineMax) {
    const std::span<const char> line = fanout.peek_line(*this);
    empty = line.empty();
    if (empty) break;
    reply({line.data(), line.size()});
    if (!is_open()) return;  // no memory for it, and the session may have left the fan-out
    fanout.pop_line(*this);
    --retr_left_;
    ++figures_mutable().events_out;
    worker().counters_mutable().events_out.add();
  }
  if (retr_left_ > 0 && !empty) {
    set_busy(true);
    return;
  }
  retr_running_ = false;
  reply(empty ? reply_text::kNoEvents : reply_text::kOk);
  if (is_busy()) set_busy(false);
}

void LinkSession::rcvloop() {
  if (!in_loop) {
    in_loop = true;
    const std::uint64_t now = worker().now_ns();
    alive_next_ns_ = now + std::uint64_t{context_->config.keepalive_ms} * 1'000'000;
    alive_bytes_out_ = ~std::uint64_t{0};
    // Some clients lose what they read together with the reply.
    gap_until_ns_ = context_->config.rcvloop_gap_ms == 0 ? 0 : now + std::uint64_t{context_->config.rcvloop_gap_ms} * 1'000'000;
    if (gap_until_ns_ == 0) open_loop(true);
    update_deadline();
  }
  reply(reply_text::kLoopEntered);
}

void LinkSession::quitloop() {
  if (in_loop) {
    in_loop = false;
    gap_until_ns_ = 0;
    open_loop(false);
    worker().fanout().finish_line(*this);
    update_deadline();
  }
  reply(reply_text::kLoopLeft);
}

LinkSession::Done LinkSession::set_filter(std::string_view argument, bool mask) {
  const auto half = vscp::parse_filter_half(argument);
  if (!half || half->index != 0) {
    refuse(reply_text::kBadParameter, half ? vscp::Errc::kNumberRange : half.error());
    return Done::kYes;
  }
  (mask ? filter_.mask_priority : filter_.filter_priority) = half->priority;
  (mask ? filter_.mask_class : filter_.filter_class) = half->vscp_class;
  (mask ? filter_.mask_type : filter_.filter_type) = half->vscp_type;
  (mask ? filter_.mask_guid : filter_.filter_guid) = half->guid;
  // Takes effect before the reply promises it.
  worker().fanout().change_filter(*this, join_filters(context_->config.out_filter, filter_));
  reply(reply_text::kOk);
  return Done::kYes;
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

void LinkSession::info() {
  constexpr unsigned kInLoop = 1;
  constexpr unsigned kHasDropped = 2;
  const unsigned status = (in_loop ? kInLoop : 0U) | (events_dropped() > 0 ? kHasDropped : 0U);
  const auto code = static_cast<unsigned>(last_error_);
  const std::string text = code == 0 ? "" : std::string(vscp::to_text(last_error_));
  reply_line(std::to_string(status) + ',' + std::to_string(code) + ",0,\"" + text + '"');
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

void LinkSession::challenge() {
  std::array<std::uint8_t, 16> id{};
  router::SystemRandom().fill(id);
  std::string text = "+OK - ";
  for (const auto byte : id) {
    char pair[4];
    std::snprintf(pair, sizeof(pair), "%02x", static_cast<unsigned>(byte));
    text += pair;
  }
  reply(text + "\r\n");
}

void LinkSession::set_guid(std::string_view argument) {
  const auto& base = context_->config.guid.is_zero() ? context_->router->settings().guid : context_->config.guid;
  vscp::Guid guid;
  if (!argument.empty()) {
    const auto parsed = vscp::parse_guid(argument);
    if (!parsed) {
      refuse(reply_text::kBadParameter, parsed.error());
      return;
    }
    guid = *parsed;
  }
  if (guid_is_set_) announce_guid(false);
  guid_is_set_ = !guid.is_zero();
  guid_ = guid_is_set_ ? guid : router::channel_guid(base, channel);
  if (guid_is_set_) announce_guid(true);
  reply(reply_text::kOk);
}

// Every worker must know where to send events for this interface.
void LinkSession::announce_guid(bool set) {
  vscp::Guid interface_guid = guid_;
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

void LinkSession::interface(std::string_view argument) {
  if (argument.starts_with("UNIQUE") || argument.starts_with("unique")) {
    refuse(reply_text::kInterfaceNotFound, vscp::Errc::kUnknownCommand);
    return;
  }
  auto rows = std::make_shared<std::string>();
  const auto& router = *context_->router;
  *rows += interface_row(0, kTypeInternal, router.settings().guid, router.settings().server_name, router.started_utc_ns());
  for (const auto& entry : router.interfaces()) {
    *rows += interface_row(entry.channel, entry.type, entry.guid, entry.name, router.started_utc_ns());
  }
  set_busy(true);
  router::Worker& home = worker();
  context_->router->visit_sessions(
      [rows](router::StreamSession& session) {
        router::SessionInfo info;
        session.describe(info);
        *rows += interface_row(info.channel, kTypeLinkClient, info.guid, "tcp/ip link client " + info.peer, info.since_utc_ns);
      },
      [rows, &home, id = channel, serial = serial_] {
        home.post(router::make_task([rows, &home, id, serial] {
          auto* session = static_cast<LinkSession*>(home.find_session(id));
          if (session != nullptr && session->serial() == serial && session->is_open()) {
            session->on_interface_rows(std::move(*rows));
          }
        }));
      });
}

void LinkSession::on_interface_rows(std::string rows) {
  rows += reply_text::kOk;
  start_long_reply(std::move(rows));  // and goes on with what the client has sent meanwhile
}

void LinkSession::start_long_reply(std::string text) {
  long_reply_ = std::move(text);
  long_reply_done_ = 0;
  continue_long_reply();
}

void LinkSession::continue_long_reply() {
  const std::size_t size = std::min(out_room(), long_reply_.size() - long_reply_done_);
  reply(std::string_view(long_reply_).substr(long_reply_done_, size));
  long_reply_done_ += size;
  if (long_reply_done_ < long_reply_.size()) {
    set_busy(true);
    return;
  }
  std::string().swap(long_reply_);
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
      refuse(reply_text::kUnknownCommand, vscp::Errc::kUnknownCommand);
      return;
    }
    ((text += info->usage) += "\r\n") += info->help;
    text += "\r\nPrivilege: " + std::to_string(info->privilege) + "\r\n";
  }
  start_long_reply(text + std::string(reply_text::kOk));
}

void LinkSession::self_test(std::string_view argument) {
  std::string text;
  bool good = true;
  if (!run_self_tests(argument, worker(), text, good)) {
    refuse(reply_text::kBadParameter, vscp::Errc::kBadNumber);
    return;
  }
  start_long_reply(text + std::string(good ? reply_text::kOk : reply_text::kTestFailed));
}

// ---- history ----------------------------------------------------------------------------------------------------------------

void LinkSession::repeat_list() {
  keep_last_send();
  std::string text;
  std::size_t number = history_.size();
  for (const auto& line : history_) text += std::to_string(number--) + " - " + line + "\r\n";
  start_long_reply(text + std::string(reply_text::kOk));
}

LinkSession::Done LinkSession::repeat(std::string_view argument) {
  if (argument == "+") {
    repeat_list();
    return Done::kYes;
  }
  keep_last_send();
  std::uint64_t back = 1;
  if ((!argument.empty() && !parse_count(argument, back)) || back == 0 || back > history_.size()) {
    refuse(reply_text::kBadParameter, vscp::Errc::kNumberRange);
    return Done::kYes;
  }
  // Asked before the echo, so that the echo is not given twice.
  if (!worker().may_publish()) {
    wait_to_publish();
    return Done::kNotYet;
  }
  if (is_sending()) return Done::kNotYet;
  const std::string line = history_[history_.size() - back];
  reply(line);
  reply("\r\n");
  repeating_ = true;
  const Done done = handle_line(line);
  last_send_ = {};
  repeating_ = false;
  if (done == Done::kNotYet) refuse(reply_text::kBusy, vscp::Errc::kNoCredit);
  return Done::kYes;
}

}  // namespace drivers::link
