// What it costs to find the groups that want an event.
#include <benchmark/benchmark.h>

#include <memory>
#include <vector>

#include "bench/support/cost_counters.h"
#include "router/core/fanout.h"

namespace {

vscp::Event make_event() {
  vscp::Event event;
  event.time_ns = 1'767'323'045'000'000'000ULL;
  event.obid = 1;
  event.vscp_class = 10;
  event.vscp_type = 6;
  event.head = 3U << 5U;
  event.data_size = 8;
  event.data.fill(77);
  for (std::size_t i = 0; i < event.guid.bytes.size(); ++i) event.guid.bytes[i] = static_cast<std::uint8_t>(i);
  return event;
}

void Filter_matches(benchmark::State& state) {
  const vscp::Event event = make_event();
  vscp::Filter filter;
  filter.filter_class = 10;
  filter.mask_class = 0xffff;
  filter.filter_guid = event.guid;
  filter.mask_guid.bytes.fill(0xff);
  bench::CostCounters costs;
  for (auto _ : state) {
    benchmark::DoNotOptimize(filter);
    benchmark::DoNotOptimize(filter.matches(event));
  }
  costs.report(state);
}
BENCHMARK(Filter_matches);

class IdleReader final : public router::Reader {
 public:
  void on_events_waiting() noexcept override {}
  void on_overrun() noexcept override {}
  void on_behind() noexcept override {}
  void take_rest_of_line(std::span<const char>) noexcept override {}
};

// deliver() with so many groups, each with one reader and its own filter, of which none wants the event.
void Fanout_deliver_to_no_group(benchmark::State& state) {
  router::Fanout fanout({});
  std::vector<std::unique_ptr<IdleReader>> readers;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    vscp::Filter filter;
    filter.filter_type = static_cast<std::uint16_t>(1'000 + i);
    filter.mask_type = 0xffff;
    readers.push_back(std::make_unique<IdleReader>());
    readers.back()->channel = static_cast<std::uint32_t>(2 + i);
    fanout.join(*readers.back(), filter, vscp::WireFormat::kLegacyLine);
  }
  auto event = std::make_unique<router::EventBuf>();
  event->event = make_event();
  bench::CostCounters costs;
  for (auto _ : state) {
    fanout.deliver(*event);
    fanout.flush();
  }
  costs.report(state);
  for (auto& reader : readers) fanout.leave(*reader);
}
BENCHMARK(Fanout_deliver_to_no_group)->Arg(1)->Arg(10)->Arg(1'000);

}  // namespace

BENCHMARK_MAIN();
