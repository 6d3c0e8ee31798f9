// Starts a vscprouterd of its own for a measurement: a temporary folder with configuration and users, a free port, a
// user whose password is cheap to check. Stops it and removes the folder at the end.
// Thread rule: one thread, the one that lives longest (the daemon is killed when that thread ends).
#pragma once

#include <sys/types.h>

#include <expected>
#include <string>
#include <utility>
#include <vector>

#include "tools/vscpbench/child_process.h"
#include "tools/vscpbench/options.h"

namespace bench {

struct SpawnOptions {
  std::string program;
  unsigned workers = 0;                     ///< 0 = the daemon's own choice
  std::vector<std::string> server_options;  ///< "key=value" of the link listener; the value is JSON or else a string
  std::vector<std::string> user_options;    ///< the same for the user
};

class SpawnedServer {
 public:
  /// Returns when the daemon greets. The error holds the end of what it printed.
  static std::expected<SpawnedServer, std::string> start(const SpawnOptions& options);
  SpawnedServer(SpawnedServer&&) = default;

  pid_t pid() const { return process_.pid(); }
  const Target& target() const { return target_; }
  /// See ChildProcess::stop().
  std::string stop() { return process_.stop(); }

 private:
  explicit SpawnedServer(ChildProcess process) : process_(std::move(process)) {}

  ChildProcess process_;
  Target target_;
};

}  // namespace bench
