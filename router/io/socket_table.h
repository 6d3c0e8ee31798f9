// Which slots of a ring's table of sockets are free, and what the kernel must find beside them.
//
// Thread rule: one worker. Memory comes with the first use of each slot.
#pragma once

#include <cstdint>
#include <span>

#include "router/base/check.h"
#include "router/base/slab.h"

namespace router {

class SocketTable {
 public:
  explicit SocketTable(std::uint32_t slots) noexcept
      : slots_(slots),
        memory_(map_memory(bytes_of(slots))),
        cells_(static_cast<std::int32_t*>(memory_), slots),
        states_(static_cast<State*>(memory_) + std::size_t{slots} * sizeof(std::int32_t), slots) {}
  ~SocketTable() { unmap_memory(memory_, bytes_of(slots_)); }
  SocketTable(const SocketTable&) = delete;
  SocketTable& operator=(const SocketTable&) = delete;

  bool has_room() const noexcept { return used_ < slots_; }
  std::uint32_t used() const noexcept { return used_; }

  /// The slot for a descriptor; only with has_room(). Used last, free last: used slots lie close together.
  std::uint32_t take(int descriptor) noexcept {
    VR_ASSERT(has_room());
    ++used_;
    std::uint32_t slot = fresh_;
    if (free_ >= 0) {
      slot = static_cast<std::uint32_t>(free_);
      free_ = cells_[slot];
    } else {
      ++fresh_;
    }
    cells_[slot] = descriptor;
    states_[slot] = 0;
    return slot;
  }
  /// Where the descriptor of take() stands, until give().
  std::int32_t* descriptor_at(std::uint32_t slot) noexcept { return &cells_[slot]; }
  void give(std::uint32_t slot) noexcept {
    VR_ASSERT(used_ > 0 && slot < fresh_);
    --used_;
    cells_[slot] = free_;
    free_ = static_cast<std::int32_t>(slot);
  }

  // A shutdown runs on a thread of the kernel: until it is over the slot must not become another socket's.
  void begin_shutdown(std::uint32_t slot) noexcept { states_[slot] = static_cast<State>(states_[slot] | kShuttingDown); }
  bool is_shutting_down(std::uint32_t slot) const noexcept { return (states_[slot] & kShuttingDown) != 0; }
  void close_later(std::uint32_t slot) noexcept { states_[slot] = static_cast<State>(states_[slot] | kCloseLater); }
  /// Whether the slot is to be closed now.
  bool end_shutdown(std::uint32_t slot) noexcept {
    const bool close = (states_[slot] & kCloseLater) != 0;
    states_[slot] = 0;
    return close;
  }

 private:
  using State = unsigned char;
  static constexpr State kShuttingDown = 1;
  static constexpr State kCloseLater = 2;
  static std::size_t bytes_of(std::uint32_t slots) noexcept {
    return std::size_t{slots} * (sizeof(std::int32_t) + sizeof(State));
  }

  std::uint32_t slots_;
  void* memory_;
  std::span<std::int32_t> cells_;  ///< used: its descriptor; free: the next free slot, -1 at the end
  std::span<State> states_;
  std::int32_t free_ = -1;
  std::uint32_t fresh_ = 0;  ///< slots from here on were never used
  std::uint32_t used_ = 0;
};

}  // namespace router
