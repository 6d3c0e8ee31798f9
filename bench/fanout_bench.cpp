// A turn of the fan-out: deliver a batch, flush, then each reader gathers all and its send completes. Bytes are not
// sent: what is measured is ours. Per event: the batch divided by its events; "ns/delivery" divides that by the readers
// too.
#include <benchmark/benchmark.h>

#include <array>
#include <memory>
#include <vector>

#include "bench/support/cost_counters.h"
#include "router/core/fanout.h"

namespace {

class BenchReader final : public router::Reader {
 public:
  void on_events_waiting() noexcept override {}
  void on_overrun() noexcept override {}
  void on_behind() noexcept override {}
  void take_rest_of_line(std::span<const char>) noexcept override {}
};

std::unique_ptr<router::EventBuf> make_event(std::size_t size) {
  auto buffer = std::make_unique<router::EventBuf>();
  vscp::Event& event = buffer->event;
  event.time_ns = 1'767'323'045'000'000'000ULL;
  event.timestamp_us = 123'456'789;
  event.obid = 1'000'000;
  event.vscp_class = 10;
  event.vscp_type = 6;
  event.data_size = static_cast<std::uint16_t>(size);
  for (std::size_t i = 0; i < event.data.size(); ++i) event.data[i] = static_cast<std::uint8_t>(i * 37);
  for (std::size_t i = 0; i < event.guid.bytes.size(); ++i) event.guid.bytes[i] = static_cast<std::uint8_t>(i);
  return buffer;
}

// Arguments: readers, data bytes, events per turn.
void Fanout_turn(benchmark::State& state) {
  const auto readers_count = static_cast<std::size_t>(state.range(0));
  const auto events = static_cast<std::size_t>(state.range(2));
  router::Fanout fanout({});
  std::vector<std::unique_ptr<BenchReader>> readers;
  for (std::size_t i = 0; i < readers_count; ++i) {
    readers.push_back(std::make_unique<BenchReader>());
    readers.back()->channel = static_cast<std::uint32_t>(1 + i);
    fanout.join(*readers.back(), vscp::Filter{}, vscp::WireFormat::kLegacyLine);
  }
  const auto event = make_event(static_cast<std::size_t>(state.range(1)));
  std::array<iovec, 24> ranges;
  std::uint64_t deliveries = 0;
  bench::CostCounters costs;
  for (auto _ : state) {
    for (std::size_t i = 0; i < events; ++i) fanout.deliver(*event);
    fanout.flush();
    for (auto& reader : readers) {
      while (fanout.has_waiting(*reader)) {
        const auto gathered = fanout.gather(*reader, ranges, 256U << 10U);
        deliveries += fanout.finish_send(*reader, gathered.bytes);
      }
    }
  }
  costs.report(state, static_cast<double>(events));
  if (deliveries != static_cast<std::uint64_t>(state.iterations()) * events * readers_count) {
    state.SkipWithError("some events were not delivered");
  }
  state.counters["time/event"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * static_cast<double>(events),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["time/delivery"] =
      benchmark::Counter(static_cast<double>(deliveries), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  for (auto& reader : readers) fanout.leave(*reader);
}
BENCHMARK(Fanout_turn)->ArgNames({"readers", "bytes", "batch"})->ArgsProduct({{1, 16, 256}, {8, 487}, {1, 64}});

}  // namespace

BENCHMARK_MAIN();
