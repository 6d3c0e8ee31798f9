#include "tools/vscpbench/tables.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "tools/vscpbench/scenario.h"

namespace bench {
namespace {

constexpr std::size_t kVariantsPerTable = 5;

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

struct UnitScale {
  double size = 1;
  std::string name;
};

/// The unit that suits a value of that size.
UnitScale scale_of(double value, const std::string& unit) {
  const double size = std::abs(value);
  if (unit == "us" && size != 0) {
    if (size >= 1e6) return {1e6, "s"};
    return size >= 1000 ? UnitScale{1000, "ms"} : size >= 1 ? UnitScale{1, unit} : UnitScale{0.001, "ns"};
  }
  if (unit == "B" && size >= 10240) {
    if (size >= 1 << 30) return {1 << 30, "GiB"};
    return size >= 1 << 20 ? UnitScale{1 << 20, "MiB"} : UnitScale{1024, "KiB"};
  }
  if (unit == "1/s")
    return size >= 1e6 ? UnitScale{1e6, "M/s"} : size >= 1e4 ? UnitScale{1000, "k/s"} : UnitScale{1, "/s"};
  return {1, unit};
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

/// One line per result, for the scenarios that are a load and nothing else.
Table load_table(const std::vector<const Result*>& results) {
  Table table{{}, {"load", "server", "wire", "bytes"}, {}, 3};
  std::vector<const Column*> columns;
  for (const auto& column : load_columns()) {
    const bool used =
        std::any_of(results.begin(), results.end(), [&](const auto* r) { return r->find(column.figure) != nullptr; });
    if (!used) continue;
    columns.push_back(&column);
    table.header.push_back(column.title);
  }
  for (const auto* result : results) {
    const auto name = result->variant.empty() ? result->scenario : result->scenario + " " + result->variant;
    std::vector<std::string> line{name, result->server, result->wire, std::to_string(result->payload_bytes)};
    std::vector<std::string> spreads{"  spread", "", "", ""};
    bool repeated = false;
    for (const auto* column : columns) {
      const auto* figure = result->find(column->figure);
      const double scale = column->in_mib ? 1.0 / (1U << 20U) : 1;
      line.push_back(figure != nullptr ? number_text(figure->median() * scale) : "-");
      const bool several = figure != nullptr && figure->values.size() > 1;
      spreads.push_back(several ? fixed(figure->spread_percent(), 0) + "%" : "");
      repeated = repeated || several;
    }
    table.rows.push_back(std::move(line));
    if (repeated) table.rows.push_back(std::move(spreads));
  }
  return table;
}

/// Column titles: what differs between the results.
std::string column_title(const Result& result, const std::vector<const Result*>& all) {
  const auto differs = [&](auto get) {
    return std::any_of(all.begin(), all.end(), [&](const auto* other) { return get(*other) != get(result); });
  };
  auto title = result.variant;
  const auto add = [&](const std::string& text) { title += (title.empty() ? "" : ", ") + text; };
  if (differs([](const Result& r) { return r.server; })) add(result.server);
  if (differs([](const Result& r) { return r.wire; })) add(result.wire);
  if (differs([](const Result& r) { return r.payload_bytes; })) add(std::to_string(result.payload_bytes) + " bytes");
  return title.empty() ? result.wire : title;
}

/// One line per figure, one column per variant.
Table figure_table(const std::vector<const Result*>& results, std::size_t begin, std::size_t end) {
  Table table{results[begin]->scenario, {results[begin]->scenario}, {}, 1};
  for (auto i = begin; i < end; ++i) table.header.push_back(column_title(*results[i], results));
  for (const auto& kind : figure_kinds()) {
    std::vector<std::string> line{std::string(kind.title)};
    bool used = false;
    for (auto i = begin; i < end; ++i) {
      const auto* figure = results[i]->find(kind.name);
      used = used || figure != nullptr;
      line.push_back(figure != nullptr ? spread_text(*figure) : "-");
    }
    if (used) table.rows.push_back(std::move(line));
  }
  return table;
}

}  // namespace

std::vector<Table> make_tables(const std::vector<Result>& results) {
  std::vector<Table> tables;
  std::vector<const Result*> loads;
  std::vector<std::string> others;
  for (const auto& result : results) {
    if (is_load(result)) {
      loads.push_back(&result);
    } else if (std::find(others.begin(), others.end(), result.scenario) == others.end()) {
      others.push_back(result.scenario);
    }
  }
  if (!loads.empty()) tables.push_back(load_table(loads));
  for (const auto& scenario : others) {
    std::vector<const Result*> of_scenario;
    for (const auto& result : results) {
      if (result.scenario == scenario) of_scenario.push_back(&result);
    }
    for (std::size_t begin = 0; begin < of_scenario.size(); begin += kVariantsPerTable) {
      tables.push_back(figure_table(of_scenario, begin, std::min(of_scenario.size(), begin + kVariantsPerTable)));
    }
  }
  return tables;
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

bool is_load(const Result& result) {
  Load load;
  return result.scenario == "latency" || parse_shape(result.scenario, load);
}

std::string number_text(double value) {
  const double size = std::abs(value);
  if (size >= 1000 || value == 0) return grouped(value);
  return fixed(value, size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : size >= 0.1 ? 3 : 4);
}

std::string figure_text(double value, const std::string& unit) {
  const auto [size, name] = scale_of(value, unit);
  return number_text(value / size) + (name.empty() ? "" : " " + name);
}

std::string spread_text(const Figure& figure) {
  auto text = figure_text(figure.median(), figure.unit);
  if (figure.values.size() < 2) return text;
  const auto size = scale_of(figure.median(), figure.unit).size;
  return text + " (" + number_text(figure.low() / size) + " to " + number_text(figure.high() / size) + ")";
}

}  // namespace bench
