#include "tools/vscpbench/mqtt/mqtt_command.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <vector>

#include "tools/vscpbench/mqtt/senders.h"
#include "tools/vscpbench/peers/peer_server.h"
#include "tools/vscpbench/run_options.h"

namespace bench::mqtt {
namespace {

struct Row {
  const char* name;
  std::expected<Run, std::string> (*run)(const Load&);
  int qos;
  const char* format;
  std::size_t factor;  ///< more events, where they go faster
};
constexpr Row kRows[] = {
    {"library alone, QoS 0", run_library, 0, "binary", 1}, {"router, QoS 0, binary", run_router, 0, "binary", 1},
    {"router, QoS 0, json", run_router, 0, "json", 1},     {"library alone, QoS 1", run_library, 1, "binary", 1},
    {"router, QoS 1, binary", run_router, 1, "binary", 1}, {"router to router, batches", run_sites, 1, "", 10},
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

struct MqttCommand::Words {
  CLI::App* command = nullptr;
  std::size_t payload = 487;
  std::size_t events = 100'000;
  std::size_t repeat = 3;
};

MqttCommand::MqttCommand(CLI::App& app) : words_(std::make_unique<Words>()) {
  auto& w = *words_;
  w.command = app.add_subcommand(
      "mqtt", "events to a broker: the router's driver beside its MQTT library alone, in one process");
  w.command->add_option("--payload", w.payload, "bytes of an event's data")
      ->check(CLI::Range(0, 487))
      ->capture_default_str();
  w.command->add_option("--events", w.events, "per run; ten times as many in batches")
      ->check(CLI::Range(1, 10'000'000))
      ->capture_default_str();
  w.command->add_option("--repeat", w.repeat, "runs of each kind, in turns; medians are shown")
      ->check(CLI::Range(1, 99))
      ->capture_default_str();
}

MqttCommand::~MqttCommand() = default;

bool MqttCommand::chosen() const {
  return words_->command->parsed();
}

int MqttCommand::run() {
  const auto& kinds = peers::peer_kinds();
  const auto mosquitto =
      std::find_if(kinds.begin(), kinds.end(), [](const auto& kind) { return kind.name == "mosquitto"; });
  auto server = peers::PeerServer::start(*mosquitto);
  if (!server) {
    std::fprintf(stderr, "vscpbench mqtt: %s\n", server.error().c_str());
    return kUsageError;
  }
  Load load;
  load.port = server->target().address.port;
  load.broker_pid = server->pid();
  load.payload = words_->payload;
  std::vector<std::vector<Run>> runs(std::size(kRows));
  for (std::size_t round = 0; round < words_->repeat; ++round) {
    for (std::size_t i = 0; i < std::size(kRows); ++i) {
      load.qos = kRows[i].qos;
      load.format = kRows[i].format;
      load.events = words_->events * kRows[i].factor;
      const auto run = kRows[i].run(load);
      if (!run) {
        std::fprintf(stderr, "vscpbench mqtt: %s: %s\n", kRows[i].name, run.error().c_str());
        return kUsageError;
      }
      runs[i].push_back(*run);
    }
  }
  std::printf("%zu bytes, %zu events per run, medians of %zu in turns; mosquitto %s\n\n", words_->payload,
              words_->events, words_->repeat, server->version().c_str());
  std::printf("%-28s %12s %14s %16s %14s\n", "", "events/s", "CPU us/event", "broker us/event", "of library");
  for (std::size_t i = 0; i < std::size(kRows); ++i) {
    const auto of = [&](double Run::* member, const std::vector<Run>& list) {
      std::vector<double> values;
      for (const Run& run : list) values.push_back(run.*member);
      return median(values);
    };
    // Pair by pair: both runs of a pair had the same neighbours on the machine.
    const std::size_t base = kRows[i].qos == 0 ? 0 : 3;
    std::vector<double> ratios;
    for (std::size_t k = 0; k < runs[i].size(); ++k)
      ratios.push_back(runs[i][k].events_per_s / runs[base][k].events_per_s);
    std::printf("%-28s %12.0f %14.2f %16.2f %13.2fx\n", kRows[i].name, of(&Run::events_per_s, runs[i]),
                of(&Run::cpu_us, runs[i]), of(&Run::broker_cpu_us, runs[i]), median(ratios));
  }
  return 0;
}

}  // namespace bench::mqtt
