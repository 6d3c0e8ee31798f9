#include "tools/vscpbench/report.h"

#include <unistd.h>

#include <algorithm>
#include <array>

namespace bench {
namespace {

constexpr double kClientBusyCores = 0.9;
constexpr std::size_t kColumns = 20;
using Cells = std::array<std::string, kColumns>;

std::string number(double value, int decimals) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", decimals, value);
  return text.data();
}

/// 1234567 as "1 234 567".
std::string grouped(double value) {
  auto text = number(value, 0);
  for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, 1, ' ');
  return text;
}

std::string microseconds(double us) {
  return number(us, us < 100 ? 1 : 0);
}

double per_second(std::uint64_t count, const Outcome& outcome) {
  return outcome.seconds > 0 ? static_cast<double>(count) / outcome.seconds : 0;
}

double us_per(std::uint64_t ns, std::uint64_t count) {
  return count != 0 ? static_cast<double>(ns) / 1000 / static_cast<double>(count) : 0;
}

template <typename Get>
Figure over(const Row& row, Get get) {
  std::vector<double> values;
  for (const auto& outcome : row.outcomes) values.push_back(get(outcome));
  return figure_of(std::move(values));
}

Figure latency_figure(const Row& row, double share) {
  return over(row, [share](const Outcome& o) { return static_cast<double>(o.latency.percentile(share)) / 1000; });
}

Cells header() {
  return {"load",       "wire",      "bytes",  "events/s", "deliv/s", "srv us/dlv", "sys %",
          "cli us/dlv", "srv cores", "p50 us", "p90 us",   "p99 us",  "p99.9 us",   "max us",
          "lost",       "dup",       "reord",  "corrupt",  "RSS MiB", "sleeps/s"};
}

Cells figures(const Row& row, const Summary& s) {
  const std::string none = "-";
  return {scenario_name(row.load),
          row.wire,
          std::to_string(row.shape.payload_bytes),
          grouped(s.events_per_s.median),
          grouped(s.deliveries_per_s.median),
          s.server_known ? number(s.server_us.median, 3) : none,
          s.server_known ? number(s.server_system_percent, 0) : none,
          number(s.client_us.median, 3),
          s.server_known ? number(s.server_cores, 2) : none,
          microseconds(s.p50_us.median),
          microseconds(s.p90_us.median),
          microseconds(s.p99_us.median),
          microseconds(s.p999_us.median),
          microseconds(s.max_us.median),
          std::to_string(s.lost),
          std::to_string(s.duplicated),
          std::to_string(s.reordered),
          std::to_string(s.corrupted),
          s.server_known ? number(static_cast<double>(s.rss_bytes) / (1U << 20U), 1) : none,
          s.server_known ? grouped(s.voluntary_per_s) : none};
}

Cells spreads(const Summary& s) {
  const auto percent = [](const Figure& figure) { return number(figure.spread_percent(), 1) + "%"; };
  Cells cells;
  cells[0] = "  spread";
  cells[3] = percent(s.events_per_s);
  cells[4] = percent(s.deliveries_per_s);
  if (s.server_known) cells[5] = percent(s.server_us);
  cells[7] = percent(s.client_us);
  cells[9] = percent(s.p50_us);
  cells[10] = percent(s.p90_us);
  cells[11] = percent(s.p99_us);
  cells[12] = percent(s.p999_us);
  cells[13] = percent(s.max_us);
  return cells;
}

void remark(std::FILE* out, const Row& row, const std::string& text) {
  std::fprintf(out, "%s %zu bytes: %s\n", scenario_name(row.load).c_str(), row.shape.payload_bytes, text.c_str());
}

bool any(const Row& row, bool Outcome::* flag) {
  return std::any_of(row.outcomes.begin(), row.outcomes.end(), [flag](const Outcome& o) { return o.*flag; });
}

}  // namespace

Figure figure_of(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const auto middle = values.size() / 2;
  const double median = values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  return {median, values.front(), values.back()};
}

std::string scenario_name(const Load& load) {
  return std::to_string(load.producers) + ":" + std::to_string(load.consumers);
}

