#include "router/core/held_queue.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "router/base/check.h"
#include "router/core/reply_queue.h"

namespace router {
namespace {

constexpr std::size_t kBytesPerBlock = sizeof(OutBlock) - sizeof(HeldInput);

}  // namespace

void HeldQueue::push_back(HeldInput* held) noexcept {
  held->next = last_ == nullptr ? held : last_->next;
  if (last_ != nullptr) last_->next = held;
  last_ = held;
}

// Returns what found no room.
std::span<const char> HeldQueue::copy(const HeldMemory& memory, std::span<const char> bytes) noexcept {
  while (!bytes.empty()) {
    std::size_t room = 0;
    if (last_ != nullptr && last_->copied) {
      const char* end = reinterpret_cast<const char*>(last_) + sizeof(OutBlock);
      room = static_cast<std::size_t>(end - (last_->bytes + last_->size));
    }
    if (room == 0) {
      void* block = memory.blocks.try_take();
      if (block == nullptr) return bytes;
      auto* held = ::new (block) HeldInput;
      held->bytes = reinterpret_cast<const char*>(held + 1);
      held->copied = true;
      push_back(held);
      room = kBytesPerBlock;
    }
    const std::size_t size = std::min(room, bytes.size());
    std::memcpy(const_cast<char*>(last_->bytes) + last_->size, bytes.data(), size);
    last_->size += static_cast<std::uint32_t>(size);
    bytes = bytes.subspan(size);
  }
  return bytes;
}

bool HeldQueue::append(const HeldMemory& memory, std::span<const char> bytes, std::uint16_t buffer_id,
                       Place place) noexcept {
  size_ += static_cast<std::uint32_t>(bytes.size());
  const std::span<const char> rest = place == Place::kCopy ? copy(memory, bytes) : bytes;
  if (rest.empty()) {
    memory.ring.release_buffer(buffer_id);
    return true;
  }
  void* slot = memory.slots.try_take();
  VR_ASSERT(slot != nullptr);  // one per receive buffer
  auto* held = ::new (slot) HeldInput;
  held->bytes = rest.data();
  held->size = static_cast<std::uint32_t>(rest.size());
  held->buffer_id = buffer_id;
  push_back(held);
  return false;
}

bool HeldQueue::consume(const HeldMemory& memory, std::size_t bytes) noexcept {
  HeldInput* first = last_->next;
  VR_ASSERT(bytes <= first->size);
  first->bytes += bytes;
  first->size -= static_cast<std::uint32_t>(bytes);
  size_ -= static_cast<std::uint32_t>(bytes);
  if (first->size > 0) return false;
  if (first == last_) {
    last_ = nullptr;
  } else {
    last_->next = first->next;
  }
  if (first->copied) {
    memory.blocks.give(first);
  } else {
    memory.ring.release_buffer(first->buffer_id);
    memory.slots.give(first);
  }
  return true;
}

void HeldQueue::clear(const HeldMemory& memory) noexcept {
  while (!empty()) consume(memory, front().size());
}

}  // namespace router
