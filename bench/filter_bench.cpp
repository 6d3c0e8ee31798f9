// What it costs to find the groups that want an event.
#include <benchmark/benchmark.h>

#include <array>
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

// Readers with a filter each, joined to one fan-out.
class Crowd {
 public:
  template <typename MakeFilter>
  Crowd(std::int64_t size, MakeFilter make_filter) {
    for (std::int64_t i = 0; i < size; ++i) {
      readers_.push_back(std::make_unique<IdleReader>());
      readers_.back()->channel = static_cast<std::uint32_t>(2 + i);
      fanout_.join(*readers_.back(), make_filter(static_cast<std::size_t>(i)), vscp::WireFormat::kLegacyLine);
    }
  }
  ~Crowd() {
    for (auto& reader : readers_) fanout_.leave(*reader);
  }
  router::Fanout& fanout() { return fanout_; }
  router::Reader& reader(std::size_t index) { return *readers_[index]; }
  std::size_t size() const { return readers_.size(); }
  /// What follows a turn: the reader's bytes go out. Returns the events.
  std::uint32_t read(std::size_t index) {
    router::Reader& reader = *readers_[index];
    std::array<iovec, 4> ranges;
    const auto gathered = fanout_.gather(reader, ranges, 256U << 10U);
    return gathered.bytes == 0 ? 0 : fanout_.finish_send(reader, gathered.bytes);
  }

 private:
  router::Fanout fanout_{{}};
  std::vector<std::unique_ptr<IdleReader>> readers_;
};

vscp::Filter by_type(std::size_t type) {
  vscp::Filter filter;
  filter.filter_type = static_cast<std::uint16_t>(type);
  filter.mask_type = 0xffff;
  return filter;
}

// A mask of its own for each, up to 2^15 of them: nothing to share.
vscp::Filter by_own_mask(std::size_t index, std::uint16_t type) {
  vscp::Filter filter = by_type(type);
  for (std::size_t bit = 0; bit < 15; ++bit) {
    if ((index >> bit & 1U) == 0) continue;
    filter.mask_guid.bytes[bit + 1] = 0x80;
  }
  return filter;
}

// The cost curve: so many distinct filters, of which one wants the event, another one each time; delivered and read.
void Fanout_one_filter_of_many(benchmark::State& state) {
  Crowd crowd(state.range(0), by_type);
  auto event = std::make_unique<router::EventBuf>();
  event->event = make_event();
  std::uint32_t random = 1;
  std::uint64_t deliveries = 0;
  bench::CostCounters costs;
  for (auto _ : state) {
    random = random * 1'664'525U + 1'013'904'223U;
    const std::size_t index = (std::uint64_t{random} * crowd.size()) >> 32U;
    event->event.vscp_type = static_cast<std::uint16_t>(index);
    crowd.fanout().deliver(*event);
    crowd.fanout().flush();
    deliveries += crowd.read(index);
  }
  costs.report(state);
  if (deliveries != static_cast<std::uint64_t>(state.iterations())) state.SkipWithError("some event was not delivered");
}
BENCHMARK(Fanout_one_filter_of_many)->RangeMultiplier(10)->Range(1, 10'000);

// The worst that filters can be: no two have the same mask, and none wants the event.
void Fanout_distinct_masks(benchmark::State& state) {
  Crowd crowd(state.range(0), [](std::size_t index) { return by_own_mask(index, 99); });
  auto event = std::make_unique<router::EventBuf>();
  event->event = make_event();
  bench::CostCounters costs;
  for (auto _ : state) {
    crowd.fanout().deliver(*event);
    crowd.fanout().flush();
  }
  costs.report(state);
}
BENCHMARK(Fanout_distinct_masks)->RangeMultiplier(10)->Range(1, 10'000);

// The same with two filters for each mask, so that each row asks the table.
void Fanout_distinct_masks_of_two(benchmark::State& state) {
  Crowd crowd(state.range(0),
              [](std::size_t index) { return by_own_mask(index / 2, static_cast<std::uint16_t>(99 + index % 2)); });
  auto event = std::make_unique<router::EventBuf>();
  event->event = make_event();
  bench::CostCounters costs;
  for (auto _ : state) {
    crowd.fanout().deliver(*event);
    crowd.fanout().flush();
  }
  costs.report(state);
}
BENCHMARK(Fanout_distinct_masks_of_two)->RangeMultiplier(10)->Range(10, 10'000);

// Every one of so many filters wants the event; per filter.
void Fanout_all_filters_of_many(benchmark::State& state) {
  Crowd crowd(state.range(0), [](std::size_t index) {
    vscp::Filter filter;  // looks at a bit that is zero in the event, among others
    filter.mask_guid.bytes[0] = 0xff;
    filter.mask_type = static_cast<std::uint16_t>(~6U & (index << 3U));
    filter.mask_priority = 4;
    return filter;
  });
  auto event = std::make_unique<router::EventBuf>();
  event->event = make_event();
  std::uint64_t deliveries = 0;
  bench::CostCounters costs;
  for (auto _ : state) {
    crowd.fanout().deliver(*event);
    crowd.fanout().flush();
    for (std::size_t i = 0; i < crowd.size(); ++i) deliveries += crowd.read(i);
  }
  costs.report(state, static_cast<double>(crowd.size()));
  state.counters["time/delivery"] =
      benchmark::Counter(static_cast<double>(deliveries), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(Fanout_all_filters_of_many)->RangeMultiplier(10)->Range(1, 10'000);

// SETFILTER: one reader among so many takes another filter, which nobody else has.
void Fanout_change_filter(benchmark::State& state) {
  Crowd crowd(state.range(0), by_type);
  std::size_t next = 0;
  bench::CostCounters costs;
  for (auto _ : state) {
    crowd.fanout().change_filter(crowd.reader(next % crowd.size()), by_type(next % 30'000 + 20'000));
    ++next;
  }
  costs.report(state);
}
BENCHMARK(Fanout_change_filter)->RangeMultiplier(10)->Range(1, 10'000);

}  // namespace

BENCHMARK_MAIN();
