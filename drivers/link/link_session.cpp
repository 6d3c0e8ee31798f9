#include "drivers/link/link_session.h"

#include <algorithm>
#include <cstring>

#include "protocol/filter_join.h"
#include "drivers/link/answers.h"
#include "protocol/link_reply.h"
#include "router/base/log.h"
#include "router/io/socket.h"

namespace drivers::link {

using router::LogKind;
using router::LogLevel;

namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;

}  // namespace

// ---- LineTail ---------------------------------------------------------------------------------------------------------------

std::string_view LineTail::text() const noexcept {
  if (block_ == nullptr) return {};
  return long_ == nullptr ? std::string_view(block_->bytes, block_->end) : std::string_view(*long_);
}

bool LineTail::append(router::Slab& blocks, std::string_view text) {
  if (block_ == nullptr) {
    block_ = static_cast<router::OutBlock*>(blocks.try_take());
    if (block_ == nullptr) return false;
    block_->end = 0;
  }
  if (long_ == nullptr && block_->end + text.size() <= router::OutBlock::kBytes) {
    std::memcpy(block_->bytes + block_->end, text.data(), text.size());
    block_->end += static_cast<std::uint32_t>(text.size());
    return true;
  }
  if (long_ == nullptr) long_ = std::make_unique<std::string>(block_->bytes, block_->end);
  long_->append(text);
  return true;
}

void LineTail::shrink(std::size_t size) {
  if (long_ == nullptr) {
    block_->end = static_cast<std::uint32_t>(size);
  } else {
    long_->resize(size);
  }
}

void LineTail::drop_front(std::size_t size) {
  if (long_ != nullptr) {
    long_->erase(0, size);
    return;
  }
  std::memmove(block_->bytes, block_->bytes + size, block_->end - size);
  block_->end -= static_cast<std::uint32_t>(size);
}

void LineTail::clear(router::Slab& blocks) noexcept {
  if (block_ == nullptr) return;
  blocks.give(block_);
  block_ = nullptr;
  long_.reset();
}

// ---- life -------------------------------------------------------------------------------------------------------------------

LinkSession::LinkSession(router::Worker& worker, router::Socket socket, const router::PeerAddress& peer,
                         const LinkContext& context)
    : StreamSession(worker, socket, {context.config.slow_consumer, context.config.hold_producers_ms}),
      context_(&context),
      due_ns_(worker.now_ns() + context.config.login_timeout_s * kSecondNs),
      serial_(static_cast<std::uint32_t>(worker.next_serial())),
      peer_(peer) {}

LinkSession::~LinkSession() { tail_.clear(worker().out_blocks()); }

void LinkSession::open() {
  channel = worker().take_channel(*this);
  if (context_->tls != nullptr) {
    extras().tls = std::make_unique<TlsGuest>(context_->tls->context(worker().index()), *this);
    use_tls();
  }
  start();
  if (channel == router::kNoChannel) {
    turn_away(vscp::reply::kTooManySessions);
    return;
  }
  apply_limits({});
  receives_own = context_->config.receive_sent_events;
  if (router::log_enabled(LogLevel::kDebug)) {
    router::logf(LogLevel::kDebug, LogKind::kOnce, "channel %u opened from %s on %s", channel,
                 router::address_text(peer_.storage()).c_str(), context_->listener.c_str());
  }
  reply_constant(context_->greeting);
  update_deadline();
}

void LinkSession::turn_away(std::string_view text) {
  worker().counters_mutable().refused.add();
  reply(text);
  close_after_flush();
}

void LinkSession::on_closing() noexcept {
  if (router::log_enabled(LogLevel::kDebug)) {
    router::logf(LogLevel::kDebug, LogKind::kOnce, "channel %u closed: %llu events in, %llu out, %llu dropped", channel,
                 static_cast<unsigned long long>(figures().events_in), static_cast<unsigned long long>(figures().events_out),
                 static_cast<unsigned long long>(events_dropped()));
  }
  if (is_guid_set()) announce_guid(false);
  if (context_->tls != nullptr) context_->tls->end(worker().index(), *extras_->tls);
  if (context_->on_closed) context_->on_closed(peer_);
}

