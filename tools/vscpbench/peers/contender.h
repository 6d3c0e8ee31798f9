// The servers of a comparison, all running at the same time so that repeats can take turns.
// Thread rule: one thread, the one that lives longest (see ChildProcess).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tools/vscpbench/crowd.h"
#include "tools/vscpbench/options.h"
#include "tools/vscpbench/peers/peer_server.h"
#include "tools/vscpbench/spawn.h"
#include "tools/vscpbench/wire.h"

namespace bench::peers {

// Names of servers in results.
inline constexpr std::string_view kRouter = "vscprouterd";
inline constexpr std::string_view kFloor = "floor";
/// The variant of the router's results with two workers; otherwise it has one, as the floor and Redis have one thread.
inline constexpr std::string_view kTwoWorkers = "2 workers";

/// One server with one dialect.
struct Contender {
  std::string server;
  std::string variant;
  std::string wire;
  std::function<std::unique_ptr<Wire>(std::size_t payload_bytes)> make_wire;
  Target target;
  pid_t pid = 0;
  std::uint64_t deliveries_max = 0;  ///< see set_window()
  /// For a storm of connects; empty if it takes no part.
  std::vector<CrowdStep> connect_steps;
  std::string refusal;
};

struct Selection {
  std::string router;  ///< file of the daemon; empty = without
  /// "floor", "floor:receive=multishot:buffers=16" (options of `vscpbench floor`) and names of peer_kinds().
  std::vector<std::string> peers;
  std::vector<std::string> wires;  ///< of the router and the floor
  bool two_workers = false;        ///< a second router as well
};

/// Is that a peer, as Selection::peers has them?
bool is_peer(const std::string& name);

class Servers {
 public:
  /// Starts what is selected. A peer that is not installed is left out and becomes a remark; any other failure is an
  /// error, a sentence.
  static std::expected<Servers, std::string> start(const Selection& selection);

  const std::vector<Contender>& contenders() const { return contenders_; }
  /// "nats-server is not installed ..."
  const std::vector<std::string>& remarks() const { return remarks_; }
  /// "vscprouterd 0.1.0, nats-server 2.9.10"
  const std::string& versions() const { return versions_; }
  /// A sentence if one of them is gone.
  std::string death() const;
  /// Empty if all ended as asked.
  std::string stop();

 private:
  Servers() = default;
  std::string start_router(const Selection& selection, unsigned workers);
  std::string start_floor(const Selection& selection, const std::string& name);
  std::string start_peer(const std::string& name);
  void add_version(const std::string& server, const std::string& version);

  std::vector<SpawnedServer> routers_;
  std::vector<ChildProcess> floors_;
  std::vector<PeerServer> peers_;
  std::vector<Contender> contenders_;
  std::vector<std::string> remarks_;
  std::string versions_;
};

}  // namespace bench::peers
