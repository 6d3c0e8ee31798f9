#include "router/core/worker.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "router/base/check.h"
#include "router/base/prefetch.h"
#include "router/core/event_port.h"
#include "router/core/stream_session.h"

namespace router {
namespace {

// A ring that has something to say for longer than this while the process stops is not listened to.
constexpr int kLastRounds = 1000;
// While a hold is on for a reader here, its reasons are looked at this often. The inbox is left alone meanwhile, and
// whoever puts something in there does not wake us.
constexpr std::uint64_t kOwnHoldReviewNs = 1'000'000;
// A report that cannot go out now is tried again so much later, if nothing happens before.
constexpr std::uint64_t kLossReviewNs = 10'000'000;

// Events of other threads lie in their caches: fetched while the events before them are encoded.
constexpr std::size_t kHeadAhead = 8;
constexpr std::size_t kDataAhead = 4;

void prefetch_head(const EventBuf& event) noexcept {
  prefetch_to_read(&event);
  prefetch_to_read(event.event.data.data());
}

void prefetch_data(const EventBuf& event) noexcept {
  for (std::size_t at = 64; at < event.event.data_size; at += 64) prefetch_to_read(event.event.data.data() + at);
}

}  // namespace

Worker::Worker(ThreadIndex index, const ThreadTable& threads, HoldState& hold, const WorkerSettings& settings,
               std::unique_ptr<Ring> ring, const Clock& clock, const vscp::Guid& server_guid, std::size_t pool_capacity)
    : EventThread(index, threads.size(), pool_capacity),
      threads_(&threads),
      hold_(&hold),
      settings_(settings),
      ring_(std::move(ring)),
      clock_(&clock),
      now_ns_(clock.monotonic_ns()),
      utc_ns_(clock.utc_ns()),
      timers_(now_ns_),
      fanout_(settings.fanout),
      publisher_(*this, threads),
      channels_(server_guid),
      out_blocks_(sizeof(OutBlock), settings.out_blocks),
      held_inputs_(sizeof(HeldInput), settings.held_inputs),
      holds_(hold),
      losses_(server_guid, static_cast<std::uint8_t>(index)),
      inbox_batch_(settings.inbox_batch_max) {
  VR_ASSERT(settings.held_inputs >= ring_->buffers_max());
  graveyard_.reserve(1024);
  fanout_.set_finder(
      [](void* self, std::uint32_t channel) noexcept -> Reader* { return static_cast<Worker*>(self)->find_owner(channel); },
      this);
}

Worker::~Worker() {
  VR_ASSERT(session_count_ == 0 && remote_count_ == 0 && graveyard_.empty());
}

// ---- turn -------------------------------------------------------------------------------------------------------------------

void Worker::run_once(bool may_sleep) noexcept {
  counters_.turns.add();
  now_ns_ = clock_->monotonic_ns();
  utc_ns_ = clock_->utc_ns();
  drain_inbox();
  if (withheld_.is_waiting()) review_promises();
  timers_.advance(now_ns_);
  begin_work();
  ring_->reap(settings_.reap_max);
  go_on_with_rounds();
  if (!holds_.is_empty() && holds_.review(now_ns_)) nudge_all();
  flush();
  std::uint64_t timeout_ns = 0;
  if (may_sleep && !has_work()) {
    timeout_ns = timers_.ns_until_next(now_ns_);
    if (settings_.overrun_events) {
      const std::uint64_t due_ns = losses_.ns_until_due(fanout_.counters().missed.value(), now_ns_);
      timeout_ns = std::min(timeout_ns, std::max(due_ns, kLossReviewNs));
    }
  }
  if (is_holding()) {
    ring_->submit_and_wait(std::min(timeout_ns, kOwnHoldReviewNs));
    return;
  }
  if (timeout_ns == 0 || !prepare_sleep()) {
    ring_->submit_and_wait(0);
    return;
  }
  counters_.sleeps.add();
  ring_->submit_and_wait(timeout_ns);
  finish_sleep();
}

void Worker::run() noexcept {
  while (!is_stopping()) run_once(true);
  // Let the last operations end, so that every session is buried before its worker.
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
    if (slots_[slot] != nullptr) slots_[slot]->abort();
  }
  while (session_count_ + remote_count_ > 0) {
    now_ns_ = clock_->monotonic_ns();
    ring_->submit_and_wait(1'000'000);
    ring_->reap(settings_.reap_max);
    flush();
  }
  while (auto task = inbox().pop_task()) task->run();
  // What was closed goes to the kernel, and who was accepted meanwhile is turned away.
  for (int round = 0; round < kLastRounds; ++round) {
    ring_->submit_and_wait(0);
    if (ring_->reap(settings_.reap_max) == 0) break;
  }
}

