#include "tools/vscpbench/report/diff_command.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdio>
#include <optional>
#include <string>

#include "tools/vscpbench/json_files.h"
#include "tools/vscpbench/report/difference.h"
#include "tools/vscpbench/text_report.h"

namespace bench {
namespace {

constexpr int kFailed = 2;

int fail(const std::string& text) {
  std::fprintf(stderr, "vscpbench diff: %s\n", text.c_str());
  return kFailed;
}

/// "10%" or "10"; empty if it is none of these.
std::optional<double> parse_percent(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string rest(end, text.data() + text.size());
  if (error != std::errc{} || !(rest.empty() || rest == "%") || !(value >= 0)) return std::nullopt;
  return value;
}

void print_comparison(const Comparison& comparison) {
  Table table{{}, {"work", "figure", "before", "after", "ratio", ""}, {}, 2};
  bool without_spread = false;
  for (const auto& d : comparison.differences) {
    const auto* word = d.verdict == Verdict::kSame     ? "no difference"
                       : d.verdict == Verdict::kBetter ? "better"
                                                       : "WORSE";
    table.rows.push_back({d.work, d.figure, figure_text(d.before, d.unit), figure_text(d.after, d.unit),
                          number_text(d.ratio), word + std::string(d.spread_known ? "" : " *")});
    without_spread = without_spread || !d.spread_known;
  }
  print_table(stdout, table);
  std::printf("no difference: the repeats of both overlap.\n");
  if (without_spread) std::printf("* one run only: no spread is known, so the difference may be chance.\n");
  for (const auto& note : comparison.notes) std::printf("Note: %s\n", note.c_str());
}

}  // namespace

struct DiffCommand::Words {
  const CLI::App* command = nullptr;
  std::string before;
  std::string after;
  std::string fail_above;
};

DiffCommand::DiffCommand(CLI::App& app) : words_(std::make_unique<Words>()) {
  auto* command = app.add_subcommand("diff", "compare two result files");
  words_->command = command;
  command->add_option("OLD", words_->before, "result file")->required();
  command->add_option("NEW", words_->after, "result file")->required();
  command->add_option(
      "--fail-above", words_->fail_above,
      "exit status 1 if something is worse by more than so many percent, or has faults that it had not");
}

DiffCommand::~DiffCommand() = default;

bool DiffCommand::chosen() const {
  return words_->command->parsed();
}

int DiffCommand::run() {
  const auto percent = parse_percent(words_->fail_above.empty() ? "0" : words_->fail_above);
  if (!percent) return fail("--fail-above takes a percentage like 10%");
  const auto before = read_result_file(words_->before);
  if (!before) return fail(before.error());
  const auto after = read_result_file(words_->after);
  if (!after) return fail(after.error());
  const auto comparison = compare(*before, *after);
  if (comparison.differences.empty()) return fail("the two files have no scenario in common that could be compared");
  print_comparison(comparison);
  if (std::fflush(stdout) != 0) return fail("cannot write the comparison");
  return words_->fail_above.empty() ? 0 : difference_status(comparison, *percent);
}

}  // namespace bench
