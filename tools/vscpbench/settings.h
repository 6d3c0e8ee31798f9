// Everything that the command line of `vscpbench run` says. Plain values, filled by command_line.cpp or by a test.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/vscpbench/options.h"
#include "tools/vscpbench/spawn.h"

namespace bench {

struct Settings {
  // The server.
  std::string host = "127.0.0.1:9598";
  std::string user;
  std::string password;  ///< from the file or the environment
  pid_t pid = 0;         ///< 0 = who listens on the port
  SpawnOptions spawn;    ///< its program is empty: the server runs already

  // What is done.
  std::vector<std::string> scenarios;  ///< "1:16", "idle-crowd", ...
  std::vector<std::string> wires{"text"};
  std::vector<std::size_t> payloads;  ///< empty = the scenario's own
  unsigned repeat = 1;
  std::optional<double> seconds;  ///< empty = the scenario's own
  Load load;                      ///< of everything but producers and consumers; rate 0 = the scenario's own
  EventShape shape;               ///< of everything but run and payload size
  bool time_every_given = false;

  // Scenarios with many sessions; 0 or empty = the scenario's own.
  std::size_t sessions = 0;
  unsigned processes = 0;
  unsigned at_once = 256;
  std::vector<std::size_t> filters;    ///< how many distinct filters
  std::vector<std::string> filter_by;  ///< "class", "guid"
  std::vector<std::string> readers;    ///< "stop", "trickle"

  // What comes out.
  std::string json;  ///< file, "-" = standard output, empty = none
  bool allow_loss = false;
  bool quiet = false;
};

}  // namespace bench
