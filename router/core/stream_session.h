// One stream peer of a worker: receives into the ring's buffers, parses where the bytes lie, sends replies and event lines.
// The protocol on top (drivers/link) derives from it.
//
// Life: start() -> open -> flushing (no more input; what is queued goes out) -> lingering (we have said goodbye and wait for the peer's, so that
// the last reply is not lost to a reset) -> closing (operations end) -> deleted by the worker at the end of a turn.
//
// Fairness: in each round of its worker a session may process input for so many bytes; the rest waits for the next round, in
// which everybody who waits has the same share. Who asks for little does not wait.
//
// Back-pressure: input that cannot be processed now (no credit, a hold, replies not taken, an answer pending) is put aside; beyond some
// KiB the socket is not read any more. It is copied out of the receive buffers, which all sessions of the worker share: a
// buffer that waited for one peer would be missing to the others.
//
// TLS (stream_session_tls.cpp): what is received is decrypted record by record, and put aside still encrypted if it cannot be
// processed; what is gathered for a send is encrypted into memory of its own, and counts as sent from then on.
//
// Thread rule: the worker's thread. Ownership: the worker, from start() on.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "router/base/intrusive_list.h"
#include "router/core/channel_owner.h"
#include "router/core/slow_consumer.h"
#include "router/core/timer_wheel.h"
#include "router/core/worker.h"
#include "router/io/ring.h"

