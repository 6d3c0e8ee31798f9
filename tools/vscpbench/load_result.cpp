#include "tools/vscpbench/load_result.h"

namespace bench {
namespace {

constexpr double kClientBusyCores = 0.9;
/// A generator that is later than this, and than a quarter of the latency, spoils the figure.
constexpr double kLagUs = 50;
constexpr double kLagShare = 0.25;

double to_us(std::uint64_t ns) {
  return static_cast<double>(ns) / 1000;
}

void add_faults(const Outcome& outcome, Result& result) {
  auto& faults = result.faults;
  faults.lost += outcome.lost;
  faults.duplicated += outcome.duplicated;
  faults.reordered += outcome.reordered;
  faults.corrupted += outcome.corrupted;
  faults.refused += outcome.refused;
  faults.closed += outcome.closed;
  faults.stalled = faults.stalled || outcome.stalled;
  faults.interrupted = faults.interrupted || outcome.interrupted;
  if (outcome.interrupted) result.remark("interrupted, figures are of a part");
  if (outcome.stalled) result.remark("nothing moved any more, so what was missing counts as lost");
  if (outcome.closed != 0) result.remark("the server closed connections");
  if (outcome.refused != 0) result.remark("the server refused events, first with \"" + outcome.first_refusal + "\"");
  if (outcome.foreign != 0) result.remark("events of others came too and were not counted");
}

void add_server(const Outcome& outcome, Result& result) {
  if (!outcome.server_known) {
    result.remark("the server's process is not known: no figures about its CPU time and memory");
    return;
  }
  const auto& before = outcome.server_before;
  const auto& after = outcome.server_after;
  if (after.rss_bytes == 0) return;  // it has ended
  result.add("server_us_per_delivery", us_per(outcome.server_cpu_ns(), outcome.work()));
  const auto system = static_cast<double>(after.system_ticks - before.system_ticks);
  const auto all = system + static_cast<double>(after.user_ticks - before.user_ticks);
  if (all > 0) result.add("server_system_percent", system / all * 100);
  result.add("server_cores", static_cast<double>(outcome.server_cpu_ns()) / 1e9 / outcome.seconds);
  result.add("server_sleeps_per_s", per_second(after.voluntary - before.voluntary, outcome.seconds));
  result.add("server_rss_before_bytes", static_cast<double>(before.rss_bytes));
  result.add("server_rss_bytes", static_cast<double>(after.rss_bytes));
}

void add_outcome(const Load& load, const Outcome& outcome, Result& result) {
  add_faults(outcome, result);
  if (outcome.seconds <= 0) return;
  result.add("events_per_s", per_second(outcome.events, outcome.seconds));
  result.add("deliveries_per_s", per_second(outcome.deliveries, outcome.seconds));
  add_server(outcome, result);
  const double client_cores = static_cast<double>(outcome.client_cpu_ns) / 1e9 / outcome.seconds;
  result.add("client_us_per_delivery", us_per(outcome.client_cpu_ns, outcome.work()));
  result.add("client_cores", client_cores);
  if (outcome.latency.total() != 0) {
    result.add("latency_p50_us", to_us(outcome.latency.percentile(0.5)));
    result.add("latency_p90_us", to_us(outcome.latency.percentile(0.9)));
    result.add("latency_p99_us", to_us(outcome.latency.percentile(0.99)));
    result.add("latency_p99.9_us", to_us(outcome.latency.percentile(0.999)));
    result.add("latency_max_us", to_us(outcome.latency.max()));
  }
  if (outcome.send_lag.total() != 0) {
    result.add("send_lag_p99_us", to_us(outcome.send_lag.percentile(0.99)));
    result.add("send_lag_max_us", to_us(outcome.send_lag.max()));
  }
  // A client that is busy all the time hides how fast the server is; per-delivery CPU stays valid.
  if (load.rate == 0 && !load.spin && client_cores > kClientBusyCores * load.threads) {
    result.remark("the client's threads are busy: events/s is a lower bound for the server; --threads may help");
  }
}

}  // namespace

double per_second(std::uint64_t count, double seconds) {
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

double us_per(std::uint64_t ns, std::uint64_t count) {
  return count != 0 ? static_cast<double>(ns) / 1000 / static_cast<double>(count) : 0;
}

void add_load_parameters(const Load& load, const EventShape& shape, Result& result) {
  result.parameters.insert(result.parameters.end(), {{"producers", load.producers},
                                                     {"consumers", load.consumers},
                                                     {"client_threads", load.threads},
                                                     {"rate", load.rate},
                                                     {"window", static_cast<double>(load.window)},
                                                     {"window_bytes", static_cast<double>(load.window_bytes)},
                                                     {"events", static_cast<double>(load.events)},
                                                     {"seconds", load.events != 0 ? 0 : load.seconds},
                                                     {"warmup_seconds", load.warmup_seconds},
                                                     {"verify", load.verify ? 1 : 0},
                                                     {"spin", load.spin ? 1 : 0},
                                                     {"head", shape.head},
                                                     {"class", shape.vscp_class},
                                                     {"type", shape.vscp_type},
                                                     {"time_form", static_cast<double>(shape.time_form)}});
}

Curve latency_curve(const std::string& name, const Histogram& histogram) {
  Curve curve{name, "%", "us", {}};
  if (histogram.total() == 0) return curve;
  for (const auto percent : curve_percents()) {
    // The tail of few events is not what its name says.
    const auto beyond = static_cast<double>(histogram.total()) * (100 - percent) / 100;
    if (percent > 0 && beyond < 1) break;
    curve.points.push_back({percent, to_us(histogram.percentile(percent / 100))});
  }
  return curve;
}

void add_outcomes(const Load& load, const std::vector<Outcome>& outcomes, Result& result) {
  Histogram latency;
  Histogram lag;
  for (const auto& outcome : outcomes) {
    add_outcome(load, outcome, result);
    latency.merge(outcome.latency);
    lag.merge(outcome.send_lag);
  }
  if (latency.total() != 0) result.curves.push_back(latency_curve("latency", latency));
  if (load.rate == 0 || lag.total() == 0) return;
  result.curves.push_back(latency_curve("send_lag", lag));
  const auto late = result.median("send_lag_p99_us");
  if (late > kLagUs && late > kLagShare * result.median("latency_p99_us")) {
    result.remark(
        "the load generator itself was late (see send lag): the latency is not the server's alone; "
        "an idle machine, fewer clients or --spin help");
  }
}

}  // namespace bench
