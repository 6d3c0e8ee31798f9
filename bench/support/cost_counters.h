// Costs beside time for a benchmark loop: allocations and instructions per event.
//
// Use: `CostCounters costs; for (auto _ : state) {...} costs.report(state, events_per_iteration);`
// One at a time, on the benchmark's own thread.
#pragma once

#include <benchmark/benchmark.h>

#include <cstdint>

namespace bench {

/// Calls of malloc, calloc, realloc, aligned_alloc and operator new in this process since its start.
std::uint64_t allocation_count() noexcept;

class CostCounters {
 public:
  CostCounters() noexcept;
  ~CostCounters();
  CostCounters(const CostCounters&) = delete;
  CostCounters& operator=(const CostCounters&) = delete;

  /// Adds "allocs/event" and "instr/event" to the benchmark's counters, over all its iterations since this was made.
  /// Where the kernel or the machine gives no hardware counters, the label says "instr/event n/a" instead.
  void report(benchmark::State& state, double events_per_iteration = 1);

 private:
  int perf_fd_ = -1;  ///< counts user-mode instructions of this thread
  std::uint64_t allocations_;
};

}  // namespace bench
