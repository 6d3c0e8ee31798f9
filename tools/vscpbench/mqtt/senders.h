// Ways to bring events to a broker, each measured alone: time and CPU of this process from the first to the last
// message. Thread rule: main thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>

namespace bench::mqtt {

struct Run {
  double events_per_s = 0;
  double cpu_us = 0;         ///< of this process per event, all threads
  double broker_cpu_us = 0;  ///< of the broker per event
};

struct Load {
  std::uint16_t port = 0;
  int broker_pid = 0;
  std::size_t payload = 487;  ///< bytes of an event's data
  std::size_t events = 0;
  int qos = 0;
  std::string format = "binary";  ///< of messages of one event
};

/// The MQTT library alone: messages of the same size as the router's, handed over in a loop.
std::expected<Run, std::string> run_library(const Load& load);
/// The router's sender, from a store in memory: an event per message.
std::expected<Run, std::string> run_router(const Load& load);
/// Two routers joined as sites: batches, from the near store until the far side has confirmed all.
std::expected<Run, std::string> run_sites(const Load& load);

}  // namespace bench::mqtt
