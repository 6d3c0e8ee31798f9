#include "router/core/event_pool.h"

#include <new>

namespace router {

EventBuf* EventPool::try_acquire() noexcept {
  void* slot = slab_.try_take();
  if (slot == nullptr) {
    // Say that we wait, then look: a thread that returns buffers pushes them, then reads the flag.
    dry_.store(true, std::memory_order_seq_cst);
    if (collect_returns() == 0) return nullptr;
    dry_.store(false, std::memory_order_relaxed);
    slot = slab_.try_take();
  }
  // The data bytes stay as they are: default-initialising the event would not touch them, value-initialising would.
  auto* buffer = ::new (slot) EventBuf;
  buffer->home = home_;
  return buffer;
}

bool EventPool::return_chain(EventBuf* first, EventBuf* last) noexcept {
  EventBuf* head = returned_.load(std::memory_order_relaxed);
  do {
    last->next = head;
    // Release: the owner must see everything the returning thread read before it reuses the buffer.
    // The success order is seq_cst because of dry_ (see try_acquire).
  } while (!returned_.compare_exchange_weak(head, first, std::memory_order_seq_cst, std::memory_order_relaxed));
  return dry_.load(std::memory_order_seq_cst) && dry_.exchange(false, std::memory_order_relaxed);
}

std::size_t EventPool::collect_returns() noexcept {
  if (returned_.load(std::memory_order_seq_cst) == nullptr) return 0;
  // Taking the whole list at once leaves no room for the ABA problem.
  EventBuf* buffer = returned_.exchange(nullptr, std::memory_order_acquire);
  std::size_t count = 0;
  while (buffer != nullptr) {
    EventBuf* next = buffer->next;
    slab_.give(buffer);
    buffer = next;
    ++count;
  }
  return count;
}

}  // namespace router
