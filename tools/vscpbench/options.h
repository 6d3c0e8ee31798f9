// What one run of the load generator does. Filled from the command line (main.cpp) or by a test.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/client/address.h"
#include "tools/vscpbench/wire.h"

namespace bench {

struct Target {
  tools::Address address{"127.0.0.1", tools::kLinkPort, ""};
  std::string user;
  std::string password;
};

struct Load {
  unsigned producers = 1;
  unsigned consumers = 1;
  unsigned threads = 1;
  double rate = 0;                         ///< events per second over all producers; 0 = as fast as the window allows
  std::uint64_t events = 0;                ///< over all producers; 0 = by time
  double seconds = 5;                      ///< used if `events` is 0
  double warmup_seconds = 0.5;             ///< not measured, but checked for loss
  std::uint64_t window = 16384;            ///< events over all producers that not every consumer has; 0 = no limit
  std::uint64_t window_bytes = 2U << 20U;  ///< the same in bytes, as sent; 0 = no limit but `window`
  double stall_seconds = 5;      ///< without any progress for so long, the run ends and what is missing is lost
  std::uint32_t time_every = 1;  ///< latency of one event in so many
  bool verify = false;           ///< compare every byte of every event
  std::vector<std::string> consumer_commands{};  ///< of every consumer, after the login, before the wire's own
  bool spin = false;                             ///< never sleep in the client (own CPU goes to 100 %)
};

}  // namespace bench
