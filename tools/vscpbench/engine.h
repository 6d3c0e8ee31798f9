// Runs one load against one server and says what came of it.
//
// Threads: `Load::threads` client threads, each with an epoll loop over its share of the connections; the caller's
// thread only steers: warm-up, drain, measured phase, drain. Both phases end when every consumer has every event (or
// nothing moves any more), so that the server's CPU time and the deliveries of the measured phase belong together.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <expected>
#include <functional>
#include <string>

#include "tools/vscpbench/histogram.h"
#include "tools/vscpbench/options.h"
#include "tools/vscpbench/server_stats.h"

namespace bench {

/// Of the measured phase, unless said otherwise.
struct Outcome {
  double seconds = 0;        ///< first send to last delivery
  std::uint64_t events = 0;  ///< sent
  std::uint64_t deliveries = 0;
  // Warm-up included: an error there is an error.
  std::uint64_t lost = 0;
  std::uint64_t duplicated = 0;
  std::uint64_t reordered = 0;
  std::uint64_t corrupted = 0;  ///< changed, cut or unreadable event lines
  std::uint64_t refused = 0;    ///< events answered with -OK
  std::uint64_t foreign = 0;    ///< events of somebody else; no error
  unsigned closed = 0;          ///< connections that the server closed
  bool stalled = false;         ///< given up waiting
  bool interrupted = false;
  std::string first_refusal;
  Histogram latency;   ///< receive time minus scheduled (with a rate) or write time
  Histogram send_lag;  ///< with a rate: write time minus scheduled time, the client's own delay
  bool server_known = false;
  ProcessStats server_before;
  ProcessStats server_after;
  std::uint64_t client_cpu_ns = 0;
  double connect_seconds = 0;  ///< all connections, one after the other, login included

  std::uint64_t server_cpu_ns() const { return server_known ? server_after.cpu_ns - server_before.cpu_ns : 0; }
  /// Deliveries or, with no consumer, events: what CPU time is divided by.
  std::uint64_t work() const { return deliveries != 0 ? deliveries : events; }
  bool faultless() const { return lost + duplicated + reordered + corrupted + refused + closed == 0 && !stalled; }
};

/// Called a few times a second from the caller's thread.
struct Progress {
  const char* phase = "";
  double seconds = 0;
  std::uint64_t events = 0;
  std::uint64_t deliveries = 0;
};
using ProgressCall = std::function<void(const Progress&)>;

/// Runs `load` with events of `shape`. `server` is the server's process or 0; `stop`
/// ends it early. The error is a sentence for the user: connect, login or set-up failed.
std::expected<Outcome, std::string> run_load(const Target& target, const Load& load, const EventShape& shape,
                                             const Wire& wire, pid_t server, const std::atomic<bool>& stop,
                                             const ProgressCall& progress = {});

}  // namespace bench
