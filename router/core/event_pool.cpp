#include "router/core/event_pool.h"

#include <cstring>

#include "router/base/slab.h"

namespace router {
namespace {

constexpr std::uint16_t kCarriedMax = vscp::kEventDataMax / sizeof(EventBuf*);

}  // namespace

void ReturnBatch::add(EventBuf* buffer) noexcept {
  if (first_ != nullptr && first_->carried < kCarriedMax) {
    std::memcpy(first_->event.data.data() + first_->carried * sizeof(buffer), &buffer, sizeof(buffer));
    ++first_->carried;
    return;
  }
  buffer->carried = 0;
  buffer->next = first_;
  first_ = buffer;
  if (last_ == nullptr) last_ = buffer;
}

EventPool::EventPool(ThreadIndex home, std::size_t capacity) noexcept
    : memory_(static_cast<EventBuf*>(map_memory(capacity * sizeof(EventBuf)))),
      free_(static_cast<EventBuf**>(map_memory(capacity * sizeof(EventBuf*)))),
      capacity_(capacity),
      home_(home) {}

EventPool::~EventPool() {
  unmap_memory(memory_, capacity_ * sizeof(EventBuf));
  unmap_memory(free_, capacity_ * sizeof(EventBuf*));
}

void* EventPool::take_slowly() noexcept {
  if (fresh_ < capacity_) return memory_ + fresh_++;
  // Say that we wait, then look: a thread that returns buffers pushes them, then reads the flag.
  dry_.store(true, std::memory_order_seq_cst);
  if (collect_returns() == 0) return nullptr;
  dry_.store(false, std::memory_order_relaxed);
  return free_[--free_count_];
}

bool EventPool::return_all(ReturnBatch& batch) noexcept {
  EventBuf* head = returned_.load(std::memory_order_relaxed);
  do {
    batch.last_->next = head;
    // Release: the owner must see everything the returning thread read before it reuses a buffer.
    // The success order is seq_cst because of dry_ (see take_slowly).
  } while (!returned_.compare_exchange_weak(head, batch.first_, std::memory_order_seq_cst, std::memory_order_relaxed));
  batch = {};
  return dry_.load(std::memory_order_seq_cst) && dry_.exchange(false, std::memory_order_relaxed);
}

std::size_t EventPool::collect_returns() noexcept {
  if (returned_.load(std::memory_order_seq_cst) == nullptr) return 0;
  // Taking the whole list at once leaves no room for the ABA problem.
  EventBuf* carrier = returned_.exchange(nullptr, std::memory_order_acquire);
  const std::size_t before = free_count_;
  while (carrier != nullptr) {
    EventBuf* next = carrier->next;
    std::memcpy(free_ + free_count_, carrier->event.data.data(), carrier->carried * sizeof(carrier));
    free_count_ += carrier->carried;
    free_[free_count_++] = carrier;
    carrier = next;
  }
  VR_ASSERT(free_count_ <= fresh_);
  return free_count_ - before;
}

}  // namespace router
