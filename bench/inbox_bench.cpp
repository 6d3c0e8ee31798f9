// Events from thread to thread: one by one, and in batches of 64 as publishers push them.
#include <benchmark/benchmark.h>

#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "bench/support/cost_counters.h"
#include "router/core/inbox.h"

namespace {

using router::EventBuf;
using router::Inbox;

class Events {
 public:
  explicit Events(std::size_t count) : buffers_(count) {
    for (auto& buffer : buffers_) pointers_.push_back(&buffer);
  }
  std::span<EventBuf* const> all() const { return pointers_; }

 private:
  std::vector<EventBuf> buffers_;
  std::vector<EventBuf*> pointers_;
};

// Pushed and popped by the same thread: what it costs without the other processor's cache.
void Inbox_one_thread(benchmark::State& state) {
  const auto batch = static_cast<std::size_t>(state.range(0));
  Inbox inbox(2);
  const Events events(batch);
  std::vector<EventBuf*> out(batch);
  std::array<std::uint64_t, 2> wake{};
  bench::CostCounters costs;
  for (auto _ : state) {
    inbox.push(0, events.all());
    benchmark::DoNotOptimize(inbox.pop(out, wake));
  }
  costs.report(state, static_cast<double>(batch));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(Inbox_one_thread)->Arg(1)->Arg(64);

// A thread pushes as fast as its credit allows; the measured one pops up to a batch at a time until it has as many.
void Inbox_two_threads(benchmark::State& state) {
  if (std::thread::hardware_concurrency() < 2) {
    state.SkipWithError("not measured: needs two CPUs");
    return;
  }
  const auto batch = static_cast<std::size_t>(state.range(0));
  Inbox inbox(2);
  const Events events(batch);
  std::atomic<bool> stop{false};
  std::thread producer([&] {
    std::size_t from = 0;
    while (!stop.load(std::memory_order_relaxed)) {
      const std::size_t pushed = inbox.push(0, events.all().subspan(from));
      if (pushed == 0) std::this_thread::yield();
      from = from + pushed == batch ? 0 : from + pushed;
    }
  });
  std::vector<EventBuf*> out(batch);
  std::array<std::uint64_t, 2> wake{};
  bench::CostCounters costs;
  for (auto _ : state) {
    for (std::size_t got = 0; got < batch;) {
      const std::size_t popped = inbox.pop(std::span(out).first(batch - got), wake);
      if (popped == 0) std::this_thread::yield();
      got += popped;
    }
  }
  costs.report(state, static_cast<double>(batch));
  state.SetItemsProcessed(state.iterations() * state.range(0));
  stop.store(true, std::memory_order_relaxed);
  producer.join();
}
BENCHMARK(Inbox_two_threads)->Arg(1)->Arg(64)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
