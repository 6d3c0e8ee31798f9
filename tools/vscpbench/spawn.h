// Starts a vscprouterd of its own for a measurement: a temporary folder with configuration and users, a free port, a
// user whose password is cheap to check. Stops it and removes the folder at the end.
// Thread rule: one thread, the one that lives longest (the daemon is killed when that thread ends).
#pragma once

#include <sys/types.h>

#include <expected>
#include <filesystem>
#include <string>
#include <vector>

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
  SpawnedServer(SpawnedServer&& other) noexcept;
  SpawnedServer& operator=(SpawnedServer&&) = delete;
  SpawnedServer(const SpawnedServer&) = delete;
  SpawnedServer& operator=(const SpawnedServer&) = delete;
  ~SpawnedServer();

  pid_t pid() const { return pid_; }
  const Target& target() const { return target_; }
  /// SIGTERM, then SIGKILL after ten seconds. Empty if it ended with status 0; otherwise a sentence with the end of
  /// what it printed.
  std::string stop();

 private:
  SpawnedServer() = default;
  std::string wait_until_ready();
  std::string output_tail() const;

  pid_t pid_ = 0;
  Target target_;
  std::filesystem::path folder_;
};

}  // namespace bench
