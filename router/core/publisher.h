// One thread's way to give events to all others: tests their interest, stages pointers per receiver, pushes them in batches.
//
// Thread rule: the owning thread. Ownership: publish() takes the buffer over.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "router/base/counters.h"
#include "router/core/event_thread.h"
#include "router/core/keeper.h"
#include "router/core/thread_table.h"

namespace router {

class Publisher {
 public:
  Publisher(EventThread& self, const ThreadTable& threads);

  /// False while some receiver's staging is full: its inbox gave no credit. Ask before taking an event in.
  bool is_ready() const noexcept { return full_count_ == 0; }
  /// Null if the pool is empty; the pool is sized so that this means somebody holds on to events.
  EventBuf* try_acquire() noexcept { return self_->pool().try_acquire(); }

  /// Gives the event to every other thread that wants its class (or, with only_channel set, to the thread of that channel). Returns whether this
  /// thread is to deliver it too; if so it must call drop() when it is done. Otherwise the buffer is gone.
  /// REQUIRES: is_ready().
  bool publish(EventBuf* event) noexcept;
  /// Gives up this thread's hold of an event, its own or a received one.
  void drop(EventBuf* event) noexcept;

  /// Pushes what is staged and sends dropped buffers home; once per turn.
  void flush() noexcept;
  /// Once all threads are known: looks which of them are keepers.
  void find_keepers();
  /// What is promised by publishing, and how much of that is kept.
  Promises& promises() noexcept { return promises_; }
  const Promises& promises() const noexcept { return promises_; }
  /// Whether a keeper that wants events of this class has no room: the event must not be accepted.
  bool is_refused(std::uint16_t vscp_class) const noexcept {
    if (!promises_.any()) return false;
    return promises_.is_refused([&](ThreadIndex thread) { return (*threads_)[thread].interest()->wants(vscp_class); });
  }
  /// Whether something could not be pushed for lack of credit.
  bool has_staged() const noexcept { return staged_count_ > 0; }

 private:
  static constexpr std::uint32_t kStageMax = 256;
  struct Stage {
    std::uint32_t count = 0;
    std::array<EventBuf*, kStageMax> events;
  };
  void stage(ThreadIndex receiver, EventBuf* event) noexcept;
  void push_stage(ThreadIndex receiver) noexcept;

  EventThread* self_;
  const ThreadTable* threads_;
  std::vector<std::unique_ptr<Stage>> stages_;  ///< by receiver; null for ourselves
  std::vector<ReturnBatch> returns_;            ///< by home thread
  Promises promises_;
  std::uint64_t births_ = 0;
  std::uint32_t staged_count_ = 0;
  std::uint32_t full_count_ = 0;
};

}  // namespace router
