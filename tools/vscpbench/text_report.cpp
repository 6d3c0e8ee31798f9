#include "tools/vscpbench/text_report.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "tools/vscpbench/scenario.h"

namespace bench {
namespace {

using Table = std::vector<std::vector<std::string>>;
constexpr std::size_t kVariantsPerTable = 6;

std::string fixed(double value, int decimals) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", decimals, value);
  return text.data();
}

/// 1234567 as "1 234 567".
std::string grouped(double value) {
  auto text = fixed(std::abs(value), 0);
  for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, 1, ' ');
  return value < 0 && text != "0" ? "-" + text : text;
}

/// The first `left` columns are aligned to the left, all others to the right.
void print_table(std::FILE* out, const Table& table, std::size_t left) {
  std::vector<std::size_t> widths;
  for (const auto& line : table) {
    widths.resize(std::max(widths.size(), line.size()));
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  for (const auto& line : table) {
    std::string text;
    for (std::size_t i = 0; i < line.size(); ++i) {
      const std::string pad(widths[i] - line[i].size(), ' ');
      if (i != 0) text += "  ";
      text += i < left ? line[i] + pad : pad + line[i];
    }
    text.erase(text.find_last_not_of(' ') + 1);
    std::fprintf(out, "%s\n", text.c_str());
  }
}

struct Column {
  std::string title;
  std::string figure;
  bool in_mib = false;
};

const std::vector<Column>& load_columns() {
  static const std::vector<Column> columns{
      {"events/s", "events_per_s"},
      {"deliv/s", "deliveries_per_s"},
      {"srv us/dlv", "server_us_per_delivery"},
      {"sys %", "server_system_percent"},
      {"cli us/dlv", "client_us_per_delivery"},
      {"srv cores", "server_cores"},
      {"p50 us", "latency_p50_us"},
      {"p90 us", "latency_p90_us"},
      {"p99 us", "latency_p99_us"},
      {"p99.9 us", "latency_p99.9_us"},
      {"max us", "latency_max_us"},
      {"lag p99", "send_lag_p99_us"},
      {"RSS MiB", "server_rss_bytes", true},
      {"sleeps/s", "server_sleeps_per_s"},
  };
  return columns;
}

std::string faults_text(const Faults& faults) {
  std::string text;
  const auto add = [&](std::uint64_t count, const char* what) {
    if (count != 0) text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + what;
  };
  add(faults.lost, "lost");
  add(faults.duplicated, "duplicated");
  add(faults.reordered, "reordered");
  add(faults.corrupted, "corrupted");
  add(faults.refused, "refused");
  add(faults.closed, "connections closed");
  add(faults.failed, "sessions not opened");
  if (faults.stalled) text += text.empty() ? "stalled" : ", stalled";
  if (faults.interrupted) text += text.empty() ? "interrupted" : ", interrupted";
  return text;
}

/// One line per result, for the scenarios that are a load and nothing else.
void print_loads(std::FILE* out, const std::vector<const Result*>& results) {
  Table table{{"load", "server", "wire", "bytes"}};
  std::vector<const Column*> columns;
  for (const auto& column : load_columns()) {
    const bool used =
        std::any_of(results.begin(), results.end(), [&](const auto* r) { return r->find(column.figure); });
    if (!used) continue;
    columns.push_back(&column);
    table.front().push_back(column.title);
  }
  bool spread = false;
  for (const auto* result : results) {
    const auto name = result->variant.empty() ? result->scenario : result->scenario + " " + result->variant;
    table.push_back({name, result->server, result->wire, std::to_string(result->payload_bytes)});
    std::vector<std::string> spreads{"  spread", "", "", ""};
    bool repeated = false;
    for (const auto* column : columns) {
      const auto* figure = result->find(column->figure);
      const double scale = column->in_mib ? 1.0 / (1U << 20U) : 1;
      table.back().push_back(figure != nullptr ? number_text(figure->median() * scale) : "-");
      const bool several = figure != nullptr && figure->values.size() > 1;
      spreads.push_back(several ? fixed(figure->spread_percent(), 0) + "%" : "");
      repeated = repeated || several;
    }
    if (repeated) table.push_back(std::move(spreads));
    spread = spread || repeated;
  }
  print_table(out, table, 3);
  if (spread) std::fprintf(out, "Medians over repeats; spread is highest minus lowest, by the median.\n");
}

/// One line per figure, one column per variant.
void print_figures(std::FILE* out, const std::vector<const Result*>& results) {
  for (std::size_t begin = 0; begin < results.size(); begin += kVariantsPerTable) {
    const auto end = std::min(results.size(), begin + kVariantsPerTable);
    Table table{{results[begin]->scenario}};
    for (auto i = begin; i < end; ++i) {
      const auto& result = *results[i];
      table.front().push_back(result.variant + (result.wire == "text" ? "" : " " + result.wire));
    }
    for (const auto& kind : figure_kinds()) {
      std::vector<std::string> line{std::string(kind.title)};
      bool used = false;
      for (auto i = begin; i < end; ++i) {
        const auto* figure = results[i]->find(kind.name);
        used = used || figure != nullptr;
        auto text = figure != nullptr ? figure_text(figure->median(), figure->unit) : "-";
        if (figure != nullptr && figure->values.size() > 1)
          text += " +-" + fixed(figure->spread_percent() / 2, 0) + "%";
        line.push_back(std::move(text));
      }
      if (used) table.push_back(std::move(line));
    }
    print_table(out, table, 1);
  }
}

bool is_load(const Result& result) {
  Load load;
  return result.scenario == "latency" || parse_shape(result.scenario, load);
}

}  // namespace

