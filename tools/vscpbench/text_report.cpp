#include "tools/vscpbench/text_report.h"

#include <algorithm>
#include <string>

namespace bench {

void print_table(std::FILE* out, const Table& table) {
  auto lines = table.rows;
  lines.insert(lines.begin(), table.header);
  std::vector<std::size_t> widths;
  for (const auto& line : lines) {
    widths.resize(std::max(widths.size(), line.size()));
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  for (const auto& line : lines) {
    std::string text;
    for (std::size_t i = 0; i < line.size(); ++i) {
      const std::string pad(widths[i] - line[i].size(), ' ');
      if (i != 0) text += "  ";
      text += i < table.left_columns ? line[i] + pad : pad + line[i];
    }
    text.erase(text.find_last_not_of(' ') + 1);
    std::fprintf(out, "%s\n", text.c_str());
  }
}

void print_machine(std::FILE* out, const Machine& machine) {
  std::fprintf(out, "%s, %u cores, %s, %s\n", machine.cpu.c_str(), machine.cores, machine.kernel.c_str(),
               machine.date.c_str());
  if (const auto warning = busy_warning(machine); !warning.empty()) std::fprintf(out, "Note: %s.\n", warning.c_str());
}

void print_results(std::FILE* out, const std::vector<Result>& results, bool allow_loss) {
  for (const auto& table : make_tables(results)) {
    std::fprintf(out, "\n");
    print_table(out, table);
  }
  const bool repeated = std::any_of(results.begin(), results.end(), [](const auto& result) {
    return !result.figures.empty() && result.figures.front().values.size() > 1;
  });
  if (repeated)
    std::fprintf(out, "Medians over repeats; spread is highest minus lowest, by the median; (lowest to highest).\n");
  for (const auto& line : remark_lines(results, false)) std::fprintf(out, "%s\n", line.c_str());
  for (const auto& result : results) {
    const auto label = label_of(result);
    if (!result.faults.any()) continue;
    std::fprintf(out, "%s: %s: %s\n", label.c_str(), allow_loss ? "faults" : "FAULTS",
                 faults_text(result.faults).c_str());
  }
}

}  // namespace bench
