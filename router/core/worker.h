// One pinned thread with its own ring: it runs sessions, decodes what they send, fans events out to them.
//
// A turn (run_once) is the same in production and simulation:
//   1 read the clock   2 take tasks and events from the inbox   3 fire timers   4 reap completions (sessions parse and publish)
//   5 flush: publisher, fan-out, then every session that has something to send   6 submit; sleep if there is nothing to do
//
// Thread rule: everything belongs to the worker's thread unless it says otherwise.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "router/base/clock.h"
#include "router/base/counters.h"
#include "router/base/intrusive_list.h"
#include "router/base/slab.h"
#include "router/core/channel_map.h"
#include "router/core/channel_owner.h"
#include "router/core/event_thread.h"
#include "router/core/fanout.h"
#include "router/core/held_queue.h"
#include "router/core/hold.h"
#include "router/core/loss_report.h"
#include "router/core/publisher.h"
#include "router/core/reply_queue.h"
#include "router/core/timer_wheel.h"
#include "router/core/turn_budget.h"
#include "router/core/withheld.h"
#include "router/io/ring.h"

namespace router {

class EventPort;
class StreamSession;
struct DirtyTag;
struct PortOutTag;
struct PortTakeTag;
struct WaitingTag;

/// One writer (the worker), any reader. Names as printed by STAT and vscpctl.
struct WorkerCounters {
  Counter turns;
  Counter sleeps;
  Counter accepted;
  Counter refused;
  Counter sessions;
  Counter remotes;          ///< other owners of channels
  Counter events_in;        ///< from sessions
  Counter events_inbox;     ///< from other threads
  Counter events_out;       ///< event lines completely sent
  Counter bytes_in;
  Counter bytes_out;
  Counter commands;
  Counter bad_commands;
  Counter bad_events;
  Counter bad_frames;       ///< what could not be told as a frame: the session was closed
  Counter logins;
  Counter login_failures;
  Counter input_pauses;     ///< times a sender was not read for lack of credit, buffers or because of a hold
  Counter holds;            ///< times senders were held back for a reader that was behind
  Counter overruns_told;    ///< events that said that readers have lost some
  Counter slow_closed;      ///< sessions closed by the disconnect policy
  Counter timeouts;
  Counter duplicates;       ///< events of bridges that had come before
  Counter tls_handshakes;   ///< of clients, that were finished
  Counter tls_failures;     ///< clients with which there was no TLS, or none where they wanted it
  Counter events_refused;   ///< no room in a spool that promises to keep them
  Counter undeliverable;    ///< events for a destination interface that has gone
  Counter events_held;      ///< event buffers of this worker that are out, as of the last turn
  Counter blocks;           ///< 4 KiB blocks in use, as of the last turn
  Counter buffers_out;      ///< receive buffers that are not with the kernel, likewise
};

/// What a session with something to do waits for; it is in the worker's list of those that do.
enum class WaitsFor : std::uint8_t { kNothing, kBuffers, kLeave, kRound };

struct WorkerSettings {
  FanoutSettings fanout;
  std::uint32_t sessions_max = 200'000;
  std::uint32_t reap_max = 1024;           ///< completions per turn
  std::uint32_t inbox_batch_max = 1024;    ///< events taken from the inbox per turn
  std::uint32_t input_per_turn = 512U << 10U;   ///< bytes of sessions' input processed per turn
  std::uint32_t input_per_round = 64U << 10U;   ///< of them of one session, before the others have had as much; below 1 MiB
  std::uint32_t sends_per_turn = 256;      ///< sessions that are sent to; the others come first in the next turn
  std::size_t out_blocks = 65'536;         ///< 4 KiB blocks for replies and waiting input, taken lazily
  std::size_t held_inputs = 65'536;
  bool overrun_events = false;             ///< tell by an event when readers have lost some
};

class Worker final : public EventThread {
 public:
  /// The ring is bound to the thread that first calls run_once().
  Worker(ThreadIndex index, const ThreadTable& threads, HoldState& hold, const WorkerSettings& settings,
         std::unique_ptr<Ring> ring, const Clock& clock, const vscp::Guid& server_guid, std::size_t pool_capacity);
  ~Worker() override;

  const Interest* interest() const noexcept override { return &fanout_.interest(); }
  const WorkerCounters& counters() const noexcept { return counters_; }
  const FanoutCounters& fanout_counters() const noexcept { return fanout_.counters(); }

