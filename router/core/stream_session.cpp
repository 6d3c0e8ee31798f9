#include "router/core/stream_session.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "router/base/check.h"
#include "router/base/log.h"

namespace router {

StreamSession::StreamSession(Worker& worker, Socket socket, const StreamLimits& limits) noexcept
    : worker_(&worker),
      socket_(socket),
      slow_consumer_(limits.slow_consumer),
      hold_ms_(static_cast<std::uint16_t>(limits.hold_ms)),
      last_input_ns_(worker.now_ns()),
      started_utc_ns_(worker.utc_ns()) {
  update_pace();
}

StreamSession::~StreamSession() {
  VR_ASSERT(!recv_armed_ && !send_in_flight_ && !waiting_writable_ && !is_joined());
}

void StreamSession::start() noexcept {
  if (encrypted_) start_tls();
  start_recv();
}

void StreamSession::start_recv() noexcept {
  recv_armed_ = true;
  recv_cancelled_ = false;
  worker_->ring().start_recv(socket_, *this);
}

void StreamSession::on_completion(const Completion& completion) noexcept {
  switch (completion.kind) {
    case OpKind::kRecv:
      on_received(completion);
      break;
    case OpKind::kSend:
      on_sent(completion);
      break;
    case OpKind::kWritable:
      waiting_writable_ = false;
      if (state_ == State::kClosing) {
        bury_if_idle();
      } else {
        worker_->mark_dirty(*this);
      }
      break;
    case OpKind::kAccept:
    case OpKind::kConnect:
    case OpKind::kEvent:
      break;
  }
}

// ---- input ------------------------------------------------------------------------------------------------------------------

void StreamSession::on_received(const Completion& completion) noexcept {
  if (!completion.more) recv_armed_ = false;
  if (completion.has_buffer && (state_ != State::kOpen || completion.result <= 0)) {
    worker_->ring().release_buffer(completion.buffer_id);
  } else if (completion.has_buffer) {
    last_input_ns_ = worker_->now_ns();
    figures_.bytes_in += completion.bytes.size();
    worker_->counters_mutable().bytes_in.add(completion.bytes.size());
    const std::size_t done = !held_.empty() || busy_ ? 0 : process(completion.bytes);
    if (done < completion.bytes.size() && state_ == State::kOpen) {
      hold_input(completion, done);
    } else {
      worker_->ring().release_buffer(completion.buffer_id);
    }
  }
  if (state_ == State::kClosing) {
    bury_if_idle();
    return;
  }
  if (completion.result > 0) {
    if (end_seen_) {
      end_of_input();  // TLS has an end of its own
    } else if (!recv_armed_ && held_.empty()) {
      start_recv();  // multishot ended, though all is well
    }
    return;
  }
  if (completion.result == -ENOBUFS) {
    if (held_.empty()) worker_->mark_starved(*this);  // else it goes on when what is held is done
  } else if (completion.result == -ECANCELED) {
    if (held_.empty() && !recv_armed_ && !end_seen_) start_recv();  // the reason for pausing is gone already
  } else if (completion.result == 0) {
    end_of_input();
  } else {
    abort();
  }
}

// What the session may process of so many bytes in this round.
std::size_t StreamSession::share_of(std::size_t bytes) noexcept {
  if (round_ != worker_->round()) {
    round_ = worker_->round();
    round_work_ = 0;
    share_used_ = false;
  }
  if (share_used_) return 0;
  if (round_work_ == 0 && bytes <= kLittle) return bytes;
  if (worker_->has_others_waiting()) return 0;
  const std::size_t own = worker_->input_per_round() - round_work_ * kWorkUnit;
  return std::min({bytes, own, worker_->work_left()});
}

void StreamSession::charge(std::size_t bytes) noexcept {
  worker_->charge_work(bytes);
  const std::size_t work = round_work_ + (bytes + kWorkUnit - 1) / kWorkUnit;
  const std::size_t most = worker_->input_per_round() / kWorkUnit;
  round_work_ = static_cast<std::uint16_t>(std::min(work, most));
  share_used_ = share_used_ || work + kLittle / kWorkUnit > most;  // what is left is not worth a cut
}

std::size_t StreamSession::process_plain(std::span<const char> bytes) noexcept {
  const std::size_t share = share_of(bytes.size());
  std::size_t done = 0;
  if (share > 0) {
    processing_ = true;
    done = on_input(bytes.first(share));
    processing_ = false;
    charge(done);
  }
  const bool is_stopped_by_share = (done == share || share_used_) && waits_for_ != WaitsFor::kLeave;
  if (done < bytes.size() && is_stopped_by_share && state_ == State::kOpen && !busy_) worker_->mark_waiting_round(*this);
  return done;
}

void StreamSession::hold_input(const Completion& completion, std::size_t done) noexcept {
  // What waits for its turn or the end of a hold is processed where it lies, unless the others need the buffer.
  // Of many handshakes each waits long.
  const bool soon = (waits_for_ == WaitsFor::kRound || waits_for_ == WaitsFor::kLeave) && !is_shaking_hands() &&
                    !worker_->ring().are_buffers_scarce(socket_);
  const auto place = soon ? HeldQueue::Place::kBuffer : HeldQueue::Place::kCopy;
  const auto rest = completion.bytes.subspan(done);
  const bool is_free = held_.append(worker_->held_memory(), rest, completion.buffer_id, place);
  const std::size_t most = soon ? worker_->input_per_turn() : kHeldBytesMax;
  if ((held_.size() >= most || (!is_free && !soon)) && recv_armed_ && !recv_cancelled_) {
    recv_cancelled_ = true;
    worker_->ring().cancel(socket_, *this, OpKind::kRecv);
  }
}

void StreamSession::process_held() noexcept {
  if (processing_) return;
  while (!held_.empty() && !busy_ && state_ == State::kOpen) {
    const std::size_t done = process(held_.front());
    if (state_ != State::kOpen || !held_.consume(worker_->held_memory(), done)) break;
  }
  if (state_ == State::kClosing) bury_if_idle();
  if (state_ != State::kOpen || !held_.empty()) return;
  if (end_seen_) {
    end_of_input();
  } else if (!recv_armed_ && waits_for_ != WaitsFor::kBuffers) {
    start_recv();
  }
}

// The peer has closed its side: what it sent before is still carried out and answered.
void StreamSession::end_of_input() noexcept {
  end_seen_ = true;
  if (state_ == State::kLingering) {
    finish();
  } else if (state_ == State::kOpen && held_.empty() && !busy_) {
    close_after_flush();
  }
}

void StreamSession::wait_to_publish() noexcept {
  worker_->counters_mutable().input_pauses.add();
  worker_->mark_blocked(*this);
}

void StreamSession::publish_event(EventBuf* event) noexcept {
  const std::uint64_t before = worker_->promised();
  worker_->publish(event);
  if (worker_->promised() != before) withhold_replies(worker_->promised());
}

void StreamSession::set_busy(bool busy) noexcept {
  busy_ = busy;
  if (busy || state_ != State::kOpen) return;
  if (!held_.empty()) {
    process_held();
  } else if (end_seen_) {
    end_of_input();
  }
}

// ---- output -----------------------------------------------------------------------------------------------------------------

void StreamSession::reply(std::string_view text) noexcept {
  if (state_ == State::kClosing || state_ == State::kLingering) return;
  after_reply(replies_.append(worker_->out_blocks(), text));
}

void StreamSession::reply_constant(std::string_view text) noexcept {
  if (state_ == State::kClosing || state_ == State::kLingering) return;
  after_reply(replies_.append_constant(worker_->out_blocks(), text));
}

void StreamSession::withhold_replies(std::uint64_t promise) noexcept {
  WithheldTable& table = worker_->withheld();
  if (withheld_ != WithheldTable::kNone) {
    Withheld& mine = table[withheld_];
    mine.add(promise, replies_.size(), worker_->is_on_its_way(mine.promise));
    return;
  }
  withheld_ = table.take(promise, replies_.size());
  worker_->wait_for_promise(promise, channel);
}

void StreamSession::on_promise_kept(std::uint64_t kept) noexcept {
  WithheldTable& table = worker_->withheld();
  if (withheld_ == WithheldTable::kNone || state_ == State::kClosing) return;
  if (table[withheld_].settle(kept)) {
    table.give(std::exchange(withheld_, WithheldTable::kNone));
  } else {
    worker_->wait_for_promise(table[withheld_].promise, channel);
  }
  worker_->mark_dirty(*this);
}

void StreamSession::after_reply(bool queued) noexcept {
  if (queued) {
    worker_->mark_dirty(*this);
    return;
  }
  logf(LogLevel::kError, LogKind::kResource, "no memory for replies: closing channel %u", channel);
  abort();
}

void StreamSession::take_rest_of_line(std::span<const char> rest) noexcept {
  // Half a line cannot be left out. Not closed here: the fan-out is in the middle of something.
  if (!replies_.put_in_front(worker_->out_blocks(), {rest.data(), rest.size()})) broken_ = true;
  if (withheld_ != WithheldTable::kNone) worker_->withheld()[withheld_].put_in_front(rest.size());
  if (state_ != State::kClosing) worker_->mark_dirty(*this);
}

bool StreamSession::wants_events() const noexcept {
  return loop_open_ && is_joined() && (state_ == State::kOpen || state_ == State::kFlushing);
}

bool StreamSession::has_output() const noexcept {
  return free_reply_bytes() > 0 || (wants_events() && worker_->fanout().has_waiting(*this)) ||
         (encrypted_ && has_tls_output());
}

void StreamSession::set_in_loop(bool in) noexcept {
  in_loop = in;
  update_pace();
}

void StreamSession::open_loop(bool open) noexcept {
  loop_open_ = open;
  if (open) worker_->mark_dirty(*this);
}

void StreamSession::on_events_waiting() noexcept {
  if (wants_events()) worker_->mark_dirty(*this);
}

// One send per turn: replies and event lines together; events go first while a line is half out.
void StreamSession::pump() noexcept {
  if (too_slow_ && state_ == State::kOpen && !send_in_flight_) on_too_slow();
  if (send_in_flight_ || waiting_writable_ || state_ == State::kClosing || state_ == State::kLingering) return;
  Fanout& fanout = worker_->fanout();
  const bool events = wants_events();
  if (!events && is_joined()) fanout.finish_line(*this);
  if (broken_) {
    logf(LogLevel::kError, LogKind::kResource, "no memory for half a line: closing channel %u", channel);
    abort();
    return;
  }
  if (encrypted_ && must_pump_tls()) {
    pump_tls();
    return;
  }
  events_first_ = is_joined() && fanout.is_inside_line(*this);

  std::array<iovec, kRangesPerSend> ranges;
  std::size_t count = 0;
  Fanout::Gathered gathered;
  const auto add_events = [&] {
    if (!events) return;
    gathered = fanout.gather(*this, std::span(ranges).subspan(count), kEventBytesPerSend);
    count += gathered.ranges;
  };
  std::size_t out_bytes = 0;
  const auto add_replies = [&] {
    // Leaves at least half of the ranges to the events.
    if (count < kRangesPerSend / 2) {
      count += replies_.gather(std::span(ranges).subspan(count, kRangesPerSend / 2 - count), free_reply_bytes(), out_bytes);
    }
  };
  if (events_first_) {
    add_events();
    add_replies();
  } else {
    add_replies();
    add_events();
  }
  if (count == 0) {
    after_progress();
    return;
  }
  out_in_flight_ = static_cast<std::uint32_t>(out_bytes);
  events_in_flight_ = static_cast<std::uint32_t>(gathered.bytes);
  if (encrypted_) {
    encrypt({ranges.data(), count});
    return;
  }
  send_in_flight_ = true;
  worker_->ring().start_send(socket_, {ranges.data(), count}, *this);
}

// So many bytes of what was gathered are out.
void StreamSession::take_sent(std::size_t sent) noexcept {
  std::size_t of_events = events_first_ ? std::min<std::size_t>(sent, events_in_flight_)
                                        : sent - std::min<std::size_t>(sent, out_in_flight_);
  replies_.consume(worker_->out_blocks(), sent - of_events);
  if (withheld_ != WithheldTable::kNone) worker_->withheld()[withheld_].consume(sent - of_events);
  if (is_sending()) {
    const std::uint32_t events = worker_->fanout().finish_send(*this, of_events);
    figures_.events_out += events;
    worker_->counters_mutable().events_out.add(events);
  }
}

void StreamSession::on_sent(const Completion& completion) noexcept {
  send_in_flight_ = false;
  const bool failed = completion.result < 0 && completion.result != -EAGAIN;
  const std::size_t sent = completion.result > 0 ? static_cast<std::size_t>(completion.result) : 0;
  const std::size_t asked = std::size_t{out_in_flight_} + events_in_flight_;
  if (encrypted_) {
    take_tls_sent(sent);
  } else {
    take_sent(sent);
  }
  figures_.bytes_out += sent;
  worker_->counters_mutable().bytes_out.add(sent);
  if (state_ == State::kClosing) {
    finish();
    return;
  }
  if (failed) {
    abort();
    return;
  }
  if (sent < asked) {
    // The socket is full. A poll pins no memory of ours while the peer does not read.
    waiting_writable_ = true;
    worker_->ring().start_wait_writable(socket_, *this);
    return;
  }
  after_progress();
  if (has_output()) worker_->mark_dirty(*this);
}

// Output went out, or there was none: go on with what waited for that.
void StreamSession::after_progress() noexcept {
  if (slow_ && is_joined() && !worker_->fanout().has_waiting(*this)) {
    slow_ = false;
    update_pace();
  }
  if (state_ == State::kOpen) {
    if (is_congested()) return;
    on_progress();
    if (!held_.empty() && !busy_ && state_ == State::kOpen) process_held();
  } else if (state_ == State::kFlushing && !has_output() && replies_.empty() && !send_in_flight_) {
    if (encrypted_ && close_tls()) {
      worker_->mark_dirty(*this);
    } else if (end_seen_) {
      finish();
    } else {
      enter(State::kLingering);
    }
  }
}

// ---- slow reader ------------------------------------------------------------------------------------------------------------

void StreamSession::on_overrun() noexcept {
  Fanout& fanout = worker_->fanout();
  if (slow_consumer_ == SlowConsumer::kDisconnect && in_loop) {
    if (too_slow_ || state_ != State::kOpen) return;
    worker_->counters_mutable().slow_closed.add();
    logf(LogLevel::kWarn, LogKind::kSlowConsumer, "channel %u reads too slowly: closed", channel);
    too_slow_ = true;  // closed in pump(): the fan-out is in the middle of its readers
    worker_->mark_dirty(*this);
    return;
  }
  // Down to three quarters, so that the work of dropping is paid once per quarter and not per event.
  // Who has never asked is a sender: what is kept by priority lies scattered over the log, and fills it for nobody's good.
  const bool by_priority = slow_consumer_ == SlowConsumer::kDropLowestPriority && has_read();
  const bool is_reading = wants_events() && !waiting_writable_;
  const std::uint32_t dropped = is_reading ? fanout.drop_to(*this, limit_share(3, 4), by_priority)
                                           : fanout.drop_aside(*this, limit_share(3, 4), by_priority);
  if (in_loop && dropped > 0) {
    logf(LogLevel::kWarn, LogKind::kSlowConsumer, "channel %u reads too slowly: %u events dropped", channel, dropped);
  }
}

void StreamSession::on_behind() noexcept {
  if (holding_ || slow_ || hold_ms_ == 0 || state_ != State::kOpen) return;
  holding_ = worker_->begin_hold(*this, hold_ms_, trusted_);
  slow_ = !holding_;
  update_pace();
}

// Whether a hold would help this reader, and whether turns must be small enough for one to come in time.
void StreamSession::update_pace() noexcept {
  no_hold = holding_ || slow_ || hold_ms_ == 0;
  const bool paced = in_loop && state_ == State::kOpen && !slow_ && hold_ms_ != 0;
  if (paced == paced_) return;
  paced_ = paced;
  if (paced) {
    worker_->turn_budget().add(limit());
  } else {
    worker_->turn_budget().remove(limit());
  }
}

void StreamSession::on_hold_over(bool caught_up) noexcept {
  holding_ = false;
  slow_ = !caught_up;
  trusted_ = caught_up;
  update_pace();
}

void StreamSession::describe(SessionInfo& info) noexcept {
  info.channel = channel;
  info.worker = worker_->index();
  info.since_utc_ns = started_utc_ns_;
  info.figures = figures_;
  info.dropped = events_dropped();
  info.slow_consumer = slow_consumer_;
  info.pace = holding_ ? "holding" : slow_ ? "slow" : "";
  if (!is_joined()) return;
  const Amount waiting = worker_->fanout().count_waiting(*this);
  info.queued = waiting.events;
  info.queued_bytes = waiting.bytes;
}

// ---- end --------------------------------------------------------------------------------------------------------------------

void StreamSession::on_timer(std::uint64_t now_ns) noexcept {
  if (state_ == State::kOpen) {
    on_deadline(now_ns);
  } else {
    finish();
  }
}

void StreamSession::enter(State state) noexcept {
  if (state_ == State::kOpen) on_closing();
  state_ = state;
  update_pace();
  if (state == State::kLingering) {
    worker_->ring().shutdown_send(socket_);
    worker_->fanout().leave(*this);
    if (!recv_armed_ && waits_for_ != WaitsFor::kBuffers) start_recv();
    set_deadline(worker_->now_ns() + kLingerNs);
  }
}

void StreamSession::close_after_flush() noexcept {
  if (state_ != State::kOpen) return;
  enter(State::kFlushing);
  if (!is_sending()) {
    if (is_joined()) worker_->fanout().finish_line(*this);
    worker_->fanout().leave(*this);
  }
  loop_open_ = false;
  if (encrypted_) drop_replies();
  held_.clear(worker_->held_memory());
  // A peer that does not read its last reply is not waited for longer than this.
  set_deadline(worker_->now_ns() + kLingerNs * 5);
  worker_->mark_dirty(*this);
}

void StreamSession::drain(std::uint64_t patience_ns) noexcept {
  if (state_ != State::kOpen) return;
  enter(State::kFlushing);
  if (encrypted_) drop_replies();
  held_.clear(worker_->held_memory());
  loop_open_ = loop_open_ || in_loop;  // no time left for a pause before the first event
  set_deadline(worker_->now_ns() + patience_ns);
  worker_->mark_dirty(*this);
}

void StreamSession::abort() noexcept {
  if (state_ != State::kClosing) finish();
}

void StreamSession::finish() noexcept {
  if (state_ != State::kClosing) {
    enter(State::kClosing);
    worker_->timers().stop(*this);
    ListNode<DirtyTag>::unlink();
    ListNode<WaitingTag>::unlink();
    held_.clear(worker_->held_memory());
    if (recv_armed_ && !recv_cancelled_) {
      recv_cancelled_ = true;
      worker_->ring().cancel(socket_, *this, OpKind::kRecv);
    }
    if (waiting_writable_) worker_->ring().cancel(socket_, *this, OpKind::kWritable);
    if (holding_) {
      holding_ = false;
      worker_->end_hold(*this);
    }
  }
  bury_if_idle();
}

void StreamSession::bury_if_idle() noexcept {
  if (recv_armed_ || send_in_flight_ || waiting_writable_ || processing_ || socket_ < 0) return;
  worker_->fanout().leave(*this);
  replies_.clear(worker_->out_blocks());
  if (withheld_ != WithheldTable::kNone) worker_->withheld().give(std::exchange(withheld_, WithheldTable::kNone));
  worker_->ring().close(socket_);
  socket_ = -1;
  worker_->bury(*this);
}

}  // namespace router
