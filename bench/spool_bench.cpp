// The spool beside LMDB: records of 100 bytes in and out with synced commits, and how long a commit takes at a steady
// rate. Files lie below TMPDIR, /tmp if it is not set: name a folder on the disk that is to be measured.
#include <benchmark/benchmark.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <thread>
#include <vector>

#include "bench/record_store.h"
#include "router/base/clock.h"
#include "router/base/fd.h"
#include "router/io/memory_store.h"
#include "router/io/spool.h"
#include "tests/support/temp_dir.h"

namespace bench {
namespace {

constexpr std::size_t kRecordBytes = 100;

router::SpoolOptions options_for(const std::string& folder) {
  router::SpoolOptions options;
  options.folder = folder + "/spool";
  options.limits = {std::uint64_t{1} << 30U, router::StoreFullPolicy::kRefuse};
  return options;
}

std::unique_ptr<router::Spool> open_spool(const std::string& folder, const router::Clock& clock) {
  auto spool = router::Spool::open(options_for(folder), clock);
  if (!spool) {
    std::fprintf(stderr, "%s\n", spool.error().c_str());
    std::abort();
  }
  return std::move(*spool);
}

void check(bool good) {
  if (!good) std::abort();
}

class SpoolStore final : public RecordStore {
 public:
  explicit SpoolStore(std::unique_ptr<router::EventStore> store) : store_(std::move(store)), out_(1024) {}

  void append(std::uint8_t lane, std::span<const std::uint8_t> record) override {
    check(store_->append(lane, record).has_value());
  }
  void commit() override { check(store_->commit().has_value()); }
  std::size_t read_all() override {
    std::size_t bytes = 0;
    while (const std::size_t count = store_->read(out_)) {
      for (std::size_t i = 0; i < count; ++i) {
        tickets_.push_back(out_[i].ticket);
        bytes += out_[i].bytes.size();
      }
    }
    return bytes;
  }
  void release_all() override {
    store_->release(tickets_);
    tickets_.clear();
  }