  /// One turn. With `may_sleep`, sleeps in the end until there is something to do.
  void run_once(bool may_sleep) noexcept;
  /// Turns until request_stop(); the thread's main function.
  void run() noexcept;
  /// Any thread.
  void request_stop() noexcept {
    stop_.store(true, std::memory_order_release);
    nudge();
  }

  bool is_stopping() const noexcept { return stop_.load(std::memory_order_acquire); }

  // For sessions and drivers, on this worker's thread.
  Ring& ring() noexcept { return *ring_; }
  TimerWheel& timers() noexcept { return timers_; }
  Fanout& fanout() noexcept { return fanout_; }
  Publisher& publisher() noexcept { return publisher_; }
  ChannelMap& channels() noexcept { return channels_; }
  WorkerCounters& counters_mutable() noexcept { return counters_; }
  const ThreadTable& threads() const noexcept { return *threads_; }
  HoldState& hold() noexcept { return *hold_; }
  Slab& out_blocks() noexcept { return out_blocks_; }
  const Slab& held_inputs() const noexcept { return held_inputs_; }
  HeldMemory held_memory() noexcept { return {out_blocks_, held_inputs_, *ring_}; }
  std::uint64_t now_ns() const noexcept { return now_ns_; }  ///< monotonic, constant during a turn
  std::uint64_t utc_ns() const noexcept { return utc_ns_; }  ///< likewise

  /// Whether an event may be taken in now; false while another thread gives no credit, a hold is on, or the readers here
  /// must first get what has come.
  bool may_publish() const noexcept {
    return publisher_.is_ready() && !hold_->is_on() && turn_room().bytes > 0 && !has_sends_left_ && !withheld_.is_full();
  }
  /// Readers that can hold the senders back tell their limits to it.
  TurnBudget& turn_budget() noexcept { return budget_; }
  /// A reader here holds the senders back: what lies in the inbox stays there.
  bool is_holding() const noexcept { return !holds_.is_empty(); }
  /// Takes the buffer over: fills in time if the event has none, delivers it here and to the other threads.
  void publish(EventBuf* event) noexcept;

  /// The number of the last event given to a keeper (router/core/keeper.h); whether it has left this thread.
  std::uint64_t promised() const noexcept { return publisher_.promises().given(); }
  bool is_on_its_way(std::uint64_t promise) const noexcept { return promise <= publisher_.promises().marked(); }
  /// Calls on_promise_kept() of the channel's session when everything up to this number is safe.
  void wait_for_promise(std::uint64_t promise, std::uint32_t channel) noexcept;
  WithheldTable& withheld() noexcept { return withheld_; }
  /// Before run_once(), once all threads are known.
  void find_keepers();

  /// A slot: its channel id is unique in the process while its owner has it. kNoChannel if sessions_max are there.
  std::uint32_t take_channel(ChannelOwner& owner) noexcept;
  void release_channel(std::uint32_t channel) noexcept;
  ChannelOwner* find_owner(std::uint32_t channel) noexcept;
  /// Null also if the owner is no session.
  StreamSession* find_session(std::uint32_t channel) noexcept {
    ChannelOwner* owner = find_owner(channel);
    return owner != nullptr ? owner->as_session() : nullptr;
  }
  /// 1, 2, 3 ... on this worker.
  std::uint64_t next_serial() noexcept { return ++serial_; }
  std::size_t session_count() const noexcept { return session_count_; }
  template <typename Function>
  void for_each_session(Function function) {
    visit_slots(0, slots_.size(), function);
  }
  /// The sessions in up to `count` slots from `first` on; returns the next slot, 0 if there is none.
  template <typename Function>
  std::size_t visit_slots(std::size_t first, std::size_t count, const Function& function) {
    std::size_t slot = first;
    for (; slot < slots_.size() && slot - first < count; ++slot) {
      StreamSession* session = slots_[slot] != nullptr ? slots_[slot]->as_session() : nullptr;
      if (session != nullptr) function(*session);
    }
    return slot < slots_.size() ? slot : 0;
  }

