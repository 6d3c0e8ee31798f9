#include "tools/vscpbench/report/report_command.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <string>

#include "tools/vscpbench/json_files.h"
#include "tools/vscpbench/output_file.h"
#include "tools/vscpbench/report/html.h"
#include "tools/vscpbench/report/plots.h"

namespace bench {
namespace {

constexpr int kFailed = 2;
constexpr double kPngWidth = 860;

int fail(const std::string& text) {
  std::fprintf(stderr, "vscpbench report: %s\n", text.c_str());
  return kFailed;
}

std::string write_pngs(const ResultFile& file, const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return "cannot make " + folder + ": " + error.message();
  for (const auto& plot : make_plots(file.results)) {
    const auto path = (std::filesystem::path(folder) / (plot.name + ".png")).string();
    const auto png = draw_png(plot, kPngWidth);
    if (png.empty()) return "no memory to draw " + path;
    if (auto problem = write_output(path, png); !problem.empty()) return problem;
    std::printf("%s\n", path.c_str());
  }
  return {};
}

}  // namespace

struct ReportCommand::Words {
  const CLI::App* command = nullptr;
  std::string result;
  std::string html;
  std::string png;
};

ReportCommand::ReportCommand(CLI::App& app) : words_(std::make_unique<Words>()) {
  auto* command = app.add_subcommand("report", "make one HTML file with tables and plots of a result file");
  words_->command = command;
  command->add_option("RESULT", words_->result, "file of `vscpbench run --json`")->required();
  command->add_option("-o,--output", words_->html, "HTML file, - = standard output; default: RESULT with .html");
  command->add_option("--png", words_->png, "also write each plot as PNG into this folder");
}

ReportCommand::~ReportCommand() = default;

bool ReportCommand::chosen() const {
  return words_->command->parsed();
}

int ReportCommand::run() {
  const auto file = read_result_file(words_->result);
  if (!file) return fail(file.error());
  if (file->results.empty()) return fail(words_->result + " holds no results");
  auto path = words_->html;
  if (path.empty()) path = std::filesystem::path(words_->result).replace_extension(".html").string();
  if (auto error = write_output(path, html_report(*file)); !error.empty()) return fail(error);
  if (path != "-") std::printf("%s\n", path.c_str());
  if (words_->png.empty()) return 0;
  const auto error = write_pngs(*file, words_->png);
  return error.empty() ? 0 : fail(error);
}

}  // namespace bench
