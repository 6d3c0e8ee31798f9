// Driver libraries in processes of their own: what crosses per second, and how long an event is under way, against
// delivery inside a worker, against the same library on threads of the router, and against two threads that only wake
// each other. The worker's turns are taken by the benchmark.
//
// Arguments: 1 a process of its own, 0 threads of this one.
#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "drivers/library/futex.h"
#include "drivers/library/library_driver.h"
#include "router/base/check.h"
#include "router/base/clock.h"
#include "router/core/event_port.h"
#include "router/core/router.h"
#include "router/io/uring_ring.h"

namespace {

using drivers::library::Isolation;

constexpr std::size_t kStamps = 24;
constexpr std::uint16_t kClass = 20;

/// Publishes stamped events, and takes what comes back.
class Probe final : public router::EventPort {
 public:
  using EventPort::EventPort;
  void abort() noexcept override { close(); }
  void on_may_take() noexcept override {}
  void on_outgoing() noexcept override {
    vscp::Event event;
    while (peek(event)) {
      ++taken;
      last = event;
      taken_ns = router::SystemClock().monotonic_ns();
      pop();
    }
    worker().nudge();  // so that this turn, in which it came, does not sleep
  }
  void send() {
    router::EventBuf* buffer = acquire();
    VR_ASSERT(buffer != nullptr);
    vscp::Event& event = buffer->event;
    event.time_ns = 1;
    event.timestamp_us = 0;
    event.guid = guid();
    event.head = 0;
    event.vscp_class = kClass;
    event.vscp_type = 1;
    event.data_size = kStamps;
    const std::uint64_t now = router::SystemClock().monotonic_ns();
    std::memcpy(event.data.data(), &now, sizeof(now));
    publish(buffer);
  }
  std::uint64_t taken = 0;
  std::uint64_t taken_ns = 0;
  vscp::Event last;
};

class Bench {
 public:
  explicit Bench() {
    router::RouterSettings settings;
    std::string error;
    router_ = router::Router::make(
        settings, clock_, [](std::string& why) { return router::make_uring_ring({}, why); }, error);
    VR_ASSERT(router_ != nullptr);
  }
  ~Bench() {
    if (driver_ != nullptr) {
      driver_->drain();
      driver_->leave();
    }
    for (auto& probe : probes_) probe->abort();
    while (worker().counters().remotes.value() > 0) worker().run_once(false);
    if (driver_ != nullptr) driver_->stop();
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  router::Worker& worker() { return router_->worker(0); }
  Probe& add_probe(bool receives) {
    router::EventPortSettings settings;
    settings.name = "probe";
    settings.send = receives;
    Probe& probe = *probes_.emplace_back(std::make_unique<Probe>(*router_, worker(), settings));
    VR_ASSERT(probe.open());
    return probe;
  }
  void add_library(const std::string& words, bool isolated) {
    drivers::library::LibrariesConfig config;
    config.host_program = VSCP_DRIVER_HOST;
    drivers::library::LibraryConfig& library = config.libraries.emplace_back();
    library.name = "bench";
    library.library.kind = drivers::library::LibraryKind::kLevel2;
    library.library.path = BENCH_DRIVER_LIBRARY;
    library.library.configuration = words;
    library.isolation = isolated ? Isolation::kProcess : Isolation::kNone;
    driver_ = std::make_unique<drivers::library::LibraryDriver>(config, *router_);
    VR_ASSERT(driver_->open().empty());
    driver_->start();
  }

 private:
  router::SystemClock clock_;
  std::unique_ptr<router::Router> router_;
  std::vector<std::unique_ptr<Probe>> probes_;
  std::unique_ptr<drivers::library::LibraryDriver> driver_;
};

double middle(std::vector<std::uint64_t>& values, std::size_t percent) {
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(values.size() * percent / 100);
  std::nth_element(values.begin(), at, values.end());
  return static_cast<double>(*at) / 1000;
}

std::uint64_t cpu_ns() {
  rusage used{};
  getrusage(RUSAGE_THREAD, &used);
  const auto ns = [](const timeval& time) {
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_usec) * 1000;
  };
  return ns(used.ru_utime) + ns(used.ru_stime);
}

/// A library that has always an event; nobody receives them, so that this is the crossing alone.
void Driver_flood(benchmark::State& state) {
  Bench bench;
  bench.add_library("flood", state.range(0) != 0);
  const router::Counter& in = bench.worker().counters().events_in;
  while (in.value() < 100'000) bench.worker().run_once(true);
  const std::uint64_t before = in.value();
  const std::uint64_t cpu_before = cpu_ns();
  for (auto _ : state) {
    const std::uint64_t goal = in.value() + 10'000;
    while (in.value() < goal) bench.worker().run_once(true);
  }
  const auto events = static_cast<double>(in.value() - before);
  state.counters["events/s"] = benchmark::Counter(events, benchmark::Counter::kIsRate);
  state.counters["worker ns/event"] = static_cast<double>(cpu_ns() - cpu_before) / events;
}
BENCHMARK(Driver_flood)->ArgName("process")->Arg(1)->Arg(0)->UseRealTime();

/// An event to a library that gives it back, one at a time, everybody asleep in between.
void Driver_latency(benchmark::State& state) {
  Bench bench;
  Probe& probe = bench.add_probe(true);
  bench.add_library("echo", state.range(0) != 0);
  while (probe.taken < 1) bench.worker().run_once(true);  // it says that it runs
  std::vector<std::uint64_t> to_library;
  std::vector<std::uint64_t> to_router;
  for (auto _ : state) {
    const std::uint64_t goal = probe.taken + 1;
    bench.worker().run_once(false);
    probe.send();
    while (probe.taken < goal) bench.worker().run_once(true);
    std::array<std::uint64_t, 3> times;
    std::memcpy(times.data(), probe.last.data.data(), kStamps);
    to_library.push_back(times[1] - times[0]);
    to_router.push_back(probe.taken_ns - times[2]);
  }
  state.counters["out p50 us"] = middle(to_library, 50);
  state.counters["out p99 us"] = middle(to_library, 99);
  state.counters["in p50 us"] = middle(to_router, 50);
  state.counters["in p99 us"] = middle(to_router, 99);
}
BENCHMARK(Driver_latency)->ArgName("process")->Arg(1)->Arg(0)->UseRealTime()->MinTime(1);

/// The floor: two threads that sleep on a word each, and take the time when they wake.
void Bare_latency(benchmark::State& state) {
  constexpr std::uint32_t kStop = ~std::uint32_t{0};
  const router::SystemClock clock;
  std::atomic<std::uint32_t> there{0};
  std::atomic<std::uint32_t> back{0};
  std::atomic<std::uint64_t> woken_ns{0};
  std::thread other([&] {
    for (std::uint32_t seen = 0;;) {
      while (there.load() == seen) drivers::library::wait_futex(there, seen, 1000);
      woken_ns.store(clock.monotonic_ns());
      seen = there.load();
      back.store(seen);
      drivers::library::wake_futex(back);
      if (seen == kStop) return;
    }
  });
  std::vector<std::uint64_t> under_way;
  std::uint32_t number = 0;
  const auto say = [&](std::uint32_t what) {
    there.store(what);
    drivers::library::wake_futex(there);
    for (std::uint32_t now = back.load(); now != what; now = back.load()) drivers::library::wait_futex(back, now, 1000);
  };
  for (auto _ : state) {
    const std::uint64_t sent = clock.monotonic_ns();
    say(++number);
    under_way.push_back(woken_ns.load() - sent);
  }
  say(kStop);
  other.join();
  state.counters["p50 us"] = middle(under_way, 50);
  state.counters["p99 us"] = middle(under_way, 99);
}
BENCHMARK(Bare_latency)->UseRealTime()->MinTime(1);

/// The same between two ports of one worker.
void Direct_latency(benchmark::State& state) {
  Bench bench;
  Probe& from = bench.add_probe(false);
  Probe& to = bench.add_probe(true);
  std::vector<std::uint64_t> under_way;
  bench.worker().run_once(false);
  for (auto _ : state) {
    const std::uint64_t goal = to.taken + 1;
    from.send();
    while (to.taken < goal) bench.worker().run_once(true);
    std::uint64_t sent = 0;
    std::memcpy(&sent, to.last.data.data(), sizeof(sent));
    under_way.push_back(to.taken_ns - sent);
  }
  state.counters["p50 us"] = middle(under_way, 50);
}
BENCHMARK(Direct_latency)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