 private:
  std::unique_ptr<router::EventStore> store_;
  std::vector<router::StoredRecord> out_;
  std::vector<std::uint64_t> tickets_;
};

const router::SystemClock& system_clock() {
  static const router::SystemClock clock;
  return clock;
}

enum class Kind { kSpool, kLmdb, kMemory };

std::unique_ptr<RecordStore> open(Kind kind, const std::string& folder) {
  if (kind == Kind::kLmdb) return open_lmdb_store(folder);
  if (kind == Kind::kSpool) return open_spool_store(folder);
  return std::make_unique<SpoolStore>(std::make_unique<router::MemoryStore>(
      router::StoreLimits{std::uint64_t{1} << 30U, router::StoreFullPolicy::kRefuse}, system_clock()));
}

}  // namespace

std::unique_ptr<RecordStore> open_spool_store(const std::string& folder) {
  return std::make_unique<SpoolStore>(open_spool(folder, system_clock()));
}

namespace {

std::vector<std::uint8_t> some_record() {
  return std::vector<std::uint8_t>(kRecordBytes, 0x55);
}

// A batch in, committed with a sync, out again and released, by one thread.
void In_and_out(benchmark::State& state, Kind kind) {
  const test::TempDir dir;
  const auto store = open(kind, dir.path());
  if (!store) {
    state.SkipWithError("not measured: built without LMDB");
    return;
  }
  const auto record = some_record();
  const auto batch = static_cast<unsigned>(state.range(0));
  const auto lanes = static_cast<unsigned>(state.range(1));
  for (auto _ : state) {
    for (unsigned i = 0; i < batch; ++i) store->append(static_cast<std::uint8_t>(i % lanes), record);
    store->commit();
    check(store->read_all() == batch * kRecordBytes);
    store->release_all();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

// The same with a writer and a reader at once, as in the router.
void Two_threads(benchmark::State& state) {
  const test::TempDir dir;
  const auto spool = open_spool(dir.path(), system_clock());
  const auto record = some_record();
  const auto batch = static_cast<unsigned>(state.range(0));
  std::atomic<std::uint64_t> written{0};
  std::atomic<bool> done{false};
  std::thread reader([&] {
    std::vector<router::StoredRecord> out(1024);
    std::vector<std::uint64_t> tickets;
    std::uint64_t count = 0;
    while (true) {
      const bool last = done.load();
      const std::size_t got = spool->read(out);
      tickets.clear();
      for (std::size_t i = 0; i < got; ++i) tickets.push_back(out[i].ticket);
      spool->release(tickets);
      count += got;
      if (last && got == 0) break;
      if (got == 0) written.wait(count);
    }
    check(count == written.load());
  });
  for (auto _ : state) {
    for (unsigned i = 0; i < batch; ++i) check(spool->append(static_cast<std::uint8_t>(i % 3), record).has_value());
    check(spool->commit().has_value());
    written += batch;
    written.notify_one();
  }
  done = true;
  ++written;  // wakes the reader, whatever it has
  written.notify_one();
  --written;
  reader.join();
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

// A backlog that was written before is read and released; per iteration 200 000 records.
void Drain(benchmark::State& state) {
  constexpr unsigned kCount = 200'000;
  const test::TempDir dir;
  const auto record = some_record();
  SpoolStore store(open_spool(dir.path(), system_clock()));
  for (auto _ : state) {
    state.PauseTiming();
    for (unsigned i = 0; i < kCount; ++i) store.append(static_cast<std::uint8_t>(i % 3), record);
    store.commit();
    state.ResumeTiming();
    check(store.read_all() == kCount * kRecordBytes);
    store.release_all();
  }
  state.SetItemsProcessed(state.iterations() * kCount);
}

// 10 000 records per second, due at fixed times whatever the store does. What is due goes in with one commit, and its
// delay is counted from when it was due until the commit has returned. One iteration is 50 ms of load.
void Commit_delay(benchmark::State& state, Kind kind) {
  constexpr std::uint64_t kEveryNs = 100'000;
  constexpr std::uint64_t kPerIteration = 500;
  const test::TempDir dir;
  const auto store = open(kind, dir.path());
  if (!store) {
    state.SkipWithError("not measured: built without LMDB");
    return;
  }
  const auto record = some_record();
  const router::UniqueFd timer(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
  std::vector<std::uint64_t> delays_ns;
  std::uint64_t commits = 0;
  std::uint64_t due_ns = system_clock().monotonic_ns();
  for (auto _ : state) {
    for (std::uint64_t left = kPerIteration; left > 0;) {
      const std::uint64_t now_ns = system_clock().monotonic_ns();
      if (now_ns < due_ns) {
        const itimerspec at{{0, 0},
                            {static_cast<time_t>(due_ns / 1'000'000'000), static_cast<long>(due_ns % 1'000'000'000)}};
        std::uint64_t expired = 0;
        check(::timerfd_settime(timer.get(), TFD_TIMER_ABSTIME, &at, nullptr) == 0);
        check(::read(timer.get(), &expired, sizeof(expired)) == sizeof(expired));
        continue;
      }
      const std::uint64_t count = std::min(left, (now_ns - due_ns) / kEveryNs + 1U);
      for (std::uint64_t i = 0; i < count; ++i) store->append(static_cast<std::uint8_t>(i % 3), record);
      store->commit();
      const std::uint64_t safe_ns = system_clock().monotonic_ns();
      for (std::uint64_t i = 0; i < count; ++i) delays_ns.push_back(safe_ns - (due_ns + i * kEveryNs));
      due_ns += count * kEveryNs;
      left -= count;
      ++commits;
      check(store->read_all() == count * kRecordBytes);
      store->release_all();
    }
  }
  std::sort(delays_ns.begin(), delays_ns.end());
  const auto at = [&delays_ns](double share) {
    return static_cast<double>(delays_ns[static_cast<std::size_t>(share * static_cast<double>(delays_ns.size() - 1))]) *
           1e-6;
  };
  state.counters["p50_ms"] = at(0.5);
  state.counters["p99_ms"] = at(0.99);
  state.counters["max_ms"] = at(1);
  state.counters["commits/s"] = benchmark::Counter(static_cast<double>(commits), benchmark::Counter::kIsRate);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kPerIteration));
}

void batches(benchmark::internal::Benchmark* made) {
  made->ArgNames({"batch", "lanes"})->UseRealTime();
  for (const int batch : {1, 64, 1000, 4000}) made->Args({batch, 1});
  made->Args({1000, 8});
}

BENCHMARK_CAPTURE(In_and_out, spool, Kind::kSpool)->Apply(batches);
BENCHMARK_CAPTURE(In_and_out, lmdb, Kind::kLmdb)->Apply(batches);
BENCHMARK_CAPTURE(In_and_out, memory, Kind::kMemory)->Args({1000, 1})->ArgNames({"batch", "lanes"})->UseRealTime();
BENCHMARK(Two_threads)->Arg(1000)->Arg(4000)->ArgName("batch")->UseRealTime()->MeasureProcessCPUTime();
BENCHMARK(Drain)->UseRealTime();
BENCHMARK_CAPTURE(Commit_delay, spool, Kind::kSpool)->UseRealTime();
BENCHMARK_CAPTURE(Commit_delay, lmdb, Kind::kLmdb)->UseRealTime();

}  // namespace
}  // namespace bench

BENCHMARK_MAIN();
