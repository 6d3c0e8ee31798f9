// vscpbench: load on a VSCP tcp/ip link server, and what came of it. See README.md.
#include <CLI/CLI.hpp>

#include "tools/vscpbench/floor/floor_command.h"
#include "tools/vscpbench/mqtt/mqtt_command.h"
#include "tools/vscpbench/peers/compare_command.h"
#include "tools/vscpbench/report/diff_command.h"
#include "tools/vscpbench/report/report_command.h"
#include "tools/vscpbench/run_command.h"
#include "tools/vscpbench/stop_signal.h"

int main(int argc, char** argv) {
  bench::watch_stop_signals();
  CLI::App app(
      "Load on a VSCP tcp/ip link server: throughput, server CPU per delivery, latency, sessions, and whether every "
      "event arrived.");
  app.set_version_flag("--version", VSCPROUTER_VERSION);
  app.require_subcommand(1);
  bench::RunCommand run(app);
  bench::ListCommand list(app);
  bench::ReportCommand report(app);
  bench::DiffCommand diff(app);
  bench::floor::FloorCommand floor(app);
  bench::peers::CompareCommand compare(app);
  bench::mqtt::MqttCommand mqtt(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : bench::kUsageError;
  }
  if (floor.chosen()) return floor.run();
  if (mqtt.chosen()) return mqtt.run();
  if (compare.chosen()) return compare.run(argc, argv);
  if (list.chosen()) return list.run();
  if (report.chosen()) return report.run();
  if (diff.chosen()) return diff.run();
  return run.run(argc, argv);
}