bool Worker::has_work() const noexcept {
  return is_stopping() || !waiting_round_.empty() || !dirty_.empty() || !outgoing_.empty() ||
         ((!blocked_.empty() || !taking_.empty()) && may_publish());
}

void Worker::drain_inbox() noexcept {
  // Not those that are posted meanwhile: a long piece of work that posts its own next step lets a turn pass in between.
  for (std::uint64_t tasks = inbox().tasks_waiting(); tasks > 0; --tasks) {
    if (auto task = inbox().pop_task()) task->run();
  }
  if (is_holding() || has_sends_left_) return;
  std::size_t taken = 0;
  // As many as certainly fit, again and again; mostly that is the whole batch.
  for (Amount room = turn_room(); room.bytes > 0; room = turn_room()) {
    const std::uint64_t fit = std::max<std::uint64_t>(room.bytes / vscp::kEventWireMax, 1);
    const std::size_t most = std::min({inbox_batch_.size(), room.events, fit});
    const std::size_t count = inbox().pop(std::span(inbox_batch_).first(most), producers_to_wake_);
    take_in(std::span(inbox_batch_).first(count));
    taken += count;
    if (count < most || taken >= inbox_batch_.size()) break;
  }
  for (std::size_t word = 0; word < producers_to_wake_.size(); ++word) {
    for (std::uint64_t bits = std::exchange(producers_to_wake_[word], 0); bits != 0; bits &= bits - 1) {
      (*threads_)[static_cast<ThreadIndex>(word * 64 + static_cast<unsigned>(__builtin_ctzll(bits)))].nudge();
    }
  }
}

void Worker::take_in(std::span<EventBuf* const> events) noexcept {
  counters_.events_inbox.add(events.size());
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (i + kHeadAhead < events.size()) prefetch_head(*events[i + kHeadAhead]);
    if (i + kDataAhead < events.size()) prefetch_data(*events[i + kDataAhead]);
    if (events[i]->event.vscp_class == LossReport::kClass) losses_.note_other(events[i]->event);
    deliver(events[i]);
  }
}

void Worker::tell_losses() noexcept {
  const std::uint64_t lost = fanout_.counters().missed.value();
  if (!settings_.overrun_events || !losses_.is_due(lost, events_so_far(), now_ns_) || !may_publish()) return;
  EventBuf* event = publisher_.try_acquire();
  if (event == nullptr) return;
  losses_.make(lost, events_so_far(), now_ns_, event->event);
  event->skip_channel = kNoChannel;
  event->only_channel = kNoChannel;
  counters_.overruns_told.add();
  publish(event);
}

void Worker::flush() noexcept {
  tell_losses();
  publisher_.flush();
  pool().collect_returns();
  // A session whose output went out may go on with input that waited, and publish to readers here: until nothing is left.
  std::uint32_t sends = 0;
  // Events go out before the replies to those who sent them; who was left over from the last turn goes before all.
  IntrusiveList<StreamSession, DirtyTag> repliers;
  if (!has_sends_left_) repliers.splice_back(dirty_);
  do {
    fanout_.flush();
    dirty_.splice_back(repliers);
    delivered_ = 0;
    flushed_bytes_ = fanout_.counters().encoded_bytes.value();
    for (; sends < settings_.sends_per_turn && !dirty_.empty(); ++sends) dirty_.pop_front()->pump();
  } while (fanout_.has_unflushed() && sends < settings_.sends_per_turn);
  IntrusiveList<EventPort, PortOutTag> outgoing;
  outgoing.splice_back(outgoing_);  // who asks again meanwhile comes in the next turn
  while (EventPort* port = outgoing.pop_front()) port->on_outgoing();
  has_sends_left_ = !dirty_.empty();
  publisher_.flush();
  if (!starved_.empty()) feed_starved();
  graveyard_.clear();
  fanout_.note_use();
  counters_.events_held.set(pool().taken());
  counters_.blocks.set(out_blocks_.taken());
  counters_.buffers_out.set(held_inputs_.taken());
}

