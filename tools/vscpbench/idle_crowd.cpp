// The scenario idle-crowd: what a session that does nothing costs, and how fast one event reaches all of them.
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "tools/vscpbench/crowd.h"
#include "tools/vscpbench/load_result.h"
#include "tools/vscpbench/scenario.h"
#include "tools/vscpbench/server_stats.h"

namespace bench {
namespace {

constexpr std::size_t kSessions = 10000;
constexpr double kRestSeconds = 5;
constexpr std::uint64_t kEvents = 10;
constexpr int kReplyMs = 10000;
constexpr double kSettleSeconds = 3;

double to_double(std::uint64_t value) {
  return static_cast<double>(value);
}

/// May be negative: the machine does other things too.
double growth(std::uint64_t before, std::uint64_t after) {
  return to_double(after) - to_double(before);
}

/// Sends single events and waits for the answer to each.
class EventSender {
 public:
  EventSender(const Wire& wire, const EventShape& shape, OpenSession session)
      : wire_(wire), shape_(shape), session_(std::move(session)), event_(wire.make_event(shape, 0)) {}

  /// Sets `sent_ns` to when it was given to the kernel.
  std::string send_one(std::uint32_t sequence, std::uint64_t& sent_ns) {
    sent_ns = monotonic_ns();
    event_ = wire_.make_event(shape_, sequence % kVariants);
    wire_.write_id({.time_ns = sent_ns, .sequence = sequence, .producer = 0, .run = shape_.run},
                   event_.data() + wire_.id_offset(shape_));
    if (send(session_.fd.get(), event_.data(), event_.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(event_.size())) {
      return "cannot send an event";
    }
    return {};
  }

  std::string await_reply() {
    const auto wanted = replies_.accepted + 1;
    while (replies_.accepted < wanted) {
      if (replies_.refused != 0) return "the server refused an event: " + replies_.first_refusal;
      pollfd polled{session_.fd.get(), POLLIN, 0};
      if (poll(&polled, 1, kReplyMs) != 1) return "no answer to an event";
      std::array<char, 4096> bytes;
      const auto got = recv(session_.fd.get(), bytes.data(), bytes.size(), 0);
      if (got <= 0) return "the server closed the producer's connection";
      rest_.append(bytes.data(), static_cast<std::size_t>(got));
      rest_.erase(0, wire_.scan_replies(rest_, replies_));
    }
    return {};
  }

 private:
  const Wire& wire_;
  const EventShape& shape_;
  OpenSession session_;
  std::string event_;
  std::string rest_;
  Replies replies_;
};

class IdleCrowd {
 public:
  IdleCrowd(Context& context, const CrowdPlan& plan, Result& result)
      : context_(context), plan_(plan), result_(result) {}

  std::string run_once(Histogram& arrivals) {
    const auto before = read_process(context_.server.pid());
    auto crowd = Crowd::start(plan_);
    if (!crowd) return crowd.error();
    const auto kernel_before = read_kernel_memory();
    auto error = crowd->open(context_.stop, [&](const CrowdCounts& now) {
      context_.progress.show(std::to_string(now.ready) + " of " + std::to_string(plan_.sessions) + " sessions");
    });
    if (const auto death = context_.server.death(); !death.empty()) return death;
    if (!error.empty()) return error;
    sessions_ = crowd->counts().ready;
    if (crowd->counts().failed != 0) {
      result_.remark("sessions that could not be opened, the first because: " + crowd->first_failure());
    }
    context_.server.wait_until_quiet(kSettleSeconds);
    crowd->refresh();
    add_memory(before, kernel_before, *crowd);
    measure_rest();
    error = fan_out(*crowd);
    const auto counts = crowd->counts();
    result_.faults.failed += counts.failed;
    result_.faults.closed += counts.closed;
    result_.faults.lost += counts.missed;
    result_.faults.duplicated += counts.repeated;
    result_.faults.corrupted += counts.corrupted;
    crowd->refresh();
    arrivals.merge(crowd->arrival_times());
    const auto death = context_.server.death();
    return death.empty() ? error : death;
  }

 private:
  /// Lets time pass; ctrl-C ends it.
  void rest(double seconds, const std::string& what) {
    const auto end = monotonic_ns() + static_cast<std::uint64_t>(seconds * 1e9);
    while (!context_.stop && monotonic_ns() < end) {
      context_.progress.show(std::to_string(sessions_) + " sessions, " + what);
      poll(nullptr, 0, 20);
    }
  }

