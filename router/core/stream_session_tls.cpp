// A session's TLS: between the bytes of the socket and those that the session processes or sends.
#include <utility>

#include "router/core/stream_session.h"
#include "router/io/tls.h"

namespace router {

void StreamSession::start_tls() noexcept {
  tls()->start();
  if (tls()->has_output()) worker_->mark_dirty(*this);
}

bool StreamSession::is_shaking_hands() const noexcept {
  return encrypted_ && tls()->state() == TlsStream::State::kHandshake;
}

// ---- input
// ------------------------------------------------------------------------------------------------------------------

// What a record says may be more than the session processes now. Then one byte of the input is kept back with all that
// follows it, though it has been fed: so the session has held input as long as something waits.
std::size_t StreamSession::process_tls(std::span<const char> bytes) noexcept {
  TlsStream& stream = *tls();
  std::size_t done = stream.keeps_fed_byte ? 1 : 0;
  while (state_ == State::kOpen) {
    if (stream.plain().empty()) {
      stream.keeps_fed_byte = false;
      if (done == bytes.size()) return done;
      if (stream.state() == TlsStream::State::kHandshake && !may_shake_hands()) return done;
      done += feed_tls(stream, bytes.subspan(done));
      continue;
    }
    stream.consume_plain(process_plain(stream.plain()));
    if (stream.plain().empty() || state_ != State::kOpen) {
      charge(kRecordCost);  // behind its bytes, so that a little is done at once as without TLS
      continue;
    }
    stream.keep_plain();
    stream.keeps_fed_byte = true;
    return done - 1;
  }
  stream.consume_plain(stream.plain().size());
  return bytes.size();
}

std::size_t StreamSession::feed_tls(TlsStream& stream, std::span<const char> bytes) noexcept {
  const TlsStream::State before = stream.state();
  const bool had_output = stream.has_output();
  const std::uint32_t silent_before = stream.silent_records();
  const std::size_t fed = stream.feed(bytes);
  const bool answers = stream.has_output() && !had_output;
  if (before == TlsStream::State::kHandshake) {
    charge(answers ? kHandshakeCost : fed);
  } else if (const std::uint32_t silent = stream.silent_records() - silent_before; silent > 0) {
    charge(silent * kSilentCost);
  } else if (stream.plain().empty()) {
    charge(fed);
  }
  if (answers) worker_->mark_dirty(*this);
  if (stream.state() == before) {
    if (before == TlsStream::State::kHandshake) on_handshake_begun();
    return fed;
  }
  switch (stream.state()) {
    case TlsStream::State::kHandshake:
      break;
    case TlsStream::State::kOpen:
      worker_->mark_dirty(*this);  // what was said meanwhile waits
      on_secured();
      break;
    case TlsStream::State::kEnded:
      end_seen_ = true;
      break;
    case TlsStream::State::kFailed:
      fail_tls();
      break;
  }
  return fed;
}

// Not even a little is done at once, as it is with other input: each client costs more than thousands of events.
bool StreamSession::may_shake_hands() noexcept {
  share_of(0);
  if (!share_used_ && !worker_->has_others_waiting() && worker_->work_left() > 0) return true;
  worker_->mark_waiting_round(*this);
  return false;
}

// ---- output
// -----------------------------------------------------------------------------------------------------------------

bool StreamSession::has_tls_output() const noexcept {
  return tls()->has_output();
}

bool StreamSession::must_pump_tls() const noexcept {
  return tls()->has_output() || !tls()->may_write();
}

void StreamSession::pump_tls() noexcept {
  const std::span<const char> bytes = tls()->output();
  if (bytes.empty()) {
    after_progress();
    return;
  }
  out_in_flight_ = static_cast<std::uint32_t>(bytes.size());
  events_in_flight_ = 0;
  send_in_flight_ = true;
  const iovec range{const_cast<char*>(bytes.data()), bytes.size()};
  worker_->ring().start_send(socket_, {&range, 1}, *this);
}

void StreamSession::encrypt(std::span<const iovec> ranges) noexcept {
  take_sent(tls()->write(ranges));
  if (tls()->state() == TlsStream::State::kFailed) fail_tls();
  pump_tls();
}

void StreamSession::take_tls_sent(std::size_t sent) noexcept {
  tls()->consume_output(sent);
}

// ---- end
// --------------------------------------------------------------------------------------------------------------------

// True: the last word has yet to go out.
bool StreamSession::close_tls() noexcept {
  return tls()->close();
}

// What was wrong has a last word for the peer; nothing else can be said to it.
void StreamSession::fail_tls() noexcept {
  on_tls_failed(tls()->problem());
  close_after_flush();
  loop_open_ = false;
  drop_replies();
  worker_->mark_dirty(*this);
}

void StreamSession::drop_replies() noexcept {
  if (tls()->may_write()) return;
  replies_.clear(worker_->out_blocks());
  if (withheld_ != WithheldTable::kNone) worker_->withheld().give(std::exchange(withheld_, WithheldTable::kNone));
}

}  // namespace router
