// Event buffers of one publishing thread.
//
// Thread rule: try_acquire() and give_back() belong to the owning thread; return_chain() may be called by any thread and is the
// only thing shared (a list that others push to and the owner takes whole).
#pragma once

#include <atomic>
#include <cstddef>

#include "router/base/slab.h"
#include "router/core/event_buf.h"

namespace router {

class EventPool {
 public:
  EventPool(ThreadIndex home, std::size_t capacity) noexcept : slab_(sizeof(EventBuf), capacity), home_(home) {}

  /// Null if every buffer is out. The buffer's event is indeterminate, its routing fields are reset.
  EventBuf* try_acquire() noexcept;
  /// The owner drops a buffer that nobody else holds.
  void give_back(EventBuf* buffer) noexcept { slab_.give(buffer); }
  /// Another thread sends home a chain of buffers linked by `next`. True if the owner ran dry and waits for them.
  bool return_chain(EventBuf* first, EventBuf* last) noexcept;
  /// Takes what others have returned; the owner calls it once per turn. Returns how many came.
  std::size_t collect_returns() noexcept;

  std::size_t capacity() const noexcept { return slab_.capacity(); }
  /// Buffers that are out, those on the return list included. Owner only.
  std::size_t in_use() const noexcept { return slab_.taken(); }

 private:
  Slab slab_;
  ThreadIndex home_;
  alignas(64) std::atomic<EventBuf*> returned_{nullptr};
  std::atomic<bool> dry_{false};
};

}  // namespace router
