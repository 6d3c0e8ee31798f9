// The command `vscpbench compare`.
// Thread rule: main thread.
#pragma once

#include <memory>

namespace CLI {
class App;
}

namespace bench::peers {

class CompareCommand {
 public:
  /// Adds the command to `app`, which must outlive this.
  explicit CompareCommand(CLI::App& app);
  CompareCommand(const CompareCommand&) = delete;
  CompareCommand& operator=(const CompareCommand&) = delete;
  ~CompareCommand();

  bool chosen() const;
  /// Compares, prints and writes what came of it. The arguments are those of main(), for the result file. Returns the
  /// exit status: 0 if nothing was lost, 1 if something was, 2 if it could not be run. A missed target is no failure.
  int run(int argc, const char* const* argv);

 private:
  struct Words;
  std::unique_ptr<Words> words_;
};

}  // namespace bench::peers
