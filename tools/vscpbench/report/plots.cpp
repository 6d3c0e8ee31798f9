#include "tools/vscpbench/report/plots.h"

#include <algorithm>
#include <functional>
#include <set>

#include "tools/vscpbench/tables.h"

namespace bench {
namespace {

using Results = std::vector<const Result*>;
using Accept = std::function<bool(const Result&)>;

Results filtered(const std::vector<Result>& results, const Accept& accept) {
  Results found;
  for (const auto& result : results) {
    if (accept(result)) found.push_back(&result);
  }
  return found;
}

/// Which of `names` it is; added if it is not among them.
std::size_t index_in(std::vector<std::string>& names, const std::string& name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  names.push_back(name);
  return names.size() - 1;
}

BarGroup& group_in(BarPlot& plot, const std::string& label) {
  for (auto& group : plot.groups) {
    if (group.label == label) return group;
  }
  return plot.groups.emplace_back(BarGroup{label, {}});
}

/// "µs" for "us".
std::string pretty(std::string text) {
  const auto at = text.rfind(" us");
  if (at != std::string::npos && at + 3 == text.size()) text.replace(at, 3, " µs");
  return text;
}

void add_bar(BarPlot& plot, const std::string& group, const std::string& series, const Figure* figure, double scale) {
  if (figure == nullptr) return;
  const auto text = pretty(figure_text(figure->median(), figure->unit));
  group_in(plot, group)
      .bars.push_back({index_in(plot.series, series), figure->median() * scale, figure->low() * scale,
                       figure->high() * scale, text});
}

bool several_servers(const Results& results) {
  return std::any_of(results.begin(), results.end(), [&](const auto* r) { return r->server != results[0]->server; });
}

std::string work_label(const Result& result) {
  auto label = result.scenario;
  if (!result.variant.empty()) label += " " + result.variant;
  return label + ", " + std::to_string(result.payload_bytes) + " bytes";
}

/// Throughput and CPU of the shapes, flat out, of one server.
void add_shape_plots(const std::vector<Result>& all, const std::string& server, std::vector<Plot>& plots) {
  const auto results = filtered(all, [&](const Result& r) {
    return is_load(r) && r.scenario != "latency" && r.variant.empty() && r.server == server;
  });
  Plot rate{"throughput",
            "Deliveries per second, flat out",
            "Events received by all consumers together. Line ends: lowest and highest repeat.",
            "deliveries per second",
            {},
            {}};
  Plot cpu{"cpu-per-delivery",
           "CPU time of the server per delivery",
           "User and system, all threads, by the kernel's accounting. Shorter is better.",
           "µs per delivery",
           {},
           {}};
  for (const auto* result : results) {
    add_bar(rate.bars, work_label(*result), result->wire, result->find("deliveries_per_s"), 1);
    add_bar(cpu.bars, work_label(*result), result->wire, result->find("server_us_per_delivery"), 1);
  }
  for (auto* plot : {&rate, &cpu}) {
    if (!plot->bars.groups.empty()) plots.push_back(std::move(*plot));
  }
}

/// CPU of every server by that of the main one, which is 1.
void add_peer_plot(const std::vector<Result>& all, const std::string& server, std::vector<Plot>& plots) {
  Plot plot{"cpu-against-peers",
            "CPU time per delivery against " + server,
            server + " = 1, same work in the same run. To the right: costs more. Logarithmic.",
            "times the CPU time of " + server,
            {},
            {}};
  plot.bars.reference = 1;
  plot.bars.log = true;
  std::set<std::string> done;
  for (const auto& main : all) {
    const auto* base = main.find("server_us_per_delivery");
    if (main.server != server || base == nullptr || base->median() <= 0 || !is_load(main)) continue;
    if (!done.insert(work_label(main)).second) continue;
    const auto others =
        filtered(all, [&](const Result& r) { return work_label(r) == work_label(main) && &r != &main; });
    if (std::none_of(others.begin(), others.end(), [&](const auto* r) { return r->server != server; })) continue;
    const auto label = work_label(main) + " (1 = " + pretty(figure_text(base->median(), "us")) + ", " + main.wire + ")";
    for (const auto* other : others) {
      const auto* figure = other->find("server_us_per_delivery");
      if (figure == nullptr || figure->median() <= 0) continue;
      const double scale = 1 / base->median();
      const auto series = index_in(plot.bars.series, other->server + " " + other->wire);
      group_in(plot.bars, label)
          .bars.push_back({series, figure->median() * scale, figure->low() * scale, figure->high() * scale,
                           number_text(figure->median() * scale) + "x"});
    }
  }
  if (!plot.bars.groups.empty()) plots.push_back(std::move(plot));
}

void add_latency_plot(const std::vector<Result>& all, const std::string& server, std::vector<Plot>& plots) {
  const auto results = filtered(
      all, [](const Result& r) { return r.parameter("rate") > 0 && r.find_curve("latency") != nullptr && is_load(r); });
  if (results.empty()) return;
  Plot plot{"latency",
            "Latency at a fixed rate",
            "How long an event takes from when it was due until it was received; open loop, so that a pause counts for "
            "every event that it delays. Each step to the right leaves a tenth of the events.",
            "share of events that are at least so fast",
            {},
            {}};
  plot.curves = {"latency, µs", Scale::kNines, Scale::kLog, {}};
  const auto work = work_label(*results.front());
  const bool same_work =
      std::all_of(results.begin(), results.end(), [&](const auto* r) { return work_label(*r) == work; });
  constexpr std::string_view kScenario = "latency";
  if (same_work) plot.title = work.starts_with(kScenario) ? "L" + work.substr(1) : "Latency, " + work;
  for (const auto* result : results) {
    auto name = (several_servers(results) ? result->server + ", " : std::string()) + result->wire;
    if (!same_work) name += ", " + work_label(*result);
    plot.curves.lines.push_back({name, result->find_curve("latency")->points, false, false, plot.curves.lines.size()});
  }
  const auto main = std::find_if(results.begin(), results.end(), [&](const auto* r) { return r->server == server; });
  if (main != results.end() && (*main)->find_curve("send_lag") != nullptr) {
    plot.curves.lines.push_back(
        {"send lag of the load generator", (*main)->find_curve("send_lag")->points, true, false, 6});
  }
  // A generator that is in time is so by less than a logarithmic axis can show.
  for (auto& line : plot.curves.lines) std::erase_if(line.points, [](const Point& point) { return point.y < 0.5; });
  plots.push_back(std::move(plot));
}

void add_filter_plot(const std::vector<Result>& all, std::vector<Plot>& plots) {
  const auto results = filtered(all, [](const Result& r) { return r.scenario == "filter-crowd"; });
  Plot plot{"filters",
            "CPU time per event against the number of distinct filters",
            "One filter matches, all others do not. Flat is good: an event costs no more when more sessions do not "
            "want it.",
            "distinct filters, one session each or more (logarithmic)",
            {},
            {}};
  plot.curves = {"server CPU per event, µs", Scale::kLog, Scale::kLinear, {}};
  std::vector<std::string> names;
  for (const auto* result : results) {
    const auto* figure = result->find("server_us_per_delivery");
    if (figure == nullptr || result->parameter("filters") <= 0) continue;
    const auto kind = result->variant.substr(std::min(result->variant.find("by "), result->variant.size()));
    const auto index = index_in(
        names, "filters " + kind + (several_servers(results) ? ", " + result->server : "") + ", " + result->wire);
    if (index == plot.curves.lines.size()) plot.curves.lines.push_back({names[index], {}, false, true, index});
    plot.curves.lines[index].points.push_back({result->parameter("filters"), figure->median()});
  }
  for (auto& line : plot.curves.lines) {
    std::sort(line.points.begin(), line.points.end(), [](const Point& a, const Point& b) { return a.x < b.x; });
  }
  if (!plot.curves.lines.empty()) plots.push_back(std::move(plot));
}

void add_idle_plots(const std::vector<Result>& all, std::vector<Plot>& plots) {
  const auto results = filtered(all, [](const Result& r) { return r.scenario == "idle-crowd"; });
  if (results.empty()) return;
  Plot memory{"memory-per-session",
              "Memory per idle session",
              "Logged in and in RCVLOOP. The server's: growth of its RSS. The kernel's: growth of the machine's slab "
              "and TCP buffers, which hold both ends of a loopback connection.",
              "bytes per session",
              {},
              {}};
  Plot fanout{"one-event-to-all",
              "One event to all sessions",
              "The share of the sessions that have the event, over the time since it was sent.",
              "ms since it was sent",
              {},
              {}};
  fanout.curves = {"sessions that have it, %", Scale::kLinear, Scale::kLinear, {}};
  for (const auto* result : results) {
    const auto label = (several_servers(results) ? result->server + ", " : std::string()) + result->variant;
    add_bar(memory.bars, label, "server (RSS)", result->find("server_bytes_per_session"), 1);
    add_bar(memory.bars, label, "kernel slab, both ends", result->find("kernel_slab_bytes_per_session"), 1);
    add_bar(memory.bars, label, "kernel TCP buffers, both ends", result->find("kernel_socket_bytes_per_session"), 1);
    const auto* curve = result->find_curve("fanout");
    if (curve == nullptr) continue;
    Line line{label, {}, false, false, fanout.curves.lines.size()};
    for (const auto& point : curve->points) line.points.push_back({point.y / 1000, point.x});
    fanout.curves.lines.push_back(std::move(line));
  }
  if (!memory.bars.groups.empty()) plots.push_back(std::move(memory));
  if (!fanout.curves.lines.empty()) plots.push_back(std::move(fanout));
}

void add_storm_plots(const std::vector<Result>& all, std::vector<Plot>& plots) {
  const auto results = filtered(all, [](const Result& r) { return r.scenario == "connect-storm"; });
  if (results.empty()) return;
  Plot rate{"connects",
            "Sessions opened per CPU second of the server",
            "Connect, login and RCVLOOP. Longer is better.",
            "sessions per CPU second",
            {},
            {}};
  Plot times{"time-to-open",
             "Time to open a session in a storm",
             "From connect to the last answer.",
             "share of sessions that are at least so fast",
             {},
             {}};
  times.curves = {"time to open, ms", Scale::kNines, Scale::kLog, {}};
  for (const auto* result : results) {
    const auto label = (several_servers(results) ? result->server + ", " : std::string()) + result->variant;
    add_bar(rate.bars, label, "sessions", result->find("connects_per_server_cpu_s"), 1);
    const auto* curve = result->find_curve("login");
    if (curve == nullptr) continue;
    Line line{label, curve->points, false, false, times.curves.lines.size()};
    for (auto& point : line.points) point.y /= 1000;
    times.curves.lines.push_back(std::move(line));
  }
  if (!rate.bars.groups.empty()) plots.push_back(std::move(rate));
  if (!times.curves.lines.empty()) plots.push_back(std::move(times));
}

void add_slow_plot(const std::vector<Result>& all, std::vector<Plot>& plots) {
  const auto results = filtered(all, [](const Result& r) { return r.scenario == "slow-crowd"; });
  Plot plot{"slow-crowd",
            "What slow readers cost a normal pair",
            "A 1:1 pair beside the slow readers, by the same pair alone. 1: they cost it nothing. Logarithmic.",
            "with the crowd / alone",
            {},
            {}};
  plot.bars.reference = 1;
  plot.bars.log = true;
  for (const auto* result : results) {
    const auto label = result->variant + ", " + result->wire;
    add_bar(plot.bars, label, "events/s (more is better)", result->find("throughput_ratio"), 1);
    add_bar(plot.bars, label, "server CPU (less is better)", result->find("cpu_ratio"), 1);
    add_bar(plot.bars, label, "latency p50 (less is better)", result->find("latency_p50_ratio"), 1);
    add_bar(plot.bars, label, "latency p99 (less is better)", result->find("latency_p99_ratio"), 1);
  }
  if (!plot.bars.groups.empty()) plots.push_back(std::move(plot));
}

}  // namespace

std::string main_server(const std::vector<Result>& results) {
  for (const auto& result : results) {
    if (result.server == "vscprouterd") return result.server;
  }
  return results.empty() ? std::string() : results.front().server;
}

std::vector<Plot> make_plots(const std::vector<Result>& results) {
  std::vector<Plot> plots;
  const auto server = main_server(results);
  add_shape_plots(results, server, plots);
  add_peer_plot(results, server, plots);
  add_latency_plot(results, server, plots);
  add_storm_plots(results, plots);
  add_idle_plots(results, plots);
  add_filter_plot(results, plots);
  add_slow_plot(results, plots);
  return plots;
}

}  // namespace bench
