#include "router/io/uring_buffers.h"

#include "router/base/slab.h"

namespace router {

int UringBuffers::open(io_uring& ring, int group, std::uint32_t count, std::uint32_t bytes, std::uint32_t first) noexcept {
  count_ = count;
  bytes_ = bytes;
  first_ = first;
  ring_ = static_cast<io_uring_buf_ring*>(map_memory(ring_bytes()));
  memory_ = static_cast<char*>(map_memory(memory_bytes()));
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uintptr_t>(ring_);
  registration.ring_entries = count_;
  registration.bgid = static_cast<std::uint16_t>(group);
  if (const int result = io_uring_register_buf_ring(&ring, &registration, 0); result < 0) return result;
  io_uring_buf_ring_init(ring_);
  for (std::uint32_t i = 0; i < count_; ++i) release(first_ + i);
  publish();
  return 0;
}

UringBuffers::~UringBuffers() {
  if (ring_ != nullptr) unmap_memory(ring_, ring_bytes());
  if (memory_ != nullptr) unmap_memory(memory_, memory_bytes());
}

void UringBuffers::release(std::uint32_t id) noexcept {
  io_uring_buf_ring_add(ring_, memory_ + std::size_t{id - first_} * bytes_, bytes_, static_cast<unsigned short>(id),
                        io_uring_buf_ring_mask(count_), static_cast<int>(pending_));
  ++pending_;
  ++free_;
}

void UringBuffers::publish() noexcept {
  if (pending_ == 0) return;
  io_uring_buf_ring_advance(ring_, static_cast<int>(pending_));
  pending_ = 0;
}

}  // namespace router