void LinkSession::describe(router::SessionInfo& info) noexcept {
  StreamSession::describe(info);
  info.user = user_ == nullptr ? "" : user_->name;
  info.peer = router::address_text(peer_.storage());
  info.listener = context_->listener;
  if (context_->tls != nullptr && !is_shaking_hands()) info.listener += ' ' + std::string(tls()->version());
  info.mode = !is_open()          ? "closing"
              : user_ == nullptr  ? "login"
              : binary_ && in_loop ? "binary open"
              : binary_           ? "binary"
              : in_loop           ? "rcvloop"
                                  : "command";
  info.guid = guid();
}

LinkSession::Extras& LinkSession::extras() {
  if (extras_ == nullptr) extras_ = std::make_unique<Extras>();
  return *extras_;
}

void LinkSession::drop_extras_if_unused() noexcept {
  if (extras_ == nullptr || is_guid_set() || extras_->filter || !extras_->long_reply.empty() || extras_->next_row) return;
  if (extras_->partner != router::kNoChannel || extras_->tls != nullptr) return;
  if (extras_->user_name.empty()) extras_.reset();
}

vscp::Guid LinkSession::guid() const noexcept {
  if (is_guid_set()) return extras_->guid;
  const auto& base = context_->config.guid.is_zero() ? context_->router->settings().guid : context_->config.guid;
  return router::channel_guid(base, channel);
}

// REQUIRES: is_logged_in().
const vscp::Filter& LinkSession::filter() const noexcept {
  return extras_ != nullptr && extras_->filter ? *extras_->filter : user_->filter;
}

// One timer for everything that may become due; what is due is found out when it fires.
void LinkSession::update_deadline() {
  if (!is_open()) return;
  if (!is_logged_in()) {
    if (penalty_ || !is_busy()) set_deadline(due_ns_);
  } else if (in_loop) {
    if (gap_ || !binary_) set_deadline(due_ns_);
  } else if (context_->config.idle_timeout_s != 0) {
    set_deadline(last_input_ns() + context_->config.idle_timeout_s * kSecondNs);
  }
}

void LinkSession::on_deadline(std::uint64_t now_ns) noexcept {
  if (!is_logged_in()) {
    if (now_ns >= due_ns_ && (penalty_ || !is_busy())) {
      if (penalty_) {
        answer(answers::kBadLogin);
      } else {
        worker().counters_mutable().timeouts.add();
        if (is_shaking_hands()) on_tls_failed("no handshake before the login timeout");
        tell(answers::kLoginTimeout);
      }
      close_after_flush();
      return;
    }
  } else if (in_loop) {
    if (now_ns >= due_ns_) go_on_in_loop(now_ns);
  } else if (context_->config.idle_timeout_s != 0 &&
             now_ns >= last_input_ns() + context_->config.idle_timeout_s * kSecondNs) {
    worker().counters_mutable().timeouts.add();
    tell(answers::kIdleTimeout);
    close_after_flush();
    return;
  }
  update_deadline();
}

// The gap before the first event is over, or a sign of life is due.
void LinkSession::go_on_in_loop(std::uint64_t now_ns) {
  if (gap_) {
    gap_ = false;
    open_loop(true);
  } else if (!binary_ && !has_unsent_replies()) {
    // A peer that takes nothing is told nothing: the lines would only pile up.
    reply_constant(vscp::reply::kAlive);
  }
  // By the plan and not by the clock: sessions that are served late together do not become due together.
  const std::uint64_t period_ns = std::uint64_t{context_->config.keepalive_ms} * 1'000'000;
  due_ns_ += std::max<std::uint64_t>((now_ns - due_ns_) / period_ns + 1, 1) * period_ns;
}

