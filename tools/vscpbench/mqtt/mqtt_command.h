// The command `vscpbench mqtt`: what the router's MQTT driver gives to a broker, beside what the MQTT library alone
// gives in the same process. Thread rule: main thread.
#pragma once

#include <memory>

namespace CLI {
class App;
}

namespace bench::mqtt {

class MqttCommand {
 public:
  /// Adds the command to `app`, which must outlive this.
  explicit MqttCommand(CLI::App& app);
  MqttCommand(const MqttCommand&) = delete;
  MqttCommand& operator=(const MqttCommand&) = delete;
  ~MqttCommand();

  bool chosen() const;
  /// Starts a mosquitto, measures and prints. Exit status: 0, or 2 if it could not be run.
  int run();

 private:
  struct Words;
  std::unique_ptr<Words> words_;
};

}  // namespace bench::mqtt
