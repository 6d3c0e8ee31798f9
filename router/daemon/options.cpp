#include "router/daemon/options.h"

#include <CLI/CLI.hpp>
#include <cstdio>

#include "router/base/duration.h"

namespace router {

std::optional<Options> parse_options(int argc, char** argv, int& exit_code) {
  Options options;
  std::string run_for;
  bool foreground = false;
  CLI::App app{
      "vscprouterd routes VSCP events between tcp/ip link clients, CAN, UDP, driver libraries, MQTT brokers and other servers.\n"
      "Without a configuration file it runs on its embedded default: one listener on 127.0.0.1:9598.",
      "vscprouterd"};
  app.set_version_flag("-v,--version", "vscprouterd " VSCPROUTER_VERSION);
  app.add_option("-c,--config", options.config_file, "configuration file (JSON with comments)")->type_name("FILE");
  app.add_option("-r,--state", options.state_folder,
                 "folder for the admin socket and, without --config, for users.json")
      ->type_name("FOLDER");
  app.add_option("--listen", options.listen,
                 "where the first link listener listens, instead of where the configuration says")
      ->type_name("ADDRESS:PORT");
  app.add_flag("--check-config", options.check_config, "print every error of the configuration and end");
  app.add_flag("--simulate", options.simulate, "also run a simulator that publishes events of a field of nodes");
  app.add_option("--for", run_for, "end by itself after this time: 10s, 500ms, 2m, 1h")->type_name("TIME");
  app.add_flag("-s,--stay", foreground, "stay in the foreground (always so; accepted for old start scripts)");
  app.footer(
      "Examples:\n"
      "  vscprouterd --simulate --for 10s\n"
      "  vscprouterd --config /etc/vscp/vscpd.json --check-config\n"
      "Signals: SIGTERM and SIGINT deliver what is queued and stop, SIGHUP reads the users files again.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error) == 0 ? 0 : 2;
    return std::nullopt;
  }
  if (!run_for.empty()) {
    options.run_for_ms = parse_duration_ms(run_for);
    if (!options.run_for_ms) {
      std::fprintf(stderr, "--for %s: write a time such as 10s, 500ms, 2m or 1h\n", run_for.c_str());
      exit_code = 2;
      return std::nullopt;
    }
  }
  return options;
}

}  // namespace router