void LinkSession::on_too_slow() noexcept {
  tell(answers::kTooSlow);
  close_after_flush();
}

void LinkSession::on_progress() noexcept {
  if (extras_ != nullptr && !extras_->long_reply.empty()) continue_long_reply();
  if (retr_running_) continue_retr();
}

// ---- TLS --------------------------------------------------------------------------------------------------------------------

void LinkSession::on_handshake_begun() noexcept {
  LinkSession* oldest = context_->tls->begin(worker().index(), *extras_->tls);
  if (oldest == nullptr) return;
  router::logf(LogLevel::kWarn, LogKind::kTls, "TLS on %s: %zu handshakes are under way, the oldest is given up",
               context_->listener.c_str(), TlsDoor::kHandshakesMax);
  oldest->abort();
}

void LinkSession::on_secured() noexcept {
  context_->tls->end(worker().index(), *extras_->tls);
  worker().counters_mutable().tls_handshakes.add();
}

void LinkSession::on_tls_failed(std::string_view why) noexcept {
  worker().counters_mutable().tls_failures.add();
  router::logf(LogLevel::kWarn, LogKind::kTls, "TLS with %s on %s: %.*s", router::address_text(peer_.storage()).c_str(),
               context_->listener.c_str(), static_cast<int>(why.size()), why.data());
}

// The first bytes of a client that believes that this port is for TLS.
bool LinkSession::refuse_tls_hello(std::string_view text) {
  constexpr std::string_view kHello = "\x16\x03";
  if (!text.starts_with(kHello) || !tail_.empty()) return false;
  worker().counters_mutable().tls_failures.add();
  router::logf(LogLevel::kWarn, LogKind::kRefused, "%s speaks TLS on %s, which is a port without it",
               router::address_text(peer_.storage()).c_str(), context_->listener.c_str());
  close_after_flush();
  return true;
}

// ---- lines ------------------------------------------------------------------------------------------------------------------

std::size_t LinkSession::on_input(std::span<const char> bytes) noexcept {
  const std::string_view text(bytes.data(), bytes.size());
  if (!is_logged_in() && refuse_tls_hello(text)) return bytes.size();
  std::size_t done = 0;
  for (;;) {
    const bool binary = binary_;
    done += binary ? take_frames(text.substr(done)) : take_lines(text.substr(done));
    if (binary_ == binary) return done;
  }
}

std::size_t LinkSession::take_lines(std::string_view text) {
  std::size_t done = 0;
  while (done < text.size() && !binary_ && is_open() && !is_busy() && !is_congested() && !is_share_used()) {
    const void* found = std::memchr(text.data() + done, '\n', text.size() - done);
    if (found == nullptr) {
      if (store_tail(text.substr(done))) done = text.size();
      break;
    }
    const auto end = static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
    const std::string_view piece = text.substr(done, end - done);
    if (tail_.empty()) {
      if (piece.size() > context_->config.line_max) {
        refuse_long_line();
        break;
      }
      if (handle_line(piece) == Done::kNotYet) break;
    } else {
      const std::size_t before = tail_.size();
      if (!store_tail(piece)) break;
      if (handle_line(tail_.text()) == Done::kNotYet) {
        tail_.shrink(before);
        break;
      }
      history_.keep_send();
      tail_.clear(worker().out_blocks());
    }
    done = end + 1;
  }
  history_.keep_send();
  return done;
}

bool LinkSession::store_tail(std::string_view text) {
  if (tail_.size() + text.size() > context_->config.line_max) {
    refuse_long_line();
    return false;
  }
  if (!tail_.append(worker().out_blocks(), text)) {
    router::logf(LogLevel::kError, LogKind::kResource, "no memory for a command line: closing channel %u", channel);
    abort();
    return false;
  }
  return true;
}

