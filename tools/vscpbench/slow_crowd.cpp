// The scenario slow-crowd: what a pair of one producer and one consumer loses when many readers beside it do not read.
#include "tools/vscpbench/crowd.h"
#include "tools/vscpbench/load_result.h"
#include "tools/vscpbench/scenario.h"

namespace bench {
namespace {

constexpr std::size_t kSessions = 1000;
constexpr double kSeconds = 3;
constexpr double kLatencyRate = 10000;
constexpr std::uint32_t kTimeEveryFlatOut = 16;
/// A slow reader with little memory: the server's side fills soon.
constexpr int kReceiveBuffer = 16 << 10;
const std::vector<std::string> kReaders{"stop", "trickle"};

double ratio(double with, double alone) {
  return alone > 0 ? with / alone : 0;
}

/// Flat out for throughput and CPU, then at a rate for latency.
struct PairOutcome {
  Outcome flat_out;
  Outcome steady;

  double events_per_s() const { return per_second(flat_out.events, flat_out.seconds); }
  double cpu_us() const { return us_per(flat_out.server_cpu_ns(), flat_out.work()); }
  double latency_us(double share) const { return static_cast<double>(steady.latency.percentile(share)) / 1000; }
};

class SlowCrowd {
 public:
  SlowCrowd(Context& context, Reading reading, Result& result) : context_(context), reading_(reading), result_(result) {
    flat_out_ = context.settings.load;
    flat_out_.producers = 1;
    flat_out_.consumers = 1;
    flat_out_.rate = 0;
    flat_out_.time_every = kTimeEveryFlatOut;
    flat_out_.seconds = context.seconds(kSeconds);
    steady_ = flat_out_;
    steady_.rate = context.settings.load.rate > 0 ? context.settings.load.rate : kLatencyRate;
    steady_.time_every = 1;
  }

  const Load& load() const { return flat_out_; }

  std::string run_once(const CrowdPlan& plan, std::vector<Outcome>& flat_out, std::vector<Outcome>& steady) {
    PairOutcome alone;
    if (auto error = run_pair(alone); !error.empty()) return error;
    auto crowd = Crowd::start(plan);
    if (!crowd) return crowd.error();
    auto error = crowd->open(context_.stop, [&](const CrowdCounts& now) {
      context_.progress.show(std::to_string(now.ready) + " of " + std::to_string(plan.sessions) + " sessions");
    });
    if (const auto death = context_.server.death(); !death.empty()) return death;
    if (!error.empty()) return error;
    if (error = crowd->read(reading_); !error.empty()) return error;
    PairOutcome beside;
    if (error = run_pair(beside); !error.empty()) return error;
    add(alone, beside, crowd->counts());
    flat_out.push_back(std::move(beside.flat_out));
    steady.push_back(std::move(beside.steady));
    return {};
  }

 private:
  std::string run_pair(PairOutcome& pair) {
    for (const auto& [load, outcome] : {std::pair(&flat_out_, &pair.flat_out), std::pair(&steady_, &pair.steady)}) {
      auto done = run_load(context_.server.target(), *load, context_.shape(), context_.wire, context_.server.pid(),
                           context_.stop, context_.progress_call());
      if (const auto death = context_.server.death(); !death.empty()) return death;
      if (!done) return done.error();
      if (done->interrupted) return "interrupted";
      *outcome = std::move(*done);
    }
    return {};
  }

  void add(const PairOutcome& alone, const PairOutcome& beside, const CrowdCounts& crowd) {
    result_.faults.failed += crowd.failed;
    result_.add("throughput_ratio", ratio(beside.events_per_s(), alone.events_per_s()));
    result_.add("cpu_ratio", ratio(beside.cpu_us(), alone.cpu_us()));
    result_.add("latency_p50_ratio", ratio(beside.latency_us(0.5), alone.latency_us(0.5)));
    result_.add("latency_p99_ratio", ratio(beside.latency_us(0.99), alone.latency_us(0.99)));
    result_.add("alone_events_per_s", alone.events_per_s());
    if (alone.flat_out.server_known) result_.add("alone_server_us_per_delivery", alone.cpu_us());
    result_.add("alone_latency_p50_us", alone.latency_us(0.5));
    result_.add("alone_latency_p99_us", alone.latency_us(0.99));
    result_.add("crowd_deliveries", static_cast<double>(crowd.deliveries));
    result_.add("crowd_closed", static_cast<double>(crowd.closed));
  }

  Context& context_;
  Reading reading_;
  Result& result_;
  Load flat_out_;
  Load steady_;
};

/// Throughput, CPU and memory of the flat-out runs, latency of those at a rate; faults of both.
void add_pair(const Load& load, const std::vector<Outcome>& flat_out, const std::vector<Outcome>& steady,
              Result& result) {
  auto outcomes = flat_out;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    outcomes[i].latency = steady[i].latency;
    outcomes[i].lost += steady[i].lost;
    outcomes[i].duplicated += steady[i].duplicated;
    outcomes[i].reordered += steady[i].reordered;
    outcomes[i].corrupted += steady[i].corrupted;
    outcomes[i].refused += steady[i].refused;
    outcomes[i].closed += steady[i].closed;
    outcomes[i].stalled = outcomes[i].stalled || steady[i].stalled;
  }
  add_outcomes(load, outcomes, result);
}

std::string run_reader(Context& context, const std::string& reader) {
  const auto& settings = context.settings;
  CrowdPlan plan;
  plan.sessions = settings.sessions != 0 ? settings.sessions : kSessions;
  plan.processes = settings.processes;
  plan.at_once = settings.at_once;
  plan.stall_seconds = settings.load.stall_seconds;
  plan.receive_buffer = kReceiveBuffer;
  plan.wire = &context.wire;
  auto result = context.result(std::to_string(plan.sessions) + " readers " + reader);
  result.parameters = {{"sessions", static_cast<double>(plan.sessions)}};
  std::vector<Outcome> flat_out;
  std::vector<Outcome> steady;
  std::string error;
  SlowCrowd crowd(context, reader == "stop" ? Reading::kNothing : Reading::kTrickle, result);
  for (unsigned i = 0; i < settings.repeat && error.empty() && !context.stop; ++i) {
    context.begin_part(result, i);
    if (error = context.server.restart(); !error.empty()) break;
    plan.address = context.server.target().address;
    plan.steps = link_steps(context.server.target(), context.wire);
    plan.shape = context.settings.shape;
    plan.shape.payload_bytes = context.payload_bytes;
    error = crowd.run_once(plan, flat_out, steady);
  }
  if (flat_out.empty()) return error;
  add_load_parameters(crowd.load(), plan.shape, result);
  add_pair(crowd.load(), flat_out, steady, result);
  context.results.push_back(std::move(result));
  return error;
}

}  // namespace

std::string run_slow_crowd(Context& context) {
  const auto& settings = context.settings;
  for (const auto& reader : settings.readers.empty() ? kReaders : settings.readers) {
    if (auto error = run_reader(context, reader); !error.empty()) return error;
    if (context.stop) return {};
  }
  return {};
}

}  // namespace bench
