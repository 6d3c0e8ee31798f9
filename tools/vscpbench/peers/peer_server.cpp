#include "tools/vscpbench/peers/peer_server.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <sstream>

#include "tools/vscpbench/link_session.h"
#include "tools/vscpbench/peers/body.h"
#include "tools/vscpbench/peers/peer_wires.h"

namespace bench::peers {
namespace {

constexpr int kVersionLimitMs = 5000;
/// Somebody else may take the port between our look and the server's.
constexpr int kStartAttempts = 3;
/// It delivers some 100 000 in a second, whether more wait or not.
constexpr std::uint64_t kMosquittoDeliveries = 262'144;

// NATS cuts a client off that has 64 MiB waiting or blocks for 10 s (both its defaults); the load's window is far
// below.
std::string nats_config(std::uint16_t port, const std::string& /*folder*/) {
  return "listen: \"127.0.0.1:" + std::to_string(port) + "\"\n";
}

// Protected mode would refuse the other loopback addresses that a storm of connects comes from.
// Redis closes a subscriber that has 32 MiB waiting, or 8 MiB for a minute: here never. Nothing is saved to disk.
std::string redis_config(std::uint16_t port, const std::string& folder) {
  return "bind 127.0.0.1\nprotected-mode no\nport " + std::to_string(port) + "\ndir " + folder +
         "\nsave \"\"\nappendonly no\ndaemonize no\nclient-output-buffer-limit pubsub 0 0 0\n";
}

// mosquitto keeps 20 messages in flight and 1000 waiting for each client, and drops what is more: here no limit.
// Without set_tcp_nodelay it would wait for acknowledgements of the kernel before it sends small packets.
std::string mosquitto_config(std::uint16_t port, const std::string& /*folder*/) {
  return "listener " + std::to_string(port) +
         " 127.0.0.1\nallow_anonymous true\npersistence false\nmax_inflight_messages 0\nmax_queued_messages 0\n"
         "set_tcp_nodelay true\nlog_dest stderr\nlog_type error\nlog_type warning\n";
}

std::string version_in(const std::string& text) {
  const auto is_digit = [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; };
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!is_digit(text[at])) continue;
    auto end = at;
    while (end < text.size() && (is_digit(text[end]) || text[end] == '.')) ++end;
    const auto word = text.substr(at, end - at);
    if (std::count(word.begin(), word.end(), '.') >= 2) return word;
    at = end;
  }
  return {};
}

std::string version_of(const std::string& program, const PeerKind& kind) {
  auto process = ChildProcess::make();
  if (!process || !process->start({program, std::string(kind.version_option)}).empty()) return {};
  process->wait_for_end(kVersionLimitMs);
  return version_in(process->output());
}

}  // namespace

const std::vector<PeerKind>& peer_kinds() {
  static const std::vector<PeerKind> kinds{
      {"nats",
       "nats-server",
       "nats-server",
       {{"nats", make_nats_wire}},
       "--version",
       nats_config,
       [](const std::string& file) { return std::vector<std::string>{"-c", file}; },
       {{{}, "INFO "}, {[](std::size_t) { return nats_hello(Role::kConsumer); }, "PONG"}},
       "-ERR"},
      {"redis",
       "redis-server",
       "redis-server",
       {{"redis", make_redis_wire}},
       "--version",
       redis_config,
       [](const std::string& file) { return std::vector<std::string>{file}; },
       {{[](std::size_t) { return std::string(kRedisSubscribe); }, ":1"}},
       "-"},
      {"mosquitto",
       "mosquitto",
       "mosquitto",
       {{"mqtt-qos0", [](std::size_t bytes) { return make_mqtt_wire(bytes, 0); }},
        {"mqtt-qos1", [](std::size_t bytes) { return make_mqtt_wire(bytes, 1); }}},
       "-h",
       mosquitto_config,
       [](const std::string& file) { return std::vector<std::string>{"-c", file}; },
       {},
       "",
       kMosquittoDeliveries},
  };
  return kinds;
}

std::string find_program(std::string_view program) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(std::string(path != nullptr ? path : "") + ":/usr/local/sbin:/usr/sbin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    const auto file = folder + "/" + std::string(program);
    if (!folder.empty() && access(file.c_str(), X_OK) == 0) return file;
  }
  return {};
}

std::string not_installed(const PeerKind& kind) {
  return std::string(kind.program) + " is not installed (Debian package " + std::string(kind.package) + ")";
}

std::expected<PeerServer, std::string> PeerServer::start(const PeerKind& kind) {
  const auto program = find_program(kind.program);
  if (program.empty()) return std::unexpected(not_installed(kind));
  const auto wire = kind.wires.front().make(kBodyBytesMin);
  std::string error;
  for (int attempt = 0; attempt < kStartAttempts; ++attempt) {
    auto process = ChildProcess::make();
    if (!process) return std::unexpected(process.error());
    PeerServer server(kind, std::move(*process));
    const auto folder = server.process_.folder().string();
    server.target_.address = {"127.0.0.1", free_port(), ""};
    error = server.process_.write_file("config", kind.config(server.target_.address.port, folder));
    std::vector<std::string> command{program};
    const auto arguments = kind.arguments(folder + "/config");
    command.insert(command.end(), arguments.begin(), arguments.end());
    if (error.empty()) error = server.process_.start(command);
    if (error.empty()) {
      error = server.process_.wait_until([&] {
        const auto session = wire->open(server.target_, Role::kProducer, {});
        return session ? std::string() : session.error();
      });
    }
    if (!error.empty()) continue;
    server.version_ = version_of(program, kind);
    return server;
  }
  return std::unexpected(error);
}

}  // namespace bench::peers
