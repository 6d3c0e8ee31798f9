// Driver libraries in the configuration: upstream's "drivers.level1" and "drivers.level2", with keys of this router's
// own added.
//
// Thread rule: start-up, then constant.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "drivers/library/abi/driver_library.h"
#include "protocol/filter.h"
#include "router/base/config_node.h"
#include "router/core/driver_kind.h"
#include "router/core/slow_consumer.h"

namespace drivers::library {

enum class Isolation : std::uint8_t { kProcess, kNone };

struct LibraryConfig {
  std::string name;
  LibrarySettings library;
  Isolation isolation = Isolation::kProcess;
  bool send = true;         ///< events of the site go to the library
  vscp::Filter out_filter;  ///< of those
  router::QueueLimits queue;
  std::uint32_t max_rate = 0;              ///< events per second from it; 0: any
  std::uint64_t memory_max = 512U << 20U;  ///< bytes; 0: any
  std::uint32_t cpu_max = 0;               ///< percent of one core; 0: any
  std::uint32_t open_files_max = 1024;
  std::uint32_t call_timeout_ms = 10'000;  ///< 0: never
  std::uint32_t open_timeout_ms = 30'000;  ///< likewise
  std::uint32_t delay_ms = 1000;           ///< before it is started again
  std::uint32_t delay_max_ms = 60'000;
  bool exponential = true;
};

struct LibrariesConfig {
  std::vector<LibraryConfig> libraries;
  std::string host_program;  ///< empty: vscp-driver-host beside this program
};

/// Reads the entries that nobody has claimed, and claims them.
LibrariesConfig read_libraries(router::ObjectReader& root, const router::ConfigPlace& place);

/// The program of the hosts: what is configured, or what lies beside the running one.
std::string find_host_program(const LibrariesConfig& config);
/// Empty, or why this file cannot be started.
std::string host_program_problem(const std::string& path);
/// Empty, or why there is no library in this file.
std::string library_file_problem(const std::string& path);

}  // namespace drivers::library
