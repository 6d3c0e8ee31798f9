// Input that a session could not process yet. It is copied into blocks of the worker, for the receive buffers are
// everybody's; without a block, or if it will be processed soon, it stays in its receive buffer.
//
// Thread rule: one worker. Ownership: clear() gives blocks and buffers back; a queue must be empty when it is destroyed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "router/base/slab.h"
#include "router/io/ring.h"

namespace router {

/// At the head of an OutBlock that holds a copy of the bytes, or in a slot of its own beside the receive buffer.
struct HeldInput {
  HeldInput* next = nullptr;
  const char* bytes = nullptr;
  std::uint32_t size = 0;
  std::uint16_t buffer_id = 0;
  bool copied = false;
};

/// What a queue takes its memory from.
struct HeldMemory {
  Slab& blocks;  ///< OutBlocks
  Slab& slots;   ///< HeldInputs, as many as there are receive buffers
  Ring& ring;
};

class HeldQueue {
 public:
  bool empty() const noexcept { return last_ == nullptr; }
  std::size_t size() const noexcept { return size_; }

  enum class Place : std::uint8_t { kCopy, kBuffer };
  /// Takes over the receive buffer, of which `bytes` are what is left. True if the buffer is free again.
  bool append(const HeldMemory& memory, std::span<const char> bytes, std::uint16_t buffer_id, Place place) noexcept;
  /// The oldest piece; the queue is not empty.
  std::span<const char> front() const noexcept { return {last_->next->bytes, last_->next->size}; }
  /// So much of the oldest piece is done; true if that was all of it.
  bool consume(const HeldMemory& memory, std::size_t bytes) noexcept;
  void clear(const HeldMemory& memory) noexcept;

 private:
  std::span<const char> copy(const HeldMemory& memory, std::span<const char> bytes) noexcept;
  void push_back(HeldInput* held) noexcept;

  HeldInput* last_ = nullptr;  ///< of a ring: its next is the oldest
  std::uint32_t size_ = 0;
};

}  // namespace router
