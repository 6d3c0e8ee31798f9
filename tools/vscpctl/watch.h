// vscpctl watch: live events over RCVLOOP.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "tools/vscpctl/connection.h"
#include "tools/vscpctl/selection.h"

namespace tools::ctl {

struct WatchOptions {
  ConnectionOptions connection;
  SelectionOptions selection;
  bool json = false;
  bool raw = false;
  bool reconnect = false;
  std::uint64_t count = 0;  ///< stop after so many events; 0 = no limit
  std::optional<std::chrono::milliseconds> duration;
  std::string colour = "auto";  ///< auto, always, never
};

/// Runs until a signal, the count, the duration or an error; writes a summary to standard error. Returns the exit code.
int run_watch(const WatchOptions& options);

}  // namespace tools::ctl