std::string number_text(double value) {
  const double size = std::abs(value);
  if (size >= 1000 || value == 0) return grouped(value);
  return fixed(value, size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : size >= 0.1 ? 3 : 4);
}

std::string figure_text(double value, const std::string& unit) {
  const double size = std::abs(value);
  const auto scaled = [&](double by, const char* name) { return number_text(value / by) + " " + name; };
  if (unit == "us") {
    return size >= 1e6              ? scaled(1e6, "s")
           : size >= 1000           ? scaled(1000, "ms")
           : size >= 1 || size == 0 ? scaled(1, "us")
                                    : scaled(0.001, "ns");
  }
  if (unit == "B") {
    return size >= 1 << 30   ? scaled(1 << 30, "GiB")
           : size >= 1 << 20 ? scaled(1 << 20, "MiB")
           : size >= 10240   ? scaled(1024, "KiB")
                             : scaled(1, "B");
  }
  if (unit == "1/s") return size >= 1e6 ? scaled(1e6, "M/s") : scaled(1, "/s");
  return unit.empty() ? number_text(value) : number_text(value) + " " + unit;
}

void print_machine(std::FILE* out, const Machine& machine) {
  std::fprintf(out, "%s, %u cores, %s, %s\n", machine.cpu.c_str(), machine.cores, machine.kernel.c_str(),
               machine.date.c_str());
  if (const auto warning = busy_warning(machine); !warning.empty()) std::fprintf(out, "Note: %s.\n", warning.c_str());
}

void print_results(std::FILE* out, const std::vector<Result>& results, bool allow_loss) {
  std::vector<const Result*> loads;
  std::vector<std::string> others;
  for (const auto& result : results) {
    if (is_load(result)) {
      loads.push_back(&result);
    } else if (std::find(others.begin(), others.end(), result.scenario) == others.end()) {
      others.push_back(result.scenario);
    }
  }
  if (!loads.empty()) print_loads(out, loads);
  for (const auto& scenario : others) {
    std::vector<const Result*> of_scenario;
    for (const auto& result : results) {
      if (result.scenario == scenario) of_scenario.push_back(&result);
    }
    std::fprintf(out, "\n");
    print_figures(out, of_scenario);
  }
  for (const auto& result : results) {
    const auto label = label_of(result);
    for (const auto& remark : result.remarks) std::fprintf(out, "%s: %s\n", label.c_str(), remark.c_str());
    if (!result.faults.any()) continue;
    std::fprintf(out, "%s: %s: %s\n", label.c_str(), allow_loss ? "faults" : "FAULTS",
                 faults_text(result.faults).c_str());
  }
}

}  // namespace bench