Summary summarize(const Row& row) {
  Summary s;
  s.events_per_s = over(row, [](const Outcome& o) { return per_second(o.events, o); });
  s.deliveries_per_s = over(row, [](const Outcome& o) { return per_second(o.deliveries, o); });
  s.server_us = over(row, [](const Outcome& o) { return us_per(o.server_cpu_ns(), o.work()); });
  s.client_us = over(row, [](const Outcome& o) { return us_per(o.client_cpu_ns, o.work()); });
  s.p50_us = latency_figure(row, 0.5);
  s.p90_us = latency_figure(row, 0.9);
  s.p99_us = latency_figure(row, 0.99);
  s.p999_us = latency_figure(row, 0.999);
  s.max_us = over(row, [](const Outcome& o) { return static_cast<double>(o.latency.max()) / 1000; });
  s.lag_p99_us = over(row, [](const Outcome& o) { return static_cast<double>(o.send_lag.percentile(0.99)) / 1000; });
  double seconds = 0;
  double server_ns = 0;
  double client_ns = 0;
  double user = 0;
  double system = 0;
  double voluntary = 0;
  s.server_known = !row.outcomes.empty();
  for (const auto& o : row.outcomes) {
    s.lost += o.lost;
    s.duplicated += o.duplicated;
    s.reordered += o.reordered;
    s.corrupted += o.corrupted;
    s.refused += o.refused;
    s.foreign += o.foreign;
    s.closed += o.closed;
    s.faultless = s.faultless && o.faultless();
    s.server_known = s.server_known && o.server_known;
    s.rss_bytes = o.server_after.rss_bytes;
    seconds += o.seconds;
    server_ns += static_cast<double>(o.server_cpu_ns());
    client_ns += static_cast<double>(o.client_cpu_ns);
    user += static_cast<double>(o.server_after.user_ticks - o.server_before.user_ticks);
    system += static_cast<double>(o.server_after.system_ticks - o.server_before.system_ticks);
    voluntary += static_cast<double>(o.server_after.voluntary) - static_cast<double>(o.server_before.voluntary);
  }
  if (user + system > 0) s.server_system_percent = system / (user + system) * 100;
  if (seconds > 0) {
    s.server_cores = server_ns / 1e9 / seconds;
    s.client_cores = client_ns / 1e9 / seconds;
    s.voluntary_per_s = voluntary / seconds;
  }
  return s;
}

void print_table(std::FILE* out, const std::vector<Row>& rows) {
  std::vector<Cells> lines{header()};
  for (const auto& row : rows) {
    const auto summary = summarize(row);
    lines.push_back(figures(row, summary));
    if (row.outcomes.size() > 1) lines.push_back(spreads(summary));
  }
  std::array<std::size_t, kColumns> widths{};
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < kColumns; ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  for (const auto& line : lines) {
    std::string text;
    for (std::size_t i = 0; i < kColumns; ++i) {
      const std::string pad(widths[i] - line[i].size(), ' ');
      if (i != 0) text += "  ";
      if (i >= 2) text += pad;
      text += line[i];
      if (i < 2) text += pad;
    }
    text.erase(text.find_last_not_of(' ') + 1);
    std::fprintf(out, "%s\n", text.c_str());
  }
  if (lines.size() > rows.size() + 1) {
    std::fprintf(out,
                 "Figures are medians over repeats, faults are sums; spread is highest minus lowest, by the median.\n");
  }
}

void print_remarks(std::FILE* out, const std::vector<Row>& rows, bool allow_loss) {
  for (const auto& row : rows) {
    const auto s = summarize(row);
    if (any(row, &Outcome::interrupted)) remark(out, row, "interrupted, figures are of a part");
    if (any(row, &Outcome::stalled)) remark(out, row, "nothing moved any more, so what was missing counts as lost");
    if (s.closed != 0) remark(out, row, "the server closed " + std::to_string(s.closed) + " connections");
    if (s.refused != 0) {
      remark(out, row,
             "the server refused " + std::to_string(s.refused) + " events, first with \"" +
                 row.outcomes.front().first_refusal + "\"");
    }
    if (s.foreign != 0) remark(out, row, std::to_string(s.foreign) + " events of others were not counted");
    if (row.load.rate > 0)
      remark(out, row,
             "send lag p99 " + microseconds(s.lag_p99_us.median) + " us (the client's own, part of the latency)");
    // A client that is busy all the time hides how fast the server is; per-delivery CPU stays valid.
    if (row.load.rate == 0 && !row.load.spin && s.client_cores > kClientBusyCores * row.load.threads) {
      remark(out, row, "the client's threads are busy: events/s is a lower bound for the server; --threads may help");
    }
    if (!s.faultless)
      remark(out, row, allow_loss ? "faults were allowed" : "FAULTS: see lost, dup, reord, corrupt and above");
  }
}

int exit_status(const std::vector<Row>& rows, bool allow_loss) {
  for (const auto& row : rows) {
    for (const auto& o : row.outcomes) {
      if (o.duplicated + o.reordered + o.corrupted + o.closed != 0) return 1;
      if (!allow_loss && (o.lost + o.refused != 0 || o.stalled)) return 1;
    }
  }
  return 0;
}

}  // namespace bench