// Buffers come back in turns only, so that a look at the end of each is enough.
void Worker::feed_starved() noexcept {
  IntrusiveList<StreamSession, WaitingTag> starved;
  starved.splice_back(starved_);
  while (StreamSession* session = starved.pop_front()) {
    if (ring_->can_receive(session->socket_)) {
      session->waits_for_ = WaitsFor::kNothing;
      session->start_recv();
    } else {
      starved_.push_back(*session);
    }
  }
}

// ---- events -----------------------------------------------------------------------------------------------------------------

void Worker::publish(EventBuf* event) noexcept {
  if (event->event.time_ns == 0) event->event.time_ns = utc_ns_;
  counters_.events_in.add();
  if (publisher_.publish(event)) deliver(event);
}

void Worker::find_keepers() {
  publisher_.find_keepers();
  if (publisher_.promises().any()) withheld_.reserve();
}

void Worker::wait_for_promise(std::uint64_t promise, std::uint32_t channel) noexcept {
  if (!withheld_.is_waiting()) publisher_.promises().has_lost();  // what was lost before is nobody's who waits now
  withheld_.enqueue(promise, channel);
}

void Worker::review_promises() noexcept {
  // What a keeper lost must not be acknowledged, and nobody knows whose it was.
  const bool lost = publisher_.promises().has_lost();
  const std::uint64_t kept = publisher_.promises().kept();
  for (;;) {
    const std::uint32_t next = withheld_.dequeue(lost ? ~std::uint64_t{0} : kept);
    if (next == kNoChannel) return;
    StreamSession* session = find_session(next);
    if (session == nullptr) continue;  // it has gone
    if (lost) {
      session->abort();
    } else {
      session->on_promise_kept(kept);
    }
  }
}

void Worker::deliver(EventBuf* event) noexcept {
  ++delivered_;
  if (event->only_channel == kNoChannel) {
    fanout_.deliver(*event);
  } else if (ChannelOwner* owner = find_owner(event->only_channel); owner != nullptr && owner->is_joined()) {
    fanout_.deliver_to(*owner, *event);
  } else {
    counters_.undeliverable.add();
  }
  publisher_.drop(event);
}

// Those that wait come before those that come with something new, but leave half of the turn to them.
void Worker::begin_work() noexcept {
  work_left_ = settings_.input_per_turn;
  ++round_;
  serving_ = true;
  retry_blocked();
  serve_ports();
  serve_round(work_left_ / 2);
  serving_ = false;
}

// Each port limits what it takes in a turn by itself (EventPort::acquire).
void Worker::serve_ports() noexcept {
  IntrusiveList<EventPort, PortTakeTag> taking;
  taking.splice_back(taking_);
  const std::size_t leave = work_left_ / 2;
  while (work_left_ > leave && may_publish()) {
    EventPort* port = taking.pop_front();
    if (port == nullptr) break;
    port->on_may_take();
  }
  // Who was not reached is first the next time.
  taking.splice_back(taking_);
  taking_.splice_back(taking);
}

// Whoever still has input gets another share, all of them the same number, while there is time.
void Worker::go_on_with_rounds() noexcept {
  serving_ = true;
  while (work_left_ > 0 && !waiting_round_.empty()) {
    ++round_;
    serve_round(0);
  }
  serving_ = false;
}

// Until no more than `work_left` is left. Who was not reached is first the next time.
void Worker::serve_round(std::size_t work_left) noexcept {
  IntrusiveList<StreamSession, WaitingTag> waiting;
  waiting.splice_back(waiting_round_);
  while (work_left_ > work_left) {
    StreamSession* session = waiting.pop_front();
    if (session == nullptr) break;
    session->waits_for_ = WaitsFor::kNothing;
    session->process_held();
  }
  waiting.splice_back(waiting_round_);
  waiting_round_.splice_back(waiting);
}

void Worker::retry_blocked() noexcept {
  if (blocked_.empty() || !may_publish()) return;
  IntrusiveList<StreamSession, WaitingTag> retry;
  retry.splice_back(blocked_);
  // Who was not reached is first the next time: nobody is served twice before the others were served once.
  while (may_publish()) {
    StreamSession* session = retry.pop_front();
    if (session == nullptr) break;
    session->waits_for_ = WaitsFor::kNothing;
    session->process_held();
  }
  retry.splice_back(blocked_);
  blocked_.splice_back(retry);
}

