// Fetching a cache line before it is needed.
#pragma once

namespace router {

/// For reading.
inline void prefetch_to_read(const void* address) noexcept { __builtin_prefetch(address); }

/// For writing: taken away from the other caches, so that the first store does not wait for them. For plain x86-64 the
/// compiler makes a fetch for reading of it; the instruction is there, or does nothing, on every such CPU.
inline void prefetch_to_write(const void* address) noexcept {
#ifdef __x86_64__
  asm("prefetchw %0" : : "m"(*static_cast<const char*>(address)));
#else
  __builtin_prefetch(address, 1);
#endif
}

}  // namespace router
