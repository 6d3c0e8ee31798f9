#include "router/core/publisher.h"

#include <algorithm>

#include "router/base/check.h"

namespace router {

Publisher::Publisher(EventThread& self, const ThreadTable& threads)
    : self_(&self), threads_(&threads), stages_(threads.size()), returns_(threads.size()) {
  for (ThreadIndex index = 0; index < threads.size(); ++index) {
    if (index != self.index()) stages_[index] = std::make_unique<Stage>();
  }
}

bool Publisher::publish(EventBuf* event) noexcept {
  const ThreadIndex self = self_->index();
  if (event->birth == 0) event->birth = ++births_ * 2 + 1;
  if (event->only_channel != kNoChannel) {
    const ThreadIndex owner = threads_->owner_of(event->only_channel);
    event->holders.store(1, std::memory_order_relaxed);
    if (owner == self) return true;
    stage(owner, event);
    if (promises_.any()) promises_.note_staged({&owner, 1});
    return false;
  }
  ThreadIndex wanted[kThreadsMax];
  std::uint32_t count = 0;
  bool here = false;
  for (ThreadIndex index = 0; index < threads_->size(); ++index) {
    const Interest* interest = (*threads_)[index].interest();
    if (interest == nullptr || !interest->wants(event->event.vscp_class)) continue;
    if (index == self) {
      here = true;
    } else {
      wanted[count++] = index;
    }
  }
  if (count == 0 && !here) {
    self_->pool().give_back(event);
    return false;
  }
  // Relaxed: the queue's release makes it visible together with the event.
  event->holders.store(count + (here ? 1U : 0U), std::memory_order_relaxed);
  for (std::uint32_t i = 0; i < count; ++i) stage(wanted[i], event);
  if (promises_.any()) promises_.note_staged({wanted, count});
  return here;
}

void Publisher::find_keepers() {
  std::vector<std::pair<ThreadIndex, const KeptCounts*>> keepers;
  for (ThreadIndex index = 0; index < threads_->size(); ++index) {
    if (const KeptCounts* counts = (*threads_)[index].kept_counts(); counts != nullptr) keepers.emplace_back(index, counts);
  }
  promises_.set_keepers(self_->index(), keepers);
}

void Publisher::stage(ThreadIndex receiver, EventBuf* event) noexcept {
  Stage& to = *stages_[receiver];
  VR_ASSERT(to.count < kStageMax);
  to.events[to.count++] = event;
  ++staged_count_;
  if (to.count == kStageMax) {
    ++full_count_;
    push_stage(receiver);
  }
}

void Publisher::push_stage(ThreadIndex receiver) noexcept {
  Stage& from = *stages_[receiver];
  if (from.count == 0) return;
  EventThread& thread = (*threads_)[receiver];
  const std::size_t pushed = thread.inbox().push(self_->index(), {from.events.data(), from.count});
  if (pushed == 0) return;
  if (from.count == kStageMax) --full_count_;
  std::move(from.events.begin() + static_cast<std::ptrdiff_t>(pushed), from.events.begin() + from.count,
            from.events.begin());
  from.count -= static_cast<std::uint32_t>(pushed);
  staged_count_ -= static_cast<std::uint32_t>(pushed);
  thread.notify();
}

void Publisher::drop(EventBuf* event) noexcept {
  // Acquire-release: whoever reuses the buffer must see that all holders are done with it. A single holder is the last one.
  if (event->holders.load(std::memory_order_acquire) != 1 &&
      event->holders.fetch_sub(1, std::memory_order_acq_rel) != 1) {
    return;
  }
  if (event->home == self_->index()) {
    self_->pool().give_back(event);
    return;
  }
  returns_[event->home].add(event);
}

void Publisher::flush() noexcept {
  if (promises_.any()) promises_.mark();
  if (staged_count_ > 0) {
    for (ThreadIndex index = 0; index < threads_->size(); ++index) {
      if (stages_[index] != nullptr) push_stage(index);
    }
  }
  for (ThreadIndex index = 0; index < threads_->size(); ++index) {
    if (returns_[index].empty()) continue;
    EventThread& home = (*threads_)[index];
    if (home.pool().return_all(returns_[index])) home.nudge();
  }
}

}  // namespace router
