#include "tests/sim/line_session.h"

#include <charconv>
#include <cstring>

#include "protocol/event_line.h"
#include "protocol/link_reply.h"

namespace sim {

using router::EventBuf;
using router::Worker;

LineSession::LineSession(router::Router& router, Worker& worker, router::Socket socket, const LineSettings& settings)
    : StreamSession(worker, socket, settings.limits), router_(&router), settings_(settings) {
  events_max = settings.events_max;
  receives_own = settings.receives_own;
}

void LineSession::open() {
  channel = worker().take_channel(*this);
  start();
  if (channel == router::kNoChannel) {
    reply(vscp::reply::kTooManySessions);
    close_after_flush();
    return;
  }
  reply("Welcome.\r\n+OK - Success.\r\n");
}

std::size_t LineSession::on_input(std::span<const char> bytes) noexcept {
  const std::string_view text(bytes.data(), bytes.size());
  std::size_t done = 0;
  while (done < text.size() && is_open() && !is_busy() && !is_congested()) {
    const std::size_t end = text.find('\n', done);
    if (end == std::string_view::npos) {
      tail_.append(text.substr(done));
      return text.size();
    }
    const std::string_view piece = text.substr(done, end - done);
    const std::size_t before = tail_.size();
    tail_.append(piece);
    std::string_view line = tail_;
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (run(line) == Done::kNotYet) {
      tail_.resize(before);
      return done;
    }
    tail_.clear();
    done = end + 1;
  }
  return done;
}

LineSession::Done LineSession::run(std::string_view line) {
  const std::size_t space = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, space);
  const std::string_view rest = line.substr(std::min(space + 1, line.size()));
  if (word == "USER") {
    reply(vscp::reply::kUserOk);
  } else if (word == "PASS") {
    log_in();
  } else if (word == "NOOP") {
    reply(vscp::reply::kOk);
  } else if (word == "QUIT") {
    reply(vscp::reply::kBye);
    close_after_flush();
  } else if (!is_joined()) {
    reply(vscp::reply::kLoginFirst);
  } else {
    return run_joined(word, rest);
  }
  return Done::kYes;
}

LineSession::Done LineSession::run_joined(std::string_view word, std::string_view rest) {
  auto& fanout = worker().fanout();
  if (word == "SEND") return send(rest);
  // What follows reads or moves the cursor: not in the middle of a send of events.
  const bool moves_cursor = word == "RETR" || word == "CLRA" || word == "SFLT" || word == "SMSK";
  if (moves_cursor && is_sending()) return Done::kNotYet;
  if (word == "CHID") {
    reply(std::to_string(channel) + "\r\n");
    reply(vscp::reply::kOk);
  } else if (word == "CDTA") {
    reply(std::to_string(fanout.count_waiting(*this).events) + "\r\n");
    reply(vscp::reply::kOk);
  } else if (word == "CLRA") {
    fanout.clear(*this);
    reply(vscp::reply::kCleared);
  } else if (word == "RETR") {
    std::uint32_t count = 1;
    std::from_chars(rest.data(), rest.data() + rest.size(), count);
    retr_left_ = std::max(count, 1U);
    continue_reply();
  } else if (word == "HELP") {
    help_left_ = kHelpLines;
    continue_reply();
  } else if (word == "RCVLOOP") {
    set_in_loop(true);
    reply(vscp::reply::kLoopEntered);
    open_loop(true);
    set_deadline(worker().now_ns() + std::uint64_t{settings_.keepalive_ms} * 1'000'000);
  } else if (word == "QUITLOOP") {
    set_in_loop(false);
    open_loop(false);
    reply(vscp::reply::kLoopLeft);
  } else if (word == "SFLT" || word == "SMSK") {
    set_filter(rest, word == "SMSK");
  } else {
    reply(vscp::reply::kUnknownCommand);
  }
  return Done::kYes;
}

// As a password check does: the answer is made elsewhere and may find that the session has gone.
void LineSession::log_in() {
  set_busy(true);
  Worker& home = worker();
  Worker& other = router_->worker(static_cast<router::ThreadIndex>((home.index() + 1U) % router_->worker_count()));
  const void* self = this;
  other.post(router::make_task([&home, id = channel, self] {
    home.post(router::make_task([&home, id, self] {
      auto* session = static_cast<LineSession*>(home.find_session(id));
      if (session != nullptr && session == self && session->is_open() && session->is_busy()) session->on_login();
    }));
  }));
}

void LineSession::on_login() {
  if (!is_joined()) worker().fanout().join(*this, filter_, vscp::WireFormat::kLegacyLine);
  reply(vscp::reply::kOk);
  set_busy(false);
}

LineSession::Done LineSession::send(std::string_view text) {
  EventBuf* buffer = worker().may_publish() ? worker().publisher().try_acquire() : nullptr;
  if (buffer == nullptr) {
    wait_to_publish();
    return Done::kNotYet;
  }
  if (!vscp::decode_event_line(text, buffer->event)) {
    worker().pool().give_back(buffer);
    reply(vscp::reply::kBadParameter);
    return Done::kYes;
  }
  buffer->skip_channel = buffer->event.obid;
  buffer->event.obid = channel;
  worker().publish(buffer);
  reply(vscp::reply::kOk);
  return Done::kYes;
}

void LineSession::set_filter(std::string_view text, bool mask) {
  const auto half = vscp::parse_filter_half(text);
  if (!half) {
    reply(vscp::reply::kBadParameter);
    return;
  }
  (mask ? filter_.mask_priority : filter_.filter_priority) = half->priority;
  (mask ? filter_.mask_class : filter_.filter_class) = half->vscp_class;
  (mask ? filter_.mask_type : filter_.filter_type) = half->vscp_type;
  (mask ? filter_.mask_guid : filter_.filter_guid) = half->guid;
  worker().fanout().change_filter(*this, filter_);
  reply(vscp::reply::kOk);
}

void LineSession::continue_reply() {
  auto& fanout = worker().fanout();
  while (retr_left_ > 0 && !is_congested()) {
    const auto line = fanout.peek_line(*this);
    if (line.empty()) {
      retr_left_ = 0;
      reply(vscp::reply::kNoEvents);
      break;
    }
    reply({line.data(), line.size()});
    fanout.pop_line(*this);
    if (--retr_left_ == 0) reply(vscp::reply::kOk);
  }
  while (help_left_ > 0 && !is_congested()) {
    reply(kHelpLine);
    if (--help_left_ == 0) reply(vscp::reply::kOk);
  }
  // Input waits for the end of the reply; so does the end of input.
  if (is_busy() != is_replying()) set_busy(is_replying());
}

void LineSession::on_progress() noexcept {
  if (is_replying() && !is_sending()) continue_reply();
}

void LineSession::on_deadline(std::uint64_t now_ns) noexcept {
  if (!in_loop) return;
  if (!is_congested()) reply(vscp::reply::kAlive);
  set_deadline(now_ns + std::uint64_t{settings_.keepalive_ms} * 1'000'000);
}

}  // namespace sim
