// The JSON that vscpbench writes: the configuration of a spawned daemon, and results. The only file that uses the JSON
// library is json_files.cpp.
#pragma once

#include <string>
#include <vector>

#include "tools/vscpbench/machine.h"
#include "tools/vscpbench/report.h"
#include "tools/vscpbench/spawn.h"

namespace bench {

struct SpawnFiles {
  std::string config;
  std::string users;
};

/// Throws nothing: a server option that is no "key=value" is reported in `error`.
SpawnFiles spawn_files(const SpawnOptions& options, const Target& target, const std::string& password_hash,
                       const std::string& folder, std::string& error);

std::string result_file(const Machine& machine, const std::vector<Row>& rows);

}  // namespace bench
