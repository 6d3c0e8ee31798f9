// The server that is measured: one that runs already, or a vscprouterd that is started for the measurement.
// Thread rule: one thread, the one that lives longest (see spawn.h).
#pragma once

#include <sys/types.h>

#include <expected>
#include <optional>
#include <string>

#include "tools/vscpbench/options.h"
#include "tools/vscpbench/settings.h"
#include "tools/vscpbench/spawn.h"

namespace bench {

class Server {
 public:
  /// Starts it, or finds its process, and logs in once, so that a wrong address or password is known before anything
  /// else. The error is a sentence for the user.
  static std::expected<Server, std::string> open(const Settings& settings);

  const Target& target() const { return target_; }
  /// 0 if unknown: then there are no figures about the server's process.
  pid_t pid() const { return pid_; }
  /// The name of the program, "vscprouterd"; "server" if its process is not known.
  const std::string& name() const { return name_; }
  /// What it answers to VERS.
  const std::string& version() const { return version_; }
  bool is_own() const { return spawned_.has_value(); }

  /// A fresh process, if it is our own; nothing otherwise.
  std::string restart();
  /// Returns when the server has used next to no CPU time for a while, or after `limit_seconds`.
  void wait_until_quiet(double limit_seconds = 10) const;
  /// A sentence if its process is gone; empty if it runs or is not known.
  std::string death() const;
  /// Stops it, if it is our own. Empty if that went well.
  std::string stop();

 private:
  Server() = default;
  std::string look();

  SpawnOptions options_;
  std::optional<SpawnedServer> spawned_;
  Target target_;
  pid_t pid_ = 0;
  std::string name_;
  std::string version_;
};

}  // namespace bench
