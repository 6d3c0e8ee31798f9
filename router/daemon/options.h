// The command line of vscprouterd.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace router {

struct Options {
  std::string config_file;   ///< empty: the embedded default
  std::string state_folder;  ///< empty: default_state_folder()
  std::string listen;        ///< overrides the first link listener's "interface"
  bool check_config = false;
  bool simulate = false;
  std::optional<std::uint64_t> run_for_ms;
};

/// Reads the command line. If the program is to end at once (help, version, an error), prints what is to be said and
/// returns nothing, with the exit code in `exit_code`.
std::optional<Options> parse_options(int argc, char** argv, int& exit_code);

}  // namespace router