bool Worker::begin_hold(ChannelOwner& reader, std::uint32_t longest_ms, bool trusted) noexcept {
  if (!holds_.begin(reader, now_ns_, longest_ms, trusted)) return false;
  counters_.holds.add();
  return true;
}

void Worker::end_hold(ChannelOwner& reader) noexcept {
  if (holds_.end(reader, now_ns_)) nudge_all();
}

// Whoever waited for the end of a hold.
void Worker::nudge_all() noexcept {
  for (ThreadIndex index = 0; index < threads_->size(); ++index) {
    if (index != this->index()) (*threads_)[index].nudge();
  }
}

// ---- sessions ---------------------------------------------------------------------------------------------------------------

std::uint32_t Worker::take_channel(ChannelOwner& owner) noexcept {
  std::uint32_t slot = 0;
  if (!free_slots_.empty()) {
    std::pop_heap(free_slots_.begin(), free_slots_.end(), std::greater<>());
    slot = free_slots_.back();
    free_slots_.pop_back();
  } else if (slots_.size() < settings_.sessions_max) {
    slot = static_cast<std::uint32_t>(slots_.size());
    slots_.push_back(nullptr);
  } else {
    return kNoChannel;
  }
  slots_[slot] = &owner;
  count_channel(owner, true);
  return threads_->session_channel(index(), slot);
}

void Worker::release_channel(std::uint32_t channel) noexcept {
  const std::uint32_t slot = threads_->session_slot(channel);
  VR_ASSERT(slot < slots_.size() && slots_[slot] != nullptr);
  count_channel(*slots_[slot], false);
  slots_[slot] = nullptr;
  free_slots_.push_back(slot);
  std::push_heap(free_slots_.begin(), free_slots_.end(), std::greater<>());
}

void Worker::count_channel(ChannelOwner& owner, bool taken) noexcept {
  std::size_t& count = owner.as_session() != nullptr ? session_count_ : remote_count_;
  count = taken ? count + 1 : count - 1;
  counters_.sessions.set(session_count_);
  counters_.remotes.set(remote_count_);
}

ChannelOwner* Worker::find_owner(std::uint32_t channel) noexcept {
  if (channel <= threads_->helpers() || threads_->owner_of(channel) != index()) return nullptr;
  const std::uint32_t slot = threads_->session_slot(channel);
  return slot < slots_.size() ? slots_[slot] : nullptr;
}

void Worker::mark_dirty(StreamSession& session) noexcept {
  if (!static_cast<ListNode<DirtyTag>&>(session).is_linked()) dirty_.push_back(session);
}

// A session waits for one thing: once its input goes on it receives again by itself.
void Worker::wait_in(IntrusiveList<StreamSession, WaitingTag>& list, WaitsFor what, StreamSession& session) noexcept {
  auto& node = static_cast<ListNode<WaitingTag>&>(session);
  if (node.is_linked() && session.waits_for_ == what) return;
  node.unlink();
  session.waits_for_ = what;
  list.push_back(session);
}

void Worker::mark_waiting_round(StreamSession& session) noexcept {
  wait_in(waiting_round_, WaitsFor::kRound, session);
}

void Worker::mark_blocked(StreamSession& session) noexcept { wait_in(blocked_, WaitsFor::kLeave, session); }

void Worker::mark_starved(StreamSession& session) noexcept {
  if (!static_cast<ListNode<WaitingTag>&>(session).is_linked()) wait_in(starved_, WaitsFor::kBuffers, session);
}

void Worker::mark_taking(EventPort& port) noexcept {
  if (!static_cast<ListNode<PortTakeTag>&>(port).is_linked()) taking_.push_back(port);
}

void Worker::mark_outgoing(EventPort& port) noexcept {
  if (!static_cast<ListNode<PortOutTag>&>(port).is_linked()) outgoing_.push_back(port);
}

void Worker::bury(StreamSession& session) noexcept {
  if (session.channel != kNoChannel) release_channel(session.channel);
  graveyard_.emplace_back(&session);
}

}  // namespace router