void LinkSession::refuse_long_line() {
  worker().counters_mutable().bad_commands.add();
  answer(answers::kLineTooLong);
  close_after_flush();
}

void LinkSession::refuse(const Answer& why, vscp::Errc code) {
  last_error_ = code;
  worker().counters_mutable().bad_commands.add();
  answer(why);
}

LinkSession::Done LinkSession::handle_line(std::string_view line) {
  // SEND is what a router spends its life on: known by its first letters, before the table is asked.
  if (line.size() > 5 && line[4] == ' ' && is_logged_in()) {
    std::uint32_t word = 0;
    std::memcpy(&word, line.data(), sizeof(word));
    constexpr std::uint32_t kSend = 0x646e6573;  // "send", little endian
    if ((word | 0x20202020U) == kSend) {
      const Done done = send(line.substr(5));
      if (done == Done::kYes && keeps_history()) history_.note_send(line);
      return done;
    }
  }
  const auto command = vscp::parse_link_command(line);
  if (!command) {
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) return Done::kYes;  // an empty line gets no answer
    count_command();
    refuse(answers::kUnknownCommand, command.error());
    return Done::kYes;
  }
  const Done done = run_command(*command);
  if (done == Done::kNotYet) return done;
  count_command();
  const auto verb = command->info->verb;
  // Nothing is kept for somebody who may be anybody: it would be memory for nothing.
  const bool is_kept = verb != vscp::LinkVerb::kRepeat && verb != vscp::LinkVerb::kUser && verb != vscp::LinkVerb::kPass;
  if (is_kept && keeps_history()) history_.add(line);
  return done;
}

void LinkSession::count_command() {
  worker().counters_mutable().commands.add();
  charge(kCommandCost);
}

// ---- dialects ---------------------------------------------------------------------------------------------------------------

vscp::WireFormat LinkSession::wire_format() const noexcept {
  if (binary_) return vscp::WireFormat::kFrame;
  return vscp::wire_format(user_->overrides.line_format.value_or(context_->config.line_format));
}

void LinkSession::answer(const Answer& answer) {
  if (binary_) {
    answer_frame(code_, answer.error);
  } else {
    reply_constant(answer.text);
  }
}

// What the client has not asked for.
void LinkSession::tell(const Answer& answer) {
  if (binary_) {
    confirm(0, 0, answer.error);
  } else {
    reply_constant(answer.text);
  }
}

// What waits is written anew in the other form, which takes its time: once per turn, so that others get theirs.
// REQUIRES: no send is running.
bool LinkSession::switch_dialect(bool binary) {
  const auto turn = static_cast<std::uint32_t>(worker().counters().turns.value());
  if (switched_in_turn_ == turn) {
    wait_to_publish();
    return false;
  }
  leave_loop();
  if (!binary) answer(answers::kOk);
  binary_ = binary;
  if (is_logged_in() && worker().fanout().change_format(*this, wire_format()) > 0) switched_in_turn_ = turn;
  if (binary) reply_constant(vscp::reply::kBinaryOn);
  return true;
}

// ---- login ------------------------------------------------------------------------------------------------------------------

void LinkSession::user(std::string_view name) {
  if (is_logged_in()) {
    answer(answers::kOk);
  } else if (take_user_name(name)) {
    answer(answers::kUserOk);
  }
}

bool LinkSession::take_user_name(std::string_view name) {
  if (name.empty() || name.size() > vscp::kUserNameMax) {
    refuse(answers::kBadParameter, vscp::Errc::kMissingField);
    return false;
  }
  extras().user_name = name;
  return true;
}

