// vscpctl sim: a field of simulated nodes that sends over the link protocol.
#pragma once

#include <chrono>
#include <optional>

#include "drivers/sim/field.h"
#include "tools/vscpctl/connection.h"

namespace tools::ctl {

struct SimOptions {
  ConnectionOptions connection;
  drivers::sim::FieldOptions field;
  std::optional<std::chrono::milliseconds> duration;
  std::uint64_t count = 0;  ///< stop after so many events; 0 = no limit
  bool lockstep = false;
};

/// Runs until a signal, the count, the duration or an error; writes a summary to standard error. Returns the exit code.
int run_sim(const SimOptions& options);

}  // namespace tools::ctl
