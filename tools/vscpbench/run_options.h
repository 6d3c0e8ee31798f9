// The options of `vscpbench run` and `vscpbench latency`.
// Thread rule: main thread.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>

#include "tools/vscpbench/settings.h"

namespace CLI {
class App;
}

namespace bench {

inline constexpr int kUsageError = 2;

class RunOptions {
 public:
  /// Adds the commands to `app`, which must outlive this.
  explicit RunOptions(CLI::App& app);
  RunOptions(const RunOptions&) = delete;
  RunOptions& operator=(const RunOptions&) = delete;
  ~RunOptions();

  /// Did the command line name one of them?
  bool chosen() const;
  /// After parsing: what is to be done. The error is a sentence.
  std::expected<Settings, std::string> settings() const;

 private:
  struct Words;
  std::unique_ptr<Words> run_;
  std::unique_ptr<Words> latency_;
};

}  // namespace bench
