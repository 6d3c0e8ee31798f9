#include "router/base/slab.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace router {
namespace {

constexpr std::size_t kCacheLine = 64;

std::size_t round_up(std::size_t bytes) noexcept { return (bytes + kCacheLine - 1) / kCacheLine * kCacheLine; }

}  // namespace

void* map_memory(std::size_t bytes) noexcept {
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    std::fprintf(stderr, "cannot reserve %zu bytes of memory: %s; give the program more memory or smaller pools\n", bytes,
                 std::strerror(errno));
    std::abort();
  }
  return memory;
}

void unmap_memory(void* memory, std::size_t bytes) noexcept { ::munmap(memory, bytes); }

Slab::Slab(std::size_t slot_bytes, std::size_t slot_count) noexcept
    : base_(nullptr), slot_bytes_(round_up(slot_bytes)), capacity_(slot_count) {
  VR_ASSERT(slot_bytes >= sizeof(FreeSlot) && slot_count > 0);
  base_ = static_cast<std::byte*>(map_memory(slot_bytes_ * capacity_));
}

Slab::~Slab() { unmap_memory(base_, slot_bytes_ * capacity_); }

}  // namespace router
