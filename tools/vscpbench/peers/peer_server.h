// Other servers, started for the comparison: each on a free port of 127.0.0.1, with a temporary folder and a
// configuration in which nothing is dropped and nothing made slow. README.md lists what differs from their defaults.
//
// Thread rule: one thread, the one that lives longest (see ChildProcess).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tools/vscpbench/child_process.h"
#include "tools/vscpbench/crowd.h"
#include "tools/vscpbench/options.h"
#include "tools/vscpbench/wire.h"

namespace bench::peers {

/// One way to talk to a server, of which it may have several.
struct PeerWire {
  std::string_view name;  ///< as Wire::name()
  std::unique_ptr<Wire> (*make)(std::size_t payload_bytes);
};

struct PeerKind {
  std::string_view name;     ///< on the command line: "nats"
  std::string_view program;  ///< "nats-server"
  std::string_view package;  ///< of Debian
  std::vector<PeerWire> wires;
  /// What it prints its version for.
  std::string_view version_option;
  /// The configuration file for a port; `folder` is its own to use.
  std::string (*config)(std::uint16_t port, const std::string& folder);
  /// The command line, without the program.
  std::vector<std::string> (*arguments)(const std::string& config_file);
  /// How a subscriber gets ready, for a storm of connects; empty if its replies are no lines.
  std::vector<CrowdStep> connect_steps;
  std::string_view refusal;  ///< begin of a line that says no
  /// Deliveries that may be on their way, see set_window(); 0 = no limit of its own.
  std::uint64_t deliveries_max = 0;
};

const std::vector<PeerKind>& peer_kinds();

/// The program's file in PATH or where system packages put servers; empty if it is not installed.
std::string find_program(std::string_view program);

/// "nats-server is not installed (Debian package nats-server)".
std::string not_installed(const PeerKind& kind);

class PeerServer {
 public:
  /// Returns when it answers. The error is a sentence: not installed (with the package), or why it does not start.
  static std::expected<PeerServer, std::string> start(const PeerKind& kind);

  pid_t pid() const { return process_.pid(); }
  const Target& target() const { return target_; }
  const PeerKind& kind() const { return *kind_; }
  const std::string& version() const { return version_; }
  /// Empty if it ended as asked. (On SIGTERM nats-server ends with status 1.)
  std::string stop() { return process_.stop(SIGINT); }

 private:
  PeerServer(const PeerKind& kind, ChildProcess process) : kind_(&kind), process_(std::move(process)) {}

  const PeerKind* kind_;
  ChildProcess process_;
  Target target_;
  std::string version_;
};

}  // namespace bench::peers
