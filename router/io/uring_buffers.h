// One ring of provided receive buffers of an io_uring. Internal to router/io.
//
// Thread rule: the lane's.
#pragma once

#include <liburing.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace router {

class UringBuffers {
 public:
  UringBuffers() = default;
  ~UringBuffers();
  UringBuffers(const UringBuffers&) = delete;
  UringBuffers& operator=(const UringBuffers&) = delete;

  /// `count` buffers (a power of two) of `bytes` each, with ids from `first` on, as buffer group `group`. 0 or -errno.
  int open(io_uring& ring, int group, std::uint32_t count, std::uint32_t bytes, std::uint32_t first) noexcept;
  bool is_open() const noexcept { return ring_ != nullptr; }
  bool has(std::uint32_t id) const noexcept { return id - first_ < count_; }
  /// The kernel gets it with the next publish().
  void release(std::uint32_t id) noexcept;
  void publish() noexcept;
  void note_taken() noexcept { --free_; }
  std::uint32_t free_count() const noexcept { return free_; }
  bool are_scarce() const noexcept { return free_ * 4 < count_; }
  std::span<const char> bytes_of(std::uint32_t id, std::int32_t size) const noexcept {
    return {memory_ + std::size_t{id - first_} * bytes_, size > 0 ? static_cast<std::size_t>(size) : 0};
  }

 private:
  std::size_t ring_bytes() const noexcept { return count_ * sizeof(io_uring_buf); }
  std::size_t memory_bytes() const noexcept { return std::size_t{count_} * bytes_; }

  io_uring_buf_ring* ring_ = nullptr;
  char* memory_ = nullptr;
  std::uint32_t count_ = 0;
  std::uint32_t bytes_ = 0;
  std::uint32_t first_ = 0;
  std::uint32_t free_ = 0;
  std::uint32_t pending_ = 0;  ///< added to the ring, not yet published to the kernel
};

}  // namespace router
