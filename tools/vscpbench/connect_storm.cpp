// The scenario connect-storm: how many sessions can be opened per second, and what one costs the server.
#include "tools/vscpbench/connect_storm.h"

#include "tools/vscpbench/load_result.h"
#include "tools/vscpbench/scenario.h"
#include "tools/vscpbench/server_stats.h"

namespace bench {
namespace {

constexpr std::size_t kSessions = 10000;
constexpr double kCloseLimitSeconds = 10;

void add_storm(Crowd& crowd, double seconds, const std::optional<ProcessStats>& before,
               const std::optional<ProcessStats>& after, Result& result) {
  const auto counts = crowd.counts();
  result.faults.failed += counts.failed;
  result.faults.closed += counts.closed;
  if (counts.failed != 0)
    result.remark("sessions that could not be opened, the first because: " + crowd.first_failure());
  result.add("connects_per_s", per_second(counts.ready, seconds));
  if (before && after) {
    const auto cpu_ns = after->cpu_ns - before->cpu_ns;
    result.add("connects_per_server_cpu_s", static_cast<double>(counts.ready) / (static_cast<double>(cpu_ns) / 1e9));
    result.add("server_us_per_connect", us_per(cpu_ns, counts.ready));
    result.add("server_cores", static_cast<double>(cpu_ns) / 1e9 / seconds);
  }
  crowd.refresh();
  result.add("client_cores", static_cast<double>(crowd.cpu_ns()) / 1e9 / seconds);
  const auto times = crowd.opening_times();
  const auto us = [&](double share) { return static_cast<double>(times.percentile(share)) / 1000; };
  result.add("login_p50_us", us(0.5));
  result.add("login_p90_us", us(0.9));
  result.add("login_p99_us", us(0.99));
  result.add("login_max_us", static_cast<double>(times.max()) / 1000);
}

std::string run_once(Context& context, const CrowdPlan& plan, Histogram& all, Result& result) {
  context.server.wait_until_quiet();
  auto crowd = Crowd::start(plan);
  if (!crowd) return crowd.error();
  const auto pid = context.server.pid();
  auto error = open_storm(*crowd, plan, pid, context.stop, context.progress, result);
  const auto after = read_process(pid);
  if (const auto death = context.server.death(); !death.empty()) return death;
  if (!error.empty()) return error;
  all.merge(crowd->opening_times());
  if (error = crowd->close(); !error.empty()) return error;
  context.server.wait_until_quiet(kCloseLimitSeconds);
  const auto closed = read_process(pid);
  if (closed && after) result.add("server_us_per_close", us_per(closed->cpu_ns - after->cpu_ns, plan.sessions));
  return context.server.death();
}

}  // namespace

std::string open_storm(Crowd& crowd, const CrowdPlan& plan, pid_t server, const std::atomic<bool>& stop,
                       ProgressLine& progress, Result& result) {
  const auto before = read_process(server);
  const auto begin = monotonic_ns();
  auto error = crowd.open(stop, [&](const CrowdCounts& now) {
    progress.show(std::to_string(now.ready) + " of " + std::to_string(plan.sessions) + " sessions");
  });
  const auto seconds = static_cast<double>(monotonic_ns() - begin) / 1e9;
  const auto after = read_process(server);
  if (error.empty()) add_storm(crowd, seconds, before, after, result);
  return error;
}

std::string run_connect_storm(Context& context) {
  const auto& settings = context.settings;
  CrowdPlan plan;
  plan.address = context.server.target().address;
  plan.steps = link_steps(context.server.target(), context.wire);
  plan.sessions = settings.sessions != 0 ? settings.sessions : kSessions;
  plan.processes = settings.processes;
  plan.at_once = settings.at_once;
  plan.stall_seconds = settings.load.stall_seconds;
  auto result =
      context.result(std::to_string(plan.sessions) + " sessions, " + std::to_string(plan.at_once) + " at once");
  result.parameters = {{"sessions", static_cast<double>(plan.sessions)}, {"at_once", plan.at_once}};
  Histogram times;
  std::string error;
  for (unsigned i = 0; i < settings.repeat && error.empty() && !context.stop; ++i) {
    context.begin_part(result, i);
    error = run_once(context, plan, times, result);
  }
  if (times.total() != 0) {
    result.curves.push_back(latency_curve("login", times));
    context.results.push_back(std::move(result));
  }
  return error;
}

}  // namespace bench
