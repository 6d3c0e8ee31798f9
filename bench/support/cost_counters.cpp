#include "bench/support/cost_counters.h"

#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

std::atomic<std::uint64_t> allocations{0};

void count_allocation() noexcept {
  allocations.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

// The C library's own functions under their second names, so that the usual ones can be counted. operator new of the
// C++ library calls malloc.
extern "C" {
void* __libc_malloc(std::size_t size) noexcept;
void* __libc_calloc(std::size_t count, std::size_t size) noexcept;
void* __libc_realloc(void* memory, std::size_t size) noexcept;
void* __libc_memalign(std::size_t alignment, std::size_t size) noexcept;

void* malloc(std::size_t size) noexcept {
  count_allocation();
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) noexcept {
  count_allocation();
  return __libc_calloc(count, size);
}
void* realloc(void* memory, std::size_t size) noexcept {
  count_allocation();
  return __libc_realloc(memory, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  count_allocation();
  return __libc_memalign(alignment, size);
}
}

namespace bench {

std::uint64_t allocation_count() noexcept {
  return allocations.load(std::memory_order_relaxed);
}

CostCounters::CostCounters() noexcept {
  perf_event_attr attributes{};
  attributes.type = PERF_TYPE_HARDWARE;
  attributes.size = sizeof attributes;
  attributes.config = PERF_COUNT_HW_INSTRUCTIONS;
  attributes.exclude_kernel = 1;
  attributes.exclude_hv = 1;
  perf_fd_ = static_cast<int>(syscall(SYS_perf_event_open, &attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC));
  allocations_ = allocation_count();
}

CostCounters::~CostCounters() {
  if (perf_fd_ >= 0) close(perf_fd_);
}

void CostCounters::report(benchmark::State& state, double events_per_iteration) {
  const std::uint64_t allocated = allocation_count() - allocations_;
  std::uint64_t instructions = 0;
  const bool counted = perf_fd_ >= 0 && read(perf_fd_, &instructions, sizeof instructions) == sizeof instructions;
  const double events = static_cast<double>(state.iterations()) * events_per_iteration;
  state.counters["allocs/event"] = static_cast<double>(allocated) / events;
  if (counted) {
    state.counters["instr/event"] = static_cast<double>(instructions) / events;
  } else {
    state.SetLabel("instr/event n/a");
  }
}

}  // namespace bench
