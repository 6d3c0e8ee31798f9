// The same work through every contender, in turns, so that what else the machine does hits all alike.
// Thread rule: one thread; client threads and processes that it starts end before it returns.
#pragma once

#include <atomic>
#include <cstddef>
#include <string>
#include <vector>

#include "tools/vscpbench/options.h"
#include "tools/vscpbench/peers/contender.h"
#include "tools/vscpbench/progress_line.h"
#include "tools/vscpbench/result.h"

namespace bench::peers {

struct ComparisonPlan {
  std::vector<std::string> shapes;    ///< "1:16"
  std::vector<std::size_t> payloads;  ///< at least kBodyBytesMin each
  unsigned repeat = 5;
  Load load;                    ///< of everything but producers and consumers; window 0 = set_window()
  double latency_rate = 10000;  ///< events per second; 0 = without
  std::size_t latency_bytes = 487;
  std::size_t connects = 5000;  ///< sessions of a connect storm; 0 = without
};

/// Sets the window of `load`: as many bytes on the way for every server and dialect. Enough for large writes and reads,
/// since small batches make every server slow, and little enough that consumers do not have gigabytes in their sockets,
/// which makes the kernel slow. `deliveries_max`: 0, or fewer for a server that would take very long to deliver what is
/// on its way and is no faster with more.
void set_window(Load& load, std::uint64_t deliveries_max);

/// Puts the results into `results`, also those of a run that ends early. Empty, or a sentence.
std::string run_comparison(const ComparisonPlan& plan, const Servers& servers, ProgressLine& progress,
                           const std::atomic<bool>& stop, std::vector<Result>& results);

}  // namespace bench::peers
