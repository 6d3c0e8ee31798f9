#include "tools/vscpbench/floor/floor_command.h"

#include <signal.h>
#include <sys/signalfd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <string>

#include "tools/vscpbench/floor/relay.h"

namespace bench::floor {

struct FloorCommand::Settings {
  CLI::App* command = nullptr;
  FloorOptions options;
};

FloorCommand::FloorCommand(CLI::App& app) : settings_(std::make_unique<Settings>()) {
  auto& s = *settings_;
  s.command = app.add_subcommand("floor", "the least a server can do: a relay to compare others with, no router");
  s.command->add_option("--host", s.options.host, "IPv4 address to listen on")->capture_default_str();
  s.command->add_option("--port", s.options.port, "0 = any")->capture_default_str();
  const std::map<std::string, ReceiveMode> receives{{"auto", ReceiveMode::kAuto},
                                                    {"single", ReceiveMode::kSingle},
                                                    {"multishot", ReceiveMode::kMultishot},
                                                    {"bundle", ReceiveMode::kBundle}};
  const std::map<std::string, SendMode> sends{
      {"plain", SendMode::kPlain}, {"zerocopy", SendMode::kZeroCopy}, {"blocks", SendMode::kBlocks}};
  s.command->add_option("--receive", s.options.receive, "auto, single, multishot or bundle")
      ->transform(CLI::CheckedTransformer(receives));
  s.command->add_option("--send", s.options.send, "plain, zerocopy or blocks")
      ->transform(CLI::CheckedTransformer(sends));
  s.command->add_option("--buffer-bytes", s.options.buffer_bytes, "size of a receive buffer")->capture_default_str();
  s.command->add_option("--buffers", s.options.buffers, "receive buffers")->capture_default_str();
  s.command->add_option("--log-bytes", s.options.log_bytes, "how far a consumer may be behind")->capture_default_str();
  s.command->add_option("--block-bytes", s.options.block_bytes, "with --send blocks")->capture_default_str();
}

FloorCommand::~FloorCommand() = default;

bool FloorCommand::chosen() const {
  return settings_->command->parsed();
}

int FloorCommand::run() {
  auto& s = *settings_;
  const auto fail = [](const std::string& text) {
    std::fprintf(stderr, "vscpbench floor: %s\n", text.c_str());
    return 2;
  };
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  const Fd signal_fd(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  Relay relay(s.options);
  if (auto error = relay.open(); !error.empty()) return fail(error);
  std::printf("listening on %s:%u\n", s.options.host.c_str(), relay.port());
  std::fflush(stdout);
  relay.run(signal_fd.get());
  return 0;
}

}  // namespace bench::floor
