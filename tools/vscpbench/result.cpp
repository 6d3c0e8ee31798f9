#include "tools/vscpbench/result.h"

#include <algorithm>
#include <cmath>

namespace bench {
namespace {

std::vector<double> sorted(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values;
}

}  // namespace

const std::vector<FigureKind>& figure_kinds() {
  static const std::vector<FigureKind> kinds{
      // Events through the server.
      {"events_per_s", "events sent", "1/s", Better::kHigher},
      {"deliveries_per_s", "deliveries", "1/s", Better::kHigher},
      {"server_us_per_delivery", "server CPU per delivery", "us", Better::kLower},
      {"server_us_per_event", "server CPU per event", "us", Better::kLower},
      {"server_system_percent", "of it in the kernel", "%", Better::kNeither},
      {"client_us_per_delivery", "client CPU per delivery", "us", Better::kNeither},
      {"server_cores", "cores that the server kept busy", "", Better::kNeither},
      {"client_cores", "cores that the client kept busy", "", Better::kNeither},
      {"latency_p50_us", "latency p50", "us", Better::kLower},
      {"latency_p90_us", "latency p90", "us", Better::kLower},
      {"latency_p99_us", "latency p99", "us", Better::kLower},
      {"latency_p99.9_us", "latency p99.9", "us", Better::kLower},
      {"latency_max_us", "latency max", "us", Better::kNeither},
      {"send_lag_p99_us", "send lag p99 (the client's own)", "us", Better::kNeither},
      {"send_lag_max_us", "send lag max (the client's own)", "us", Better::kNeither},
      {"server_sleeps_per_s", "sleeps of the server", "1/s", Better::kNeither},
      // Sessions.
      {"connects_per_s", "sessions opened", "1/s", Better::kHigher},
      {"connects_per_server_cpu_s", "sessions opened per CPU second of the server", "1/s", Better::kHigher},
      {"server_us_per_connect", "server CPU per session opened", "us", Better::kLower},
      {"login_p50_us", "time to open p50", "us", Better::kLower},
      {"login_p90_us", "time to open p90", "us", Better::kLower},
      {"login_p99_us", "time to open p99", "us", Better::kLower},
      {"login_max_us", "time to open max", "us", Better::kNeither},
      {"server_us_per_close", "server CPU per session closed", "us", Better::kLower},
      // Memory.
      {"server_rss_bytes", "server memory (RSS)", "B", Better::kLower},
      {"server_rss_before_bytes", "server memory (RSS) before", "B", Better::kNeither},
      {"server_bytes_per_session", "server memory per session (RSS)", "B", Better::kLower},
      {"kernel_slab_bytes_per_session", "kernel slab per session, both ends", "B", Better::kNeither},
      {"kernel_socket_bytes_per_session", "kernel TCP buffers per session, both ends", "B", Better::kNeither},
      {"client_bytes_per_session", "client memory per session", "B", Better::kNeither},
      // At rest, and one event to all.
      {"rest_cpu_ms_per_s", "server CPU at rest per second", "ms", Better::kLower},
      {"rest_cpu_us_per_session_s", "server CPU at rest per session and second", "us", Better::kLower},
      {"fanout_first_us", "one event to all: first arrival", "us", Better::kLower},
      {"fanout_p50_us", "one event to all: half have it", "us", Better::kLower},
      {"fanout_last_us", "one event to all: last arrival", "us", Better::kLower},
      {"fanout_server_us_per_delivery", "one event to all: server CPU per delivery", "us", Better::kLower},
      // Beside a slow crowd.
      {"alone_events_per_s", "alone: events of the pair", "1/s", Better::kNeither},
      {"alone_server_us_per_delivery", "alone: server CPU per delivery", "us", Better::kNeither},
      {"alone_latency_p50_us", "alone: latency p50", "us", Better::kNeither},
      {"alone_latency_p99_us", "alone: latency p99", "us", Better::kNeither},
      {"crowd_deliveries", "deliveries to the crowd meanwhile", "", Better::kNeither},
      {"crowd_closed", "sessions of the crowd that the server closed", "", Better::kNeither},
      {"throughput_ratio", "events with the crowd by events alone", "", Better::kHigher},
      {"cpu_ratio", "server CPU with the crowd by alone", "", Better::kLower},
      {"latency_p50_ratio", "latency p50 with the crowd by alone", "", Better::kLower},
      {"latency_p99_ratio", "latency p99 with the crowd by alone", "", Better::kLower},
      // More than a consumer takes.
      {"overload_sent", "events sent", "", Better::kNeither},
      {"overload_delivered_percent", "delivered", "%", Better::kNeither},
      {"delivered_p0_percent", "priority 0 (highest) delivered", "%", Better::kHigher},
      {"delivered_p1_percent", "priority 1 delivered", "%", Better::kNeither},
      {"delivered_p2_percent", "priority 2 delivered", "%", Better::kNeither},
      {"delivered_p3_percent", "priority 3 delivered", "%", Better::kNeither},
      {"delivered_p4_percent", "priority 4 delivered", "%", Better::kNeither},
      {"delivered_p5_percent", "priority 5 delivered", "%", Better::kNeither},
      {"delivered_p6_percent", "priority 6 delivered", "%", Better::kNeither},
      {"delivered_p7_percent", "priority 7 (lowest) delivered", "%", Better::kNeither},
  };
  return kinds;
}

const FigureKind* find_figure_kind(std::string_view name) {
  for (const auto& kind : figure_kinds()) {
    if (kind.name == name) return &kind;
  }
  return nullptr;
}

double Figure::median() const {
  if (values.empty()) return 0;
  const auto ordered = sorted(values);
  const auto middle = ordered.size() / 2;
  return ordered.size() % 2 == 1 ? ordered[middle] : (ordered[middle - 1] + ordered[middle]) / 2;
}

double Figure::low() const {
  return values.empty() ? 0 : *std::min_element(values.begin(), values.end());
}

double Figure::high() const {
  return values.empty() ? 0 : *std::max_element(values.begin(), values.end());
}

double Figure::spread_percent() const {
  const auto middle = median();
  return middle > 0 ? (high() - low()) / middle * 100 : 0;
}

void Result::add(std::string_view figure, double value) {
  if (!std::isfinite(value)) return;
  for (auto& known : figures) {
    if (known.name != figure) continue;
    known.values.push_back(value);
    return;
  }
  Figure added{std::string(figure), {}, Better::kNeither, {value}};
  if (const auto* kind = find_figure_kind(figure)) {
    added.unit = kind->unit;
    added.better = kind->better;
  }
  figures.push_back(std::move(added));
}

void Result::remark(std::string text) {
  if (std::find(remarks.begin(), remarks.end(), text) == remarks.end()) remarks.push_back(std::move(text));
}

const Figure* Result::find(std::string_view figure) const {
  for (const auto& known : figures) {
    if (known.name == figure) return &known;
  }
  return nullptr;
}

const Curve* Result::find_curve(std::string_view curve) const {
  for (const auto& known : curves) {
    if (known.name == curve) return &known;
  }
  return nullptr;
}

double Result::median(std::string_view figure, double otherwise) const {
  const auto* found = find(figure);
  return found != nullptr ? found->median() : otherwise;
}

double Result::parameter(std::string_view name, double otherwise) const {
  for (const auto& [key, value] : parameters) {
    if (key == name) return value;
  }
  return otherwise;
}

bool same_work(const Result& a, const Result& b) {
  return a.scenario == b.scenario && a.variant == b.variant && a.server == b.server && a.wire == b.wire &&
         a.payload_bytes == b.payload_bytes;
}

std::string label_of(const Result& result) {
  auto label = result.scenario;
  if (!result.variant.empty()) label += " " + result.variant + ",";
  return label + " " + result.wire + " " + std::to_string(result.payload_bytes) + " bytes";
}

std::vector<std::string> remark_lines(const std::vector<Result>& results, bool with_server) {
  struct Subject {
    std::string remark;
    std::string labels;
    std::size_t count = 0;
  };
  constexpr std::size_t kNamed = 2;
  std::vector<Subject> subjects;
  for (const auto& result : results) {
    const auto label = with_server ? result.server + ", " + label_of(result) : label_of(result);
    for (const auto& remark : result.remarks) {
      auto found =
          std::find_if(subjects.begin(), subjects.end(), [&](const auto& each) { return each.remark == remark; });
      if (found == subjects.end()) found = subjects.insert(found, {remark, {}, 0});
      if (found->count++ < kNamed) found->labels += (found->labels.empty() ? "" : "; ") + label;
    }
  }
  std::vector<std::string> lines;
  for (const auto& subject : subjects) {
    const std::size_t others = subject.count - std::min(subject.count, kNamed);
    const std::string more = others == 0   ? ""
                             : others == 1 ? " and 1 other"
                                           : " and " + std::to_string(others) + " others";
    lines.push_back(subject.labels + more + ": " + subject.remark);
  }
  return lines;
}

int exit_status(const std::vector<Result>& results, bool allow_loss) {
  for (const auto& result : results) {
    const auto& faults = result.faults;
    if (faults.beyond_loss()) return 1;
    if (!allow_loss && (faults.lost + faults.refused != 0 || faults.stalled)) return 1;
  }
  return 0;
}

const std::vector<double>& curve_percents() {
  static const std::vector<double> percents{0,    10,   20,   30,   40,    50,    60,    70,    75,   80,
                                            85,   90,   92,   94,   95,    96.5,  97.5,  98.5,  99,   99.3,
                                            99.5, 99.7, 99.8, 99.9, 99.93, 99.95, 99.97, 99.98, 99.99};
  return percents;
}

}  // namespace bench
