#include "tools/vscpbench/peers/compare_table.h"

#include <string>

#include "tools/vscpbench/peers/contender.h"
#include "tools/vscpbench/peers/targets.h"
#include "tools/vscpbench/tables.h"
#include "tools/vscpbench/text_report.h"

namespace bench::peers {
namespace {

constexpr std::string_view kCpu = "server_us_per_delivery";

std::string ratio_text(const std::optional<double>& ratio) {
  return ratio ? number_text(*ratio) : "-";
}

std::string median_text(const Result& result, std::string_view figure) {
  const auto* found = result.find(figure);
  return found != nullptr ? number_text(found->median()) : "-";
}

std::string spread_text(const Result& result, std::string_view figure) {
  const auto* found = result.find(figure);
  if (found == nullptr || found->values.size() < 2) return "-";
  return std::to_string(static_cast<int>(found->spread_percent() + 0.5)) + "%";
}

std::string wire_text(const Result& result) {
  return result.variant.empty() ? result.wire : result.wire + ", " + result.variant;
}

bool is_storm(const Result& result) {
  return result.scenario == "connect-storm";
}
bool is_latency(const Result& result) {
  return result.scenario == "latency";
}

/// The router's CPU by this one's, for the same load.
std::string router_by(const std::vector<Result>& results, const Result& result, std::string_view wire) {
  if (result.server == kRouter && result.wire == wire) return "";
  return ratio_text(
      ratio_of(find_result(results, kRouter, wire, result.scenario, result.payload_bytes), &result, kCpu));
}

void print_loads(std::FILE* out, const std::vector<Result>& results) {
  Table table{{},
              {"load", "server", "wire", "bytes", "deliv/s", "srv us/dlv", "spread", "of floor", "text router is",
               "binary router is", "sys %", "cli us/dlv", "p50 us", "p99 us"},
              {},
              3};
  for (const auto& result : results) {
    if (is_storm(result) || is_latency(result)) continue;
    const auto* floor = find_result(results, kFloor, result.wire, result.scenario, result.payload_bytes);
    table.rows.push_back({result.scenario, result.server, wire_text(result), std::to_string(result.payload_bytes),
                          median_text(result, "deliveries_per_s"), median_text(result, kCpu), spread_text(result, kCpu),
                          floor == &result ? "1" : ratio_text(ratio_of(&result, floor, kCpu)),
                          router_by(results, result, "text"), router_by(results, result, "binary"),
                          median_text(result, "server_system_percent"), median_text(result, "client_us_per_delivery"),
                          median_text(result, "latency_p50_us"), median_text(result, "latency_p99_us")});
  }
  if (table.rows.empty()) return;
  print_table(out, table);
  std::fprintf(out,
               "srv us/dlv: CPU of the server per delivery, median; spread: highest minus lowest, by the median. "
               "\"text router is 0.3\": the router needs 0.3 times the CPU of this one (median of the repeats' "
               "ratios).\n");
}

void print_latencies(std::FILE* out, const std::vector<Result>& results) {
  Table table{
      {},
      {"load", "server", "wire", "bytes", "p50 us", "p99 us", "p99.9 us", "max us", "send lag p99 us", "srv us/dlv"},
      {},
      3};
  for (const auto& result : results) {
    if (!is_latency(result)) continue;
    table.rows.push_back({result.scenario + " " + result.variant, result.server, result.wire,
                          std::to_string(result.payload_bytes), median_text(result, "latency_p50_us"),
                          median_text(result, "latency_p99_us"), median_text(result, "latency_p99.9_us"),
                          median_text(result, "latency_max_us"), median_text(result, "send_lag_p99_us"),
                          median_text(result, kCpu)});
  }
  if (table.rows.empty()) return;
  std::fprintf(out, "\n");
  print_table(out, table);
}

void print_storms(std::FILE* out, const std::vector<Result>& results) {
  Table table{{}, {"load", "server", "wire", "connects/s", "per server CPU second", "srv us/connect", "p99 us"}, {}, 3};
  for (const auto& result : results) {
    if (!is_storm(result)) continue;
    table.rows.push_back({result.variant, result.server, result.wire, median_text(result, "connects_per_s"),
                          median_text(result, "connects_per_server_cpu_s"),
                          median_text(result, "server_us_per_connect"), median_text(result, "login_p99_us")});
  }
  if (table.rows.empty()) return;
  std::fprintf(out, "\n");
  print_table(out, table);
}

void print_targets(std::FILE* out, const std::vector<Result>& results) {
  Table table{{}, {"must reach", "against", "", "measured", ""}, {}, 2};
  for (const auto& row : target_rows(results)) {
    table.rows.push_back({row.work, row.against, (row.at_least ? ">= " : "<= ") + number_text(row.limit),
                          row.measured ? number_text(*row.measured) : "-",
                          !row.measured ? "not measured"
                          : row.met()   ? "met"
                                        : "MISSED"});
  }
  std::fprintf(out, "\n");
  print_table(out, table);
}

}  // namespace

void print_comparison(std::FILE* out, const std::vector<Result>& results) {
  print_loads(out, results);
  print_latencies(out, results);
  print_storms(out, results);
  print_targets(out, results);
  for (const auto& line : remark_lines(results, true)) std::fprintf(out, "%s\n", line.c_str());
  for (const auto& result : results) {
    const auto label = result.server + ", " + label_of(result);
    if (!result.faults.any()) continue;
    std::fprintf(out, "%s: FAULTS: %s\n", label.c_str(), faults_text(result.faults).c_str());
  }
}

}  // namespace bench::peers
