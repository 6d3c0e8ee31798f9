// The measured part of the scenario connect-storm, for any server and dialect.
// Thread rule: one thread.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <string>

#include "tools/vscpbench/crowd.h"
#include "tools/vscpbench/progress_line.h"
#include "tools/vscpbench/result.h"

namespace bench {

/// Opens the sessions of `crowd`, which was started with `plan`, and adds to `result` what came of it and what it cost
/// the process `server`. Empty, or a sentence that says why it could not be done.
std::string open_storm(Crowd& crowd, const CrowdPlan& plan, pid_t server, const std::atomic<bool>& stop,
                       ProgressLine& progress, Result& result);

}  // namespace bench
