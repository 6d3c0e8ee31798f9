// The command `vscpbench report`: a result file as HTML and PNG.
// Thread rule: main thread.
#pragma once

#include <memory>

namespace CLI {
class App;
}

namespace bench {

class ReportCommand {
 public:
  explicit ReportCommand(CLI::App& app);
  ReportCommand(const ReportCommand&) = delete;
  ReportCommand& operator=(const ReportCommand&) = delete;
  ~ReportCommand();

  bool chosen() const;
  /// Returns the exit status.
  int run();

 private:
  struct Words;
  std::unique_ptr<Words> words_;
};

}  // namespace bench
