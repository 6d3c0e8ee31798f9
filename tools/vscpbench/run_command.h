// The commands `vscpbench run`, `latency` and `list`.
// Thread rule: main thread.
#pragma once

#include "tools/vscpbench/run_options.h"

namespace bench {

class RunCommand {
 public:
  explicit RunCommand(CLI::App& app) : options_(app) {}
  bool chosen() const { return options_.chosen(); }
  /// Runs the scenarios and prints and writes what came of them. The arguments are those of main(), for the result
  /// file. Returns the exit status: 0 if nothing was lost, 1 if something was, 2 if it could not be run.
  int run(int argc, const char* const* argv);

 private:
  RunOptions options_;
};

class ListCommand {
 public:
  explicit ListCommand(CLI::App& app);
  bool chosen() const;
  int run();

 private:
  const CLI::App* command_;
};

}  // namespace bench