  /// Sends at the end of this turn.
  void mark_dirty(StreamSession& session) noexcept;
  // Shares of the work in a turn (see StreamSession).
  std::uint16_t round() const noexcept { return round_; }
  std::size_t input_per_turn() const noexcept { return settings_.input_per_turn; }
  std::size_t input_per_round() const noexcept { return settings_.input_per_round; }
  std::size_t work_left() const noexcept { return work_left_; }
  void charge_work(std::size_t bytes) noexcept { work_left_ = bytes + kWorkLeast > work_left_ ? 0 : work_left_ - bytes; }
  /// Sessions that came earlier wait for their share, so that a session comes behind them unless it is its turn.
  bool has_others_waiting() const noexcept { return !serving_ && !waiting_round_.empty(); }
  /// Goes on with the session's held input in the next round.
  void mark_waiting_round(StreamSession& session) noexcept;
  /// Tries the session's held input again in the next turn in which events may be taken in.
  void mark_blocked(StreamSession& session) noexcept;
  /// Starts receiving again when receive buffers are free.
  void mark_starved(StreamSession& session) noexcept;
  /// The port has something that it could not take in.
  void mark_taking(EventPort& port) noexcept;
  /// The port looks for events to be sent at the end of this turn, or of the next.
  void mark_outgoing(EventPort& port) noexcept;
  /// Senders everywhere are held back until the reader has caught up or its time is over, and ChannelOwner::on_hold_over()
  /// is called. False if no hold is to be had (see Holds).
  bool begin_hold(ChannelOwner& reader, std::uint32_t longest_ms, bool trusted) noexcept;
  /// The reader closes while it holds.
  void end_hold(ChannelOwner& reader) noexcept;
  /// Deletes the session at the end of the turn; it has no operation in flight.
  void bury(StreamSession& session) noexcept;

 private:
  void wake() noexcept override { ring_->wake(); }
  void drain_inbox() noexcept;
  void take_in(std::span<EventBuf* const> events) noexcept;
  void deliver(EventBuf* event) noexcept;
  void wait_in(IntrusiveList<StreamSession, WaitingTag>& list, WaitsFor what, StreamSession& session) noexcept;
  void begin_work() noexcept;
  void go_on_with_rounds() noexcept;
  void serve_round(std::size_t work_left) noexcept;
  void retry_blocked() noexcept;
  void serve_ports() noexcept;
  void feed_starved() noexcept;
  void nudge_all() noexcept;
  void flush() noexcept;
  void tell_losses() noexcept;
  void count_channel(ChannelOwner& owner, bool taken) noexcept;
  void review_promises() noexcept;
  std::uint64_t events_so_far() const noexcept { return counters_.events_in.value() + counters_.events_inbox.value(); }
  bool has_work() const noexcept;
  /// What may still be delivered before the next flush: both numbers, or nothing.
  Amount turn_room() const noexcept {
    const Amount& most = budget_.size();
    const std::uint64_t bytes = fanout_.counters().encoded_bytes.value() - flushed_bytes_;
    if (delivered_ >= most.events || bytes >= most.bytes) return {};
    return {most.events - delivered_, most.bytes - bytes};
  }

  const ThreadTable* threads_;
  HoldState* hold_;
  WorkerSettings settings_;
  std::unique_ptr<Ring> ring_;
  const Clock* clock_;
  std::uint64_t now_ns_;
  std::uint64_t utc_ns_;
  TimerWheel timers_;
  Fanout fanout_;
  Publisher publisher_;
  ChannelMap channels_;
  Slab out_blocks_;
  Slab held_inputs_;
  std::vector<ChannelOwner*> slots_;         ///< by slot
  std::vector<std::uint32_t> free_slots_;    ///< min-heap: the lowest free id is used first
  std::size_t session_count_ = 0;
  std::size_t remote_count_ = 0;
  std::uint64_t serial_ = 0;
  IntrusiveList<StreamSession, DirtyTag> dirty_;
  IntrusiveList<StreamSession, WaitingTag> blocked_;
  IntrusiveList<StreamSession, WaitingTag> waiting_round_;
  IntrusiveList<StreamSession, WaitingTag> starved_;
  IntrusiveList<EventPort, PortTakeTag> taking_;
  IntrusiveList<EventPort, PortOutTag> outgoing_;
  std::vector<std::unique_ptr<StreamSession>> graveyard_;
  Holds holds_;
  TurnBudget budget_;
  LossReport losses_;
  WithheldTable withheld_;
  std::uint64_t delivered_ = 0;      ///< events since the last flush
  std::uint64_t flushed_bytes_ = 0;  ///< FanoutCounters::encoded_bytes at the last flush
  std::uint16_t round_ = 0;
  static constexpr std::size_t kWorkLeast = 512;
  std::size_t work_left_ = 0;    ///< bytes of input that may still be processed in this turn
  bool serving_ = false;         ///< those that waited go on
  bool has_sends_left_ = false;  ///< the last flush did not come to all; they get what they have before something new comes
  std::vector<EventBuf*> inbox_batch_;
  std::array<std::uint64_t, kThreadsMax / 64> producers_to_wake_{};
  WorkerCounters counters_;
  std::atomic<bool> stop_{false};
};

}  // namespace router
