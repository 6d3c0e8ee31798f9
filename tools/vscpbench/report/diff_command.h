// The command `vscpbench diff`: two result files compared.
// Thread rule: main thread.
#pragma once

#include <memory>

namespace CLI {
class App;
}

namespace bench {

class DiffCommand {
 public:
  explicit DiffCommand(CLI::App& app);
  DiffCommand(const DiffCommand&) = delete;
  DiffCommand& operator=(const DiffCommand&) = delete;
  ~DiffCommand();

  bool chosen() const;
  /// Returns the exit status: 0, 1 with --fail-above if something is worse, 2 if nothing could be compared.
  int run();

 private:
  struct Words;
  std::unique_ptr<Words> words_;
};

}  // namespace bench
