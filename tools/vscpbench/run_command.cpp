#include "tools/vscpbench/run_command.h"

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "tools/vscpbench/json_files.h"
#include "tools/vscpbench/machine.h"
#include "tools/vscpbench/output_file.h"
#include "tools/vscpbench/progress_line.h"
#include "tools/vscpbench/scenario.h"
#include "tools/vscpbench/server.h"
#include "tools/vscpbench/stop_signal.h"
#include "tools/vscpbench/text_report.h"

namespace bench {
namespace {

int fail(const std::string& text) {
  std::fprintf(stderr, "vscpbench: %s\n", text.c_str());
  return kUsageError;
}

/// All scenarios with all wires and payloads. A sentence if one could not be run.
std::string run_all(const Settings& settings, Server& server, std::vector<Result>& results) {
  ProgressLine progress(settings.quiet);
  for (const auto& wire_name : settings.wires) {
    const auto wire = make_wire(wire_name);
    for (const auto& name : settings.scenarios) {
      const auto scenario = find_scenario(name);
      for (const auto payload : settings.payloads.empty() ? scenario->payloads : settings.payloads) {
        Context context{scenario->name, settings, server, *wire, payload, progress, stop_requested(), results};
        if (auto error = scenario->run(context); !error.empty()) return name + ": " + error;
        if (stop_requested()) return {};
      }
    }
  }
  return {};
}

int run_scenarios(const Settings& settings, int argc, const char* const* argv) {
  ResultFile file{describe_machine(argc, argv), {}};
  // Better said before the run than after it.
  if (const auto unwritable = check_output(settings.json); !unwritable.empty()) return fail(unwritable);
  auto server = Server::open(settings);
  if (!server) return fail(server.error());
  file.machine.server_version = server->version();
  auto error = run_all(settings, *server, file.results);
  const auto stop_error = server->stop();
  std::FILE* out = settings.json == "-" ? stderr : stdout;
  if (!file.results.empty()) {
    print_machine(out, file.machine);
    print_results(out, file.results, settings.allow_loss);
    if (!settings.json.empty()) {
      if (const auto unwritten = write_output(settings.json, to_json(file)); !unwritten.empty()) return fail(unwritten);
    }
    if (std::fflush(out) != 0) return fail(std::string("cannot write the table: ") + std::strerror(errno));
  }
  if (stop_requested()) {
    std::fprintf(stderr, "vscpbench: interrupted\n");
    return kInterruptedStatus;
  }
  if (!error.empty()) fail(error);
  if (!stop_error.empty()) fail(stop_error);
  if (!error.empty() || !stop_error.empty()) return kUsageError;
  return file.results.empty() ? kUsageError : exit_status(file.results, settings.allow_loss);
}

}  // namespace

int RunCommand::run(int argc, const char* const* argv) {
  const auto settings = options_.settings();
  return settings ? run_scenarios(*settings, argc, argv) : fail(settings.error());
}

ListCommand::ListCommand(CLI::App& app) : command_(app.add_subcommand("list", "show the scenarios")) {}

bool ListCommand::chosen() const {
  return command_->parsed();
}

int ListCommand::run() {
  for (const auto& scenario : scenarios()) {
    std::printf("%-14s %s\n", std::string(scenario.name).c_str(), std::string(scenario.text).c_str());
  }
  return 0;
}

}  // namespace bench
