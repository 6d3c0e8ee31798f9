#include "tools/vscpbench/engine.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "tools/vscpbench/client_loop.h"
#include "tools/vscpbench/link_session.h"

namespace bench {
namespace {

constexpr std::size_t kBatchBytes = 128U << 10U;
constexpr std::size_t kBatchEventsMax = 512;
constexpr auto kPoll = std::chrono::milliseconds(1);
constexpr std::uint64_t kProgressNs = 250'000'000;

std::string connect_all(const Target& target, const EventShape& shape, Shared& shared) {
  const auto& load = shared.load;
  for (unsigned i = 0; i < load.consumers; ++i) {
    auto session = shared.wire.open(target, Role::kConsumer, load.consumer_commands);
    if (!session) return "consumer " + std::to_string(i + 1) + ": " + session.error();
    auto consumer = std::make_unique<Consumer>();
    consumer->rest = std::move(session->rest);
    consumer->fd = std::move(session->fd);
    consumer->scanner = shared.wire.make_scanner(shape, load.verify, std::max(1U, load.time_every));
    consumer->streams = std::vector<SequenceTracker>(load.producers);
    shared.consumers.push_back(std::move(consumer));
  }
  for (unsigned i = 0; i < load.producers; ++i) {
    auto session = shared.wire.open(target, Role::kProducer, {});
    if (!session) return "producer " + std::to_string(i + 1) + ": " + session.error();
    auto producer = std::make_unique<Producer>();
    producer->reply_rest = std::move(session->rest);
    producer->fd = std::move(session->fd);
    producer->index = static_cast<std::uint16_t>(i);
    producer->event_bytes = shared.wire.make_event(shape, 0).size();
    producer->id_offset = shared.wire.id_offset(shape);
    const auto fit = std::min(kBatchBytes / producer->event_bytes, kBatchEventsMax);
    producer->slots = std::max<std::size_t>(1, fit / kVariants) * kVariants;
    for (std::uint32_t slot = 0; slot < producer->slots; ++slot) {
      producer->batch += shared.wire.make_event(shape, slot % kVariants);
    }
    shared.producers.push_back(std::move(producer));
  }
  return {};
}

class Steering {
 public:
  Steering(Shared& shared, const std::atomic<bool>& stop, const ProgressCall& progress)
      : shared_(shared), stop_(stop), progress_(progress) {}

  std::string start() {
    const auto threads = std::max(1U, shared_.load.threads);
    for (unsigned i = 0; i < threads; ++i) loops_.push_back(std::make_unique<ClientLoop>(shared_, i, threads));
    for (const auto& loop : loops_) {
      if (!loop->start(loops_)) return "the kernel refuses epoll: too many open files?";
    }
    return {};
  }

  ~Steering() { finish(); }

  void finish() {
    shared_.quit.store(true, std::memory_order_release);
    for (const auto& loop : loops_) {
      loop->wake();
      loop->join();
    }
  }

  /// Sends for `seconds`, or `events` if that is not 0, then waits until everything has arrived.
  void phase(const char* name, double seconds, std::uint64_t events, bool measured) {
    begin_ns_ = monotonic_ns();
    shared_.schedule_start = begin_ns_;
    if (measured) shared_.measure_from.store(begin_ns_, std::memory_order_relaxed);
    const auto count = shared_.producers.size();
    for (const auto& producer : shared_.producers) {
      producer->base = producer->next.load();
      const auto share = events / count + (producer->index < events % count ? 1 : 0);
      // Sequence numbers have 32 bits on the wire.
      producer->limit = events != 0 ? std::min(producer->base + share, kSequenceMax) : kSequenceMax;
    }
    name_ = name;
    set_sending(true);
    const auto end = begin_ns_ + static_cast<std::uint64_t>(seconds * 1e9);
    while (!halted() && (events != 0 ? !(all_sent() && drained()) : monotonic_ns() < end)) watch();
    set_sending(false);
    while (!halted() && !drained()) watch();
  }

  bool halted() {
    if (stop_.load(std::memory_order_relaxed)) outcome_interrupted = true;
    return outcome_interrupted || outcome_stalled || nobody_left();
  }

  /// The server is gone, or has closed every connection of one side.
  bool nobody_left() const {
    const auto closed = [](const auto& side) { return side->closed.load(std::memory_order_relaxed); };
    return std::all_of(shared_.producers.begin(), shared_.producers.end(), closed) ||
           (!shared_.consumers.empty() && std::all_of(shared_.consumers.begin(), shared_.consumers.end(), closed));
  }

  std::uint64_t sent() const {
    std::uint64_t sum = 0;
    for (const auto& producer : shared_.producers) sum += producer->next.load(std::memory_order_relaxed);
    return sum;
  }
  std::uint64_t sum(std::atomic<std::uint64_t> LoopCounts::* counter) const {
    std::uint64_t total = 0;
    for (const auto& loop : loops_) total += (loop->counts().*counter).load(std::memory_order_relaxed);
    return total;
  }
  std::uint64_t last_delivery_ns() const {
    std::uint64_t last = 0;
    for (const auto& loop : loops_) last = std::max(last, loop->counts().last_delivery_ns.load());
    return last;
  }
  std::uint64_t begin_ns() const { return begin_ns_; }
  const std::vector<std::unique_ptr<ClientLoop>>& loops() const { return loops_; }

  bool outcome_interrupted = false;
  bool outcome_stalled = false;

 private:
  static constexpr std::uint64_t kSequenceMax = 0xffffffffU;

