// The command `vscpbench floor`.
#pragma once

#include <memory>

namespace CLI {
class App;
}

namespace bench::floor {

/// Adds the command to `app`. `chosen` runs it if the command line named it.
class FloorCommand {
 public:
  explicit FloorCommand(CLI::App& app);
  FloorCommand(const FloorCommand&) = delete;
  FloorCommand& operator=(const FloorCommand&) = delete;
  ~FloorCommand();

  bool chosen() const;
  /// Serves until SIGTERM or SIGINT. Prints "listening on HOST:PORT" once it does. Returns the exit status.
  int run();

 private:
  struct Settings;
  std::unique_ptr<Settings> settings_;
};

}  // namespace bench::floor
