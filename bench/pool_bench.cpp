// Event buffers: taking and giving back on one thread, and the way home from another one.
#include <benchmark/benchmark.h>

#include <atomic>
#include <thread>
#include <vector>

#include "bench/support/cost_counters.h"
#include "router/core/event_pool.h"

namespace {

using router::EventBuf;
using router::EventPool;

void Pool_acquire_give_back(benchmark::State& state) {
  EventPool pool(0, 1'024);
  bench::CostCounters costs;
  for (auto _ : state) {
    EventBuf* buffer = pool.try_acquire();
    benchmark::DoNotOptimize(buffer);
    pool.give_back(buffer);
  }
  costs.report(state);
}
BENCHMARK(Pool_acquire_give_back);

// 64 buffers go out and come home as one batch, all on one thread: the instructions without the other processor's
// cache.
void Pool_return_64(benchmark::State& state) {
  constexpr int kBatch = 64;
  EventPool pool(0, 1'024);
  bench::CostCounters costs;
  for (auto _ : state) {
    router::ReturnBatch batch;
    for (int i = 0; i < kBatch; ++i) batch.add(pool.try_acquire());
    benchmark::DoNotOptimize(pool.return_all(batch));
    pool.collect_returns();
  }
  costs.report(state, kBatch);
  state.SetItemsProcessed(state.iterations() * kBatch);
}
BENCHMARK(Pool_return_64);

// Another thread takes chains of 64 from a mailbox and returns them.
void Pool_return_from_another_thread(benchmark::State& state) {
  constexpr int kBatch = 64;
  if (std::thread::hardware_concurrency() < 2) {
    state.SkipWithError("not measured: needs two CPUs");
    return;
  }
  struct alignas(64) Mailbox {
    std::atomic<EventBuf*> chain{nullptr};
  };
  EventPool pool(0, 8'192);
  Mailbox mailbox;
  std::atomic<bool> stop{false};
  std::thread returner([&] {
    while (!stop.load(std::memory_order_acquire)) {
      if (mailbox.chain.load(std::memory_order_relaxed) == nullptr) {
        std::this_thread::yield();
        continue;
      }
      EventBuf* first = mailbox.chain.exchange(nullptr, std::memory_order_acquire);
      router::ReturnBatch batch;
      while (first != nullptr) {
        EventBuf* next = first->next;
        batch.add(first);
        first = next;
      }
      pool.return_all(batch);
    }
  });
  bench::CostCounters costs;
  for (auto _ : state) {
    EventBuf* first = nullptr;
    for (int i = 0; i < kBatch;) {
      EventBuf* buffer = pool.try_acquire();
      if (buffer == nullptr) {
        std::this_thread::yield();
        continue;
      }
      buffer->next = first;
      first = buffer;
      ++i;
    }
    while (mailbox.chain.load(std::memory_order_acquire) != nullptr) std::this_thread::yield();
    mailbox.chain.store(first, std::memory_order_release);
  }
  costs.report(state, kBatch);
  state.SetItemsProcessed(state.iterations() * kBatch);
  while (mailbox.chain.load(std::memory_order_acquire) != nullptr) std::this_thread::yield();
  stop.store(true, std::memory_order_release);
  returner.join();
}
BENCHMARK(Pool_return_from_another_thread)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
