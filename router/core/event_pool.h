// Event buffers of one publishing thread.
//
// Thread rule: try_acquire() and give_back() belong to the owning thread; return_all() may be called by any thread and is the
// only thing shared (a list that others push to and the owner takes whole).
#pragma once

#include <atomic>
#include <cstddef>
#include <new>

#include "router/base/check.h"
#include "router/base/prefetch.h"
#include "router/core/event_buf.h"

namespace router {

/// Buffers of one pool on their way home. Nobody reads their events any more, so some of them carry the addresses of many
/// others there: neither the sender nor the owner has to touch each one. One thread.
class ReturnBatch {
 public:
  void add(EventBuf* buffer) noexcept;
  bool empty() const noexcept { return first_ == nullptr; }

 private:
  friend class EventPool;
  EventBuf* first_ = nullptr;  ///< the one being filled
  EventBuf* last_ = nullptr;
};

class EventPool {
 public:
  EventPool(ThreadIndex home, std::size_t capacity) noexcept;
  ~EventPool();
  EventPool(const EventPool&) = delete;
  EventPool& operator=(const EventPool&) = delete;

  /// Null if every buffer is out. The buffer's event is indeterminate, its routing fields are reset.
  EventBuf* try_acquire() noexcept {
    void* slot = nullptr;
    if (free_count_ > 0) {
      slot = free_[--free_count_];
      if (free_count_ >= kHeadAhead) prefetch_head(*free_[free_count_ - kHeadAhead]);
      if (free_count_ >= kDataAhead) prefetch_data(*free_[free_count_ - kDataAhead]);
    } else if (slot = take_slowly(); slot == nullptr) {
      return nullptr;
    }
    // The data bytes stay as they are: default-initialising the event would not touch them, value-initialising would.
    auto* buffer = ::new (slot) EventBuf;
    buffer->home = home_;
    return buffer;
  }
  /// The owner drops a buffer that nobody else holds.
  void give_back(EventBuf* buffer) noexcept {
    VR_ASSERT(free_count_ < fresh_);
    free_[free_count_++] = buffer;
  }
  /// Another thread sends buffers home; the batch is empty then. True if the owner ran dry and waits for them.
  bool return_all(ReturnBatch& batch) noexcept;
  /// Takes what others have returned; the owner calls it once per turn. Returns how many came.
  std::size_t collect_returns() noexcept;

  std::size_t capacity() const noexcept { return capacity_; }
  /// The buffer's number in this pool, 0..capacity-1.
  std::size_t index_of(const EventBuf& buffer) const noexcept { return static_cast<std::size_t>(&buffer - memory_); }
  /// Buffers that are out, those included that others have returned since the last collect_returns().
  std::size_t taken() const noexcept { return fresh_ - free_count_; }
  /// Buffers that are out, those on the return list included. Owner only.
  std::size_t in_use() const noexcept { return fresh_ - free_count_; }

 private:
  /// A buffer that comes from another thread lies in that one's cache: fetched this many before its turn, as much of it
  /// as the last event in it had data.
  static constexpr std::size_t kHeadAhead = 8;
  static constexpr std::size_t kDataAhead = 3;
  static void prefetch_head(const EventBuf& buffer) noexcept {
    prefetch_to_write(&buffer);
    prefetch_to_write(buffer.event.data.data());
  }
  static void prefetch_data(const EventBuf& buffer) noexcept {
    for (std::size_t at = 64; at < buffer.event.data_size; at += 64) prefetch_to_write(buffer.event.data.data() + at);
  }
  void* take_slowly() noexcept;

  EventBuf* memory_;
  EventBuf** free_;  ///< last in, first out
  std::size_t free_count_ = 0;
  std::size_t fresh_ = 0;  ///< buffers from here on were never used, so their pages are not resident
  std::size_t capacity_;
  ThreadIndex home_;
  alignas(64) std::atomic<EventBuf*> returned_{nullptr};
  std::atomic<bool> dry_{false};
};

}  // namespace router
