// Memory taken from the system once, at start: address space is reserved, pages come with their first use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

#include "router/base/check.h"

namespace router {

/// Anonymous mapping of `bytes`; aborts with a clear message if the system refuses. Zero-filled.
void* map_memory(std::size_t bytes) noexcept;
void unmap_memory(void* memory, std::size_t bytes) noexcept;

/// Fixed number of raw slots of one size, cache-line aligned, handed out last-in first-out so that hot slots stay hot.
/// No constructors are run. One thread.
class Slab {
 public:
  Slab(std::size_t slot_bytes, std::size_t slot_count) noexcept;
  ~Slab();
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;

  /// Null if all slots are out.
  void* try_take() noexcept {
    if (free_ != nullptr) {
      FreeSlot* slot = free_;
      free_ = slot->next;
      ++taken_;
      return slot;
    }
    if (fresh_ == capacity_) return nullptr;
    ++taken_;
    return base_ + slot_bytes_ * fresh_++;
  }
  void give(void* memory) noexcept {
    VR_ASSERT(taken_ > 0);
    --taken_;
    auto* slot = ::new (memory) FreeSlot{free_};
    free_ = slot;
  }
  std::size_t taken() const noexcept { return taken_; }
  std::size_t capacity() const noexcept { return capacity_; }
  std::size_t slot_bytes() const noexcept { return slot_bytes_; }

 private:
  struct FreeSlot {
    FreeSlot* next;
  };
  std::byte* base_;
  FreeSlot* free_ = nullptr;
  std::size_t slot_bytes_;
  std::size_t capacity_;
  std::size_t fresh_ = 0;  ///< slots from here on were never used, so their pages are not resident
  std::size_t taken_ = 0;
};

}  // namespace router