  /// Returns when every loop works by the new value.
  void set_sending(bool on) {
    shared_.sending.store(on, std::memory_order_release);
    const auto epoch = shared_.epoch.fetch_add(1, std::memory_order_acq_rel) + 1;
    for (const auto& loop : loops_) {
      loop->wake();
      while (loop->seen_epoch() < epoch) std::this_thread::sleep_for(kPoll / 10);
    }
  }

  bool all_sent() const {
    return std::all_of(shared_.producers.begin(), shared_.producers.end(), [](const auto& producer) {
      return producer->closed.load() || producer->next.load() >= producer->limit;
    });
  }

  bool drained() const {
    for (const auto& producer : shared_.producers) {
      const auto next = producer->next.load(std::memory_order_acquire);
      if (!producer->closed.load() && (!producer->flushed.load() || producer->answered.load() < next)) return false;
      for (const auto& consumer : shared_.consumers) {
        if (!consumer->closed.load() && consumer->streams[producer->index].next() < next) return false;
      }
    }
    return true;
  }

  void watch() {
    std::this_thread::sleep_for(kPoll);
    const auto now = monotonic_ns();
    std::uint64_t moved = sum(&LoopCounts::deliveries);
    for (const auto& producer : shared_.producers) moved += producer->answered.load(std::memory_order_relaxed);
    if (moved != moved_ || drained()) {
      moved_ = moved;
      moved_ns_ = now;
    } else if (static_cast<double>(now - moved_ns_) > shared_.load.stall_seconds * 1e9) {
      outcome_stalled = true;
    }
    if (progress_ && now - reported_ns_ > kProgressNs) {
      reported_ns_ = now;
      progress_({name_, static_cast<double>(now - begin_ns_) / 1e9, sent(), sum(&LoopCounts::deliveries)});
    }
  }

  Shared& shared_;
  const std::atomic<bool>& stop_;
  const ProgressCall& progress_;
  std::vector<std::unique_ptr<ClientLoop>> loops_;
  const char* name_ = "";
  std::uint64_t begin_ns_ = 0;
  std::uint64_t moved_ = ~std::uint64_t{0};
  std::uint64_t moved_ns_ = 0;
  std::uint64_t reported_ns_ = monotonic_ns();
};

/// After the loops have ended.
void collect(const Shared& shared, const Steering& steering, Outcome& outcome) {
  outcome.duplicated = steering.sum(&LoopCounts::duplicated);
  outcome.reordered = steering.sum(&LoopCounts::reordered);
  outcome.corrupted = steering.sum(&LoopCounts::corrupted);
  outcome.foreign = steering.sum(&LoopCounts::foreign);
  for (const auto& loop : steering.loops()) {
    outcome.latency.merge(loop->latency());
    outcome.send_lag.merge(loop->send_lag());
  }
  for (const auto& producer : shared.producers) {
    outcome.refused += producer->replies.refused;
    if (outcome.first_refusal.empty()) outcome.first_refusal = producer->replies.first_refusal;
    outcome.closed += producer->closed.load() ? 1 : 0;
    for (const auto& consumer : shared.consumers) {
      outcome.lost += consumer->streams[producer->index].lost(producer->next.load());
    }
  }
  for (const auto& consumer : shared.consumers) outcome.closed += consumer->closed.load() ? 1 : 0;
}

}  // namespace

std::expected<Outcome, std::string> run_load(const Target& target, const Load& load, const EventShape& shape,
                                             const Wire& wire, pid_t server, const std::atomic<bool>& stop,
                                             const ProgressCall& progress) {
  Shared shared(load, wire);
  shared.run = shape.run;
  if (load.rate > 0) shared.interval_ns = 1e9 * load.producers / load.rate;
  if (load.window != 0) {
    auto window = load.window;
    if (load.window_bytes != 0) window = std::min(window, load.window_bytes / wire.make_event(shape, 0).size());
    shared.window = std::max<std::uint64_t>(1, window / load.producers);
  }
  Outcome outcome;
  const auto connect_begin = monotonic_ns();
  if (auto error = connect_all(target, shape, shared); !error.empty()) return std::unexpected(error);
  outcome.connect_seconds = static_cast<double>(monotonic_ns() - connect_begin) / 1e9;

  Steering steering(shared, stop, progress);
  if (auto error = steering.start(); !error.empty()) return std::unexpected(error);
  if (load.warmup_seconds > 0) steering.phase("warm-up", load.warmup_seconds, 0, false);

  const auto sent_before = steering.sent();
  const auto delivered_before = steering.sum(&LoopCounts::deliveries);
  const auto stats_before = read_process(server);
  const auto own_before = own_cpu_ns();
  if (!steering.halted()) steering.phase("measured", load.seconds, load.events, true);
  const auto end_ns = load.consumers != 0 ? steering.last_delivery_ns() : monotonic_ns();
  const auto own_after = own_cpu_ns();
  const auto stats_after = read_process(server);

  outcome.seconds = end_ns > steering.begin_ns() ? static_cast<double>(end_ns - steering.begin_ns()) / 1e9 : 0;
  outcome.events = steering.sent() - sent_before;
  outcome.deliveries = steering.sum(&LoopCounts::deliveries) - delivered_before;
  outcome.client_cpu_ns = own_after - own_before;
  outcome.server_known = stats_before.has_value() && stats_after.has_value();
  if (outcome.server_known) {
    outcome.server_before = *stats_before;
    outcome.server_after = *stats_after;
  }
  outcome.stalled = steering.outcome_stalled;
  outcome.interrupted = steering.outcome_interrupted;
  steering.finish();
  collect(shared, steering, outcome);
  return outcome;
}

}  // namespace bench
