// All event threads of the process, and which of them owns a channel. Built before any of them runs, immutable afterwards.
#pragma once

#include <cstdint>
#include <vector>

#include "router/base/check.h"
#include "router/core/event_buf.h"

namespace router {

class EventThread;

/// Workers come first (0..workers-1), then helper threads, each of which has one channel.
///
/// Channel ids: helpers take 1..H, then sessions: H + 1 + n * workers + w is the n-th session slot of worker w, so that the owner
/// of a channel is found by arithmetic.
class ThreadTable {
 public:
  ThreadTable(ThreadIndex workers, ThreadIndex helpers) : threads_(std::size_t{workers} + helpers), workers_(workers) {
    VR_ASSERT(workers > 0 && threads_.size() <= kThreadsMax);
  }

  void set(ThreadIndex index, EventThread& thread) noexcept { threads_[index] = &thread; }
  EventThread& operator[](ThreadIndex index) const noexcept { return *threads_[index]; }
  ThreadIndex size() const noexcept { return static_cast<ThreadIndex>(threads_.size()); }
  ThreadIndex workers() const noexcept { return workers_; }
  ThreadIndex helpers() const noexcept { return static_cast<ThreadIndex>(threads_.size() - workers_); }

  std::uint32_t session_channel(ThreadIndex worker, std::uint32_t slot) const noexcept {
    return helpers() + 1U + slot * workers_ + worker;
  }
  std::uint32_t session_slot(std::uint32_t channel) const noexcept { return (channel - helpers() - 1U) / workers_; }
  std::uint32_t helper_channel(ThreadIndex thread) const noexcept { return thread - workers_ + 1U; }
  /// REQUIRES: channel != kNoChannel.
  ThreadIndex owner_of(std::uint32_t channel) const noexcept {
    if (channel <= helpers()) return static_cast<ThreadIndex>(workers_ + channel - 1U);
    return static_cast<ThreadIndex>((channel - helpers() - 1U) % workers_);
  }

 private:
  std::vector<EventThread*> threads_;
  ThreadIndex workers_;
};

}  // namespace router