namespace router {

class TlsStream;

struct SessionFigures {
  std::uint64_t events_in = 0;
  std::uint64_t events_out = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
};

/// One row of a list of sessions.
struct SessionInfo {
  std::uint32_t channel = 0;
  ThreadIndex worker = 0;
  std::string user;
  std::string peer;
  std::string listener;
  std::string mode;
  vscp::Guid guid;
  std::uint64_t since_utc_ns = 0;
  SessionFigures figures;
  std::uint64_t queued = 0;   ///< events waiting
  std::uint64_t queued_bytes = 0;
  std::uint64_t dropped = 0;
  SlowConsumer slow_consumer = SlowConsumer::kDropLowestPriority;
  std::string pace;  ///< how the reader keeps up: "", "holding", "slow"
};

/// What happens to a session that falls behind; how far it may is in Reader.
struct StreamLimits {
  SlowConsumer slow_consumer = SlowConsumer::kDropLowestPriority;
  std::uint32_t hold_ms = 500;  ///< at most 65535: longest time that senders are held back for this reader
};

class StreamSession : public OpOwner,
                      public ChannelOwner,
                      public Timer,
                      public ListNode<DirtyTag>,
                      public ListNode<WaitingTag> {
 public:
  StreamSession(Worker& worker, Socket socket, const StreamLimits& limits) noexcept;
  ~StreamSession() override;
  StreamSession(const StreamSession&) = delete;
  StreamSession& operator=(const StreamSession&) = delete;

  /// Begins to receive. The worker owns the session from here on.
  void start() noexcept;
  /// The process stops: sends what is queued (at most for `patience_ns`), then closes.
  void drain(std::uint64_t patience_ns) noexcept;

  /// Fills in what operators see of the session.
  virtual void describe(SessionInfo& info) noexcept;
  const SessionFigures& figures() const noexcept { return figures_; }
  std::uint64_t started_utc_ns() const noexcept { return started_utc_ns_; }
  bool is_open() const noexcept { return state_ == State::kOpen; }
  bool has_caught_up() const noexcept final {
    return !is_joined() || !worker_->fanout().lag(*this).exceeds(limit_share(1, 4));
  }
  std::uint64_t bytes_taken() const noexcept final { return figures_.bytes_out; }
  void on_hold_over(bool caught_up) noexcept final;
  /// Closes without sending anything more.
  void abort() noexcept final;
  StreamSession* as_session() noexcept final { return this; }

 protected:
  /// Processes bytes and returns how many it is done with. Fewer than all means that it cannot go on now; then it has either called
  /// wait_to_publish(), or set_busy(), or is_congested() or is_share_used() is true, and the rest will be given again.
  virtual std::size_t on_input(std::span<const char> bytes) noexcept = 0;
  /// A deadline set by set_deadline() has passed.
  virtual void on_deadline(std::uint64_t now_ns) noexcept = 0;
  /// The session leaves the open state.
  virtual void on_closing() noexcept {}
  /// The session has been too slow under the disconnect policy: say so and close_after_flush().
  virtual void on_too_slow() noexcept { abort(); }
  /// Output went out and the session is not congested: whoever was making a long reply goes on with it.
  virtual void on_progress() noexcept {}

  /// Before start(): the session speaks TLS. Who calls this has a tls(), as long as the session lives.
  void use_tls() noexcept { encrypted_ = true; }
  virtual TlsStream* tls() const noexcept { return nullptr; }
  /// TLS: the handshake is not over. Replies wait.
  bool is_shaking_hands() const noexcept;
  /// TLS: bytes of a handshake have come that is not over yet, so that it holds memory. Called for each piece.
  virtual void on_handshake_begun() noexcept {}
  /// TLS: the handshake is over.
  virtual void on_secured() noexcept {}
  /// TLS: it cannot go on, and the session closes. `why` as in TlsStream::problem().
  virtual void on_tls_failed(std::string_view why) noexcept { static_cast<void>(why); }

  Worker& worker() noexcept { return *worker_; }
  const Worker& worker() const noexcept { return *worker_; }
  void reply(std::string_view text) noexcept;
  /// The same for a text that lives as long as the process; often needs no memory.
  void reply_constant(std::string_view text) noexcept;
  /// Replies that the peer has not taken fill their allowance: process nothing more until it reads.
  bool is_congested() const noexcept { return replies_.size() > kOutBytesMax; }
  bool has_unsent_replies() const noexcept { return !replies_.empty(); }
  std::size_t out_room() const noexcept { return kOutBytesMax - std::min(kOutBytesMax, replies_.size()); }
  void wait_to_publish() noexcept;
  /// Publishes; if the event goes to a keeper, what is replied from now on waits until it is safe.
  void publish_event(EventBuf* event) noexcept;
  /// What is answered from now on waits until all that this worker has published so far is safe.
  void wait_for_promises() noexcept {
    if (worker_->promised() != 0) withhold_replies(worker_->promised());
  }
  /// Work that costs as much as so many bytes of events more; input is charged by itself.
  void charge(std::size_t bytes) noexcept;
  /// Others come first now.
  bool is_share_used() const noexcept { return share_used_; }
  /// While busy no input is processed (an answer is being worked out elsewhere).
  void set_busy(bool busy) noexcept;
  bool is_busy() const noexcept { return busy_; }
  /// Input waits that we do not go on with now.
  bool has_held_input() const noexcept { return !held_.empty(); }
  void set_limits(const StreamLimits& limits) noexcept {
    slow_consumer_ = limits.slow_consumer;
    hold_ms_ = static_cast<std::uint16_t>(limits.hold_ms);
    update_pace();
  }
  /// The peer has asked for events.
  void note_reading() noexcept { worker_->fanout().note_reading(*this); }
  /// The session is in the receive loop, or not.
  void set_in_loop(bool in) noexcept;
  /// Event lines go out (true) or wait (false).
  void open_loop(bool open) noexcept;
  /// Sends what is queued, then closes.
  void close_after_flush() noexcept;
  void set_deadline(std::uint64_t due_ns) noexcept { worker_->timers().start(*this, due_ns); }
  std::uint64_t last_input_ns() const noexcept { return last_input_ns_; }
  SessionFigures& figures_mutable() noexcept { return figures_; }

 private:
  friend class Worker;
  enum class State : std::uint8_t { kOpen, kFlushing, kLingering, kClosing };
  static constexpr std::size_t kWorkUnit = 16;
  static constexpr std::size_t kOutBytesMax = 64U << 10U;
  static constexpr std::size_t kEventBytesPerSend = 256U << 10U;
  static constexpr std::size_t kRangesPerSend = 48;
  static constexpr std::uint32_t kHeldBytesMax = 16U << 10U;  ///< more is not received
  static constexpr std::size_t kLittle = 512;                 ///< input that is processed in any case, once per round
  static constexpr std::uint64_t kLingerNs = 1'000'000'000;
  /// A step of a handshake, in bytes of input: so few of them fit into a turn that a flood of clients makes nobody wait.
  static constexpr std::size_t kHandshakeCost = 128U << 10U;
  /// A record, beside the bytes in it: somebody may send each byte in one of its own.
  static constexpr std::size_t kRecordCost = 256;
  static constexpr std::size_t kSilentCost = 8192;  ///< one that says nothing: new keys are made

  // OpOwner, Timer, Reader.
  void on_completion(const Completion& completion) noexcept final;
  void on_timer(std::uint64_t now_ns) noexcept final;
  void on_events_waiting() noexcept final;
  void on_overrun() noexcept final;
  void on_behind() noexcept final;
  void take_rest_of_line(std::span<const char> rest) noexcept final;

  void on_received(const Completion& completion) noexcept;
  void on_sent(const Completion& completion) noexcept;
  void take_sent(std::size_t sent) noexcept;
  std::size_t process(std::span<const char> bytes) noexcept {
    return encrypted_ ? process_tls(bytes) : process_plain(bytes);
  }
  std::size_t process_plain(std::span<const char> bytes) noexcept;
  std::size_t share_of(std::size_t bytes) noexcept;
  void hold_input(const Completion& completion, std::size_t done) noexcept;
  void process_held() noexcept;
  void end_of_input() noexcept;
  void start_recv() noexcept;
  void withhold_replies(std::uint64_t promise) noexcept;
  /// Everything up to this number is safe.
  void on_promise_kept(std::uint64_t kept) noexcept;
  std::size_t free_reply_bytes() const noexcept {
    return withheld_ == WithheldTable::kNone ? replies_.size() : worker_->withheld()[withheld_].free;
  }
  void pump() noexcept;

  // TLS.
  void start_tls() noexcept;
  std::size_t process_tls(std::span<const char> bytes) noexcept;
  std::size_t feed_tls(TlsStream& stream, std::span<const char> bytes) noexcept;
  bool may_shake_hands() noexcept;
  bool has_tls_output() const noexcept;
  bool must_pump_tls() const noexcept;
  void pump_tls() noexcept;
  void encrypt(std::span<const iovec> ranges) noexcept;
  void take_tls_sent(std::size_t sent) noexcept;
  bool close_tls() noexcept;
  void fail_tls() noexcept;
  /// Those that TLS can never take.
  void drop_replies() noexcept;
  void after_reply(bool queued) noexcept;
  void after_progress() noexcept;
  bool wants_events() const noexcept;
  bool has_output() const noexcept;
  void enter(State state) noexcept;
  void finish() noexcept;
  void bury_if_idle() noexcept;
  void update_pace() noexcept;

  Worker* worker_;
  Socket socket_;
  State state_ : 2 = State::kOpen;
  SlowConsumer slow_consumer_ : 6;
  bool recv_armed_ : 1 = false;
  bool recv_cancelled_ : 1 = false;
  bool end_seen_ : 1 = false;
  WaitsFor waits_for_ : 2 = WaitsFor::kNothing;  ///< whose list of the worker it is in
  bool share_used_ : 1 = false;
  bool busy_ : 1 = false;
  bool processing_ : 1 = false;
  bool send_in_flight_ : 1 = false;
  bool waiting_writable_ : 1 = false;
  bool events_first_ : 1 = false;
  bool loop_open_ : 1 = false;
  bool broken_ : 1 = false;
  bool too_slow_ : 1 = false;
  bool holding_ : 1 = false;
  bool slow_ : 1 = false;     ///< had a hold in vain, or could have none; gets no new one until it has caught up
  bool trusted_ : 1 = false;  ///< its last hold was worth it
  bool paced_ : 1 = false;    ///< its limit counts for the worker's turns
  bool encrypted_ : 1 = false;
  std::uint16_t hold_ms_;
  std::uint16_t round_ = 0;      ///< of the worker, in which the session last processed input
  std::uint16_t round_work_ = 0; ///< what it did then, in units of kWorkUnit
  WithheldTable::Place withheld_ = WithheldTable::kNone;  ///< replies wait for a promise
  std::uint32_t out_in_flight_ = 0;
  std::uint32_t events_in_flight_ = 0;
  HeldQueue held_;
  ReplyQueue replies_;
  std::uint64_t last_input_ns_;
  std::uint64_t started_utc_ns_;
  SessionFigures figures_;
};

}  // namespace router
