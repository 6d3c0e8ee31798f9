// vscprouterd: reads the command line and the configuration, then hands over to the supervisor.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "drivers/link/link_driver.h"
#include "drivers/sim/sim_driver.h"
#include "router/base/listen_address.h"
#include "router/daemon/config.h"
#include "router/daemon/options.h"
#include "router/daemon/supervisor.h"

namespace {

void print_issues(const std::vector<router::ConfigIssue>& issues, const char* kind) {
  for (const auto& issue : issues) std::fprintf(stderr, "%s: %s\n", kind, router::to_text(issue).c_str());
}

/// One line per problem; there may be several in a users file.
void print_error(std::string_view text) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    std::fprintf(stderr, "error: %.*s\n", static_cast<int>(line.size()), line.data());
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
}

/// For --check-config, which starts nothing: what the start would say of other files.
bool check_files(const router::Config& config) {
  std::vector<router::ConfigIssue> errors;
  std::vector<router::ConfigIssue> warnings;
  for (const auto& part : config.drivers) part->check_files(errors, warnings);
  print_issues(warnings, "warning");
  print_issues(errors, "error");
  return errors.empty();
}

/// What the command line says otherwise than the configuration. False, and the reason printed, if it cannot be.
bool apply_options(const router::Options& options, router::Config& config) {
  if (options.simulate) router::driver_part<drivers::sim::SimDriverConfig>(config)->enable = true;
  if (options.listen.empty()) return true;
  auto addresses = router::parse_listen_addresses(options.listen);
  if (!addresses) {
    std::fprintf(stderr, "error: --listen %s: %s\n", options.listen.c_str(), addresses.error().c_str());
    return false;
  }
  auto& listeners = router::driver_part<drivers::link::LinkDriverConfig>(config)->listeners;
  if (listeners.empty()) {
    std::fprintf(stderr, "error: --listen needs a link listener in the configuration\n");
    return false;
  }
  listeners.front().addresses = *addresses;
  listeners.front().place_tls();
  return true;
}

router::ConfigResult read_config(const router::Options& options) {
  if (!options.config_file.empty()) return router::load_config(options.config_file, options.state_folder);
  std::error_code ignored;
  const std::string folder = options.state_folder.empty() ? router::default_state_folder() : options.state_folder;
  return router::embedded_config(std::filesystem::absolute(folder, ignored).string());
}

}  // namespace

int main(int argc, char** argv) {
  int exit_code = 0;
  const auto options = router::parse_options(argc, argv, exit_code);
  if (!options) return exit_code;

  router::ConfigResult result = read_config(*options);
  print_issues(result.warnings, "warning");
  print_issues(result.errors, "error");
  if (!result.config) return EXIT_FAILURE;
  router::Config& config = *result.config;
  if (!apply_options(*options, config)) return EXIT_FAILURE;
  if (options->check_config) {
    if (!check_files(config)) return EXIT_FAILURE;
    std::printf("configuration is good\n");
    return EXIT_SUCCESS;
  }

  router::Supervisor supervisor(*options, std::move(config));
  if (const auto error = supervisor.start(); !error.empty()) {
    print_error(error);
    return EXIT_FAILURE;
  }
  supervisor.run();
  return EXIT_SUCCESS;
}