  void add_memory(const std::optional<ProcessStats>& before, const KernelMemory& kernel_before, const Crowd& crowd) {
    const auto sessions = to_double(sessions_);
    const auto now = read_process(context_.server.pid());
    const auto kernel = read_kernel_memory();
    if (before && now) {
      result_.add("server_rss_before_bytes", to_double(before->rss_bytes));
      result_.add("server_rss_bytes", to_double(now->rss_bytes));
      result_.add("server_bytes_per_session", growth(before->rss_bytes, now->rss_bytes) / sessions);
    }
    result_.add("kernel_slab_bytes_per_session", growth(kernel_before.slab, kernel.slab) / sessions);
    result_.add("kernel_socket_bytes_per_session", growth(kernel_before.tcp, kernel.tcp) / sessions);
    result_.add("client_bytes_per_session", to_double(crowd.private_bytes()) / sessions);
  }

  void measure_rest() {
    const auto before = read_process(context_.server.pid());
    const auto begin = monotonic_ns();
    rest(context_.seconds(kRestSeconds), "at rest");
    const auto after = read_process(context_.server.pid());
    if (!before || !after) return;
    const auto seconds = to_double(monotonic_ns() - begin) / 1e9;
    const auto cpu_us = to_double(after->cpu_ns - before->cpu_ns) / 1000;
    result_.add("rest_cpu_ms_per_s", cpu_us / 1000 / seconds);
    result_.add("rest_cpu_us_per_session_s", cpu_us / seconds / to_double(sessions_));
  }

  /// Single events, each of which everybody has before the next one is sent. The figures of one repeat are medians.
  std::string fan_out(Crowd& crowd) {
    auto session = context_.wire.open(context_.server.target(), Role::kProducer, {});
    if (!session) return session.error();
    EventSender sender(context_.wire, plan_.shape, std::move(*session));
    if (auto error = crowd.mark(); !error.empty()) return error;
    Figure first, last, cpu;
    const auto events = context_.settings.load.events != 0 ? context_.settings.load.events : kEvents;
    for (std::uint64_t i = 0; i < events && !context_.stop; ++i) {
      const auto before = read_process(context_.server.pid());
      std::uint64_t sent_ns = 0;
      if (auto error = sender.send_one(static_cast<std::uint32_t>(i), sent_ns); !error.empty()) return error;
      if (auto error = sender.await_reply(); !error.empty()) return error;
      if (!crowd.wait_for(sessions_ * (i + 1), context_.stop)) {
        if (context_.stop) return {};
        result_.faults.lost += sessions_ * (i + 1) - crowd.counts().deliveries;
        result_.remark("not every session got every event");
        return {};
      }
      const auto counts = crowd.counts();
      const auto after = read_process(context_.server.pid());
      first.values.push_back(to_double(counts.first_arrival_ns - sent_ns) / 1000);
      last.values.push_back(to_double(counts.last_arrival_ns - sent_ns) / 1000);
      if (before && after) cpu.values.push_back(us_per(after->cpu_ns - before->cpu_ns, sessions_));
      context_.progress.show(std::to_string(sessions_) + " sessions, event " + std::to_string(i + 1));
      if (i + 1 == events) break;
      if (auto error = crowd.mark(); !error.empty()) return error;
    }
    if (first.values.empty()) return {};
    result_.add("fanout_first_us", first.median());
    crowd.refresh();
    result_.add("fanout_p50_us", to_double(crowd.arrival_times().percentile(0.5)) / 1000);
    result_.add("fanout_last_us", last.median());
    if (!cpu.values.empty()) result_.add("fanout_server_us_per_delivery", cpu.median());
    return {};
  }

  Context& context_;
  const CrowdPlan& plan_;
  Result& result_;
  std::uint64_t sessions_ = 0;
};

}  // namespace

std::string run_idle_crowd(Context& context) {
  const auto& settings = context.settings;
  CrowdPlan plan;
  plan.sessions = settings.sessions != 0 ? settings.sessions : kSessions;
  plan.processes = settings.processes;
  plan.at_once = settings.at_once;
  plan.stall_seconds = settings.load.stall_seconds;
  plan.wire = &context.wire;
  auto result = context.result(std::to_string(plan.sessions) + " sessions");
  result.parameters = {{"sessions", static_cast<double>(plan.sessions)}, {"at_once", plan.at_once}};
  Histogram arrivals;
  std::string error;
  for (unsigned i = 0; i < settings.repeat && error.empty() && !context.stop; ++i) {
    context.begin_part(result, i);
    // A server that has had sessions before has memory for them already.
    if (error = context.server.restart(); !error.empty()) break;
    plan.address = context.server.target().address;
    plan.shape = context.shape();
    plan.steps = link_steps(context.server.target(), context.wire);
    error = IdleCrowd(context, plan, result).run_once(arrivals);
  }
  if (!context.server.is_own() && settings.repeat > 1) {
    result.remark("the server was not started anew for each repeat: only the first one shows its memory per session");
  }
  if (arrivals.total() != 0) result.curves.push_back(latency_curve("fanout", arrivals));
  if (!result.figures.empty()) context.results.push_back(std::move(result));
  return error;
}

}  // namespace bench