void LinkSession::pass(std::string_view password) {
  if (is_logged_in()) {
    answer(answers::kOk);
    return;
  }
  if (extras_ == nullptr || extras_->user_name.empty()) {
    refuse(answers::kNeedUser, vscp::Errc::kMissingField);
    return;
  }
  if (password.empty()) {
    refuse(answers::kBadParameter, vscp::Errc::kMissingField);
    close_after_flush();
    return;
  }
  LoginRequest request;
  request.user = extras_->user_name;
  request.password = password.substr(0, 1024);
  request.host = router::host_text(peer_.storage());
  request.delay_ms = context_->config.login_failure_delay_ms;
  request.delay_max_ms = context_->config.login_failure_delay_max_ms;
  router::Worker& home = worker();
  request.done = [&home, id = channel, serial = serial_](LoginResult result) {
    home.post(router::make_task([&home, id, serial, result = std::move(result)] {
      auto* session = static_cast<LinkSession*>(home.find_session(id));
      if (session != nullptr && session->serial() == serial && session->is_open()) session->on_login(result);
    }));
  };
  set_busy(true);
  if (!context_->logins->check(std::move(request))) {
    answer(answers::kBusy);
    close_after_flush();
  }
}

void LinkSession::on_login(const LoginResult& result) {
  const sockaddr_storage peer = peer_.storage();
  if (result.outcome == LoginOutcome::kAccepted &&
      !result.user->host_allowed(reinterpret_cast<const sockaddr*>(&peer))) {
    router::logf(LogLevel::kWarn, LogKind::kRefused, "user '%s' may not come from %s", extras_->user_name.c_str(),
                 router::address_text(peer_.storage()).c_str());
    worker().counters_mutable().login_failures.add();
    answer(answers::kBadPeer);
    close_after_flush();
    return;
  }
  if (result.outcome == LoginOutcome::kAccepted) {
    install_user(result);
    return;
  }
  if (result.outcome == LoginOutcome::kBusy) {
    answer(answers::kBusy);
    close_after_flush();
    return;
  }
  worker().counters_mutable().login_failures.add();
  router::logf(LogLevel::kWarn, LogKind::kLoginFailed, "login of '%s' from %s refused: %s", extras_->user_name.c_str(),
               router::address_text(peer_.storage()).c_str(),
               result.outcome == LoginOutcome::kBadHash ? "the stored password of this user is in no known form"
                                                        : "wrong user name or password");
  penalty_ = true;
  due_ns_ = worker().now_ns() + std::uint64_t{result.delay_ms} * 1'000'000;
  if (result.delay_ms == 0) {
    answer(answers::kBadLogin);
    close_after_flush();
  } else {
    update_deadline();
  }
}

// What the user has goes before what the listener has.
void LinkSession::apply_limits(const router::QueueLimits& of_user) {
  const LinkListenerConfig& config = context_->config;
  events_max = of_user.max_out_queue.value_or(config.max_out_queue);
  const std::uint64_t bytes = of_user.max_out_bytes.value_or(config.max_out_bytes.value_or(
      std::max(context_->router->settings().worker.fanout.log_bytes / 4, router::kQueueBytesMin)));
  bytes_max = bytes == 0 ? router::kNoLimit : bytes;
  set_limits({of_user.slow_consumer.value_or(config.slow_consumer),
              of_user.hold_producers_ms.value_or(config.hold_producers_ms)});
}

void LinkSession::install_user(const LoginResult& result) {
  user_ = std::shared_ptr<const router::User>(result.users, result.user);
  extras_->user_name.clear();
  drop_extras_if_unused();
  const auto& overrides = user_->overrides;
  apply_limits(overrides.queue);
  receives_own = overrides.receive_sent_events.value_or(context_->config.receive_sent_events);
  worker().counters_mutable().logins.add();
  router::logf(LogLevel::kInfo, LogKind::kLogin, "user '%s' logged in from %s, channel %u", user_->name.c_str(),
               router::address_text(peer_.storage()).c_str(), channel);
  // The queue of a session fills from here on, before the reply says so.
  worker().fanout().join(*this, join_filters(context_->config.out_filter, filter()), wire_format());
  answer(answers::kOk);
  update_deadline();
  set_busy(false);
}

}  // namespace drivers::link
