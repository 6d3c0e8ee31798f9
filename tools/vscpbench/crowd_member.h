// The inside of one process of a crowd, see crowd.h.
//
// Thread rule: the child's only thread. Shared memory has one writer per member, the child; the parent reads the
// atomics at any time and everything else after an answer to kRefresh.
#pragma once

#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "tools/vscpbench/crowd.h"

namespace bench {

/// One byte on the control socket each; the answer is the same byte. End of file: the process ends.
enum CrowdCommand : char {
  kCrowdOpen = 'o',  ///< answered when every session is ready or has failed
  kCrowdReadAll = 'a',
  kCrowdReadNothing = 'n',
  kCrowdTrickle = 't',
  kCrowdMark = 'm',
  kCrowdRefresh = 'r',
  kCrowdClose = 'c',
};

struct SharedHistogram {
  std::array<std::uint64_t, Histogram::kBuckets> counts;
  std::uint64_t max;
};

struct alignas(64) CrowdShared {
  std::atomic<std::uint64_t> ready;
  std::atomic<std::uint64_t> failed;
  std::atomic<std::uint64_t> closed;
  std::atomic<std::uint64_t> deliveries;
  std::atomic<std::uint64_t> missed;
  std::atomic<std::uint64_t> repeated;
  std::atomic<std::uint64_t> corrupted;
  std::atomic<std::uint64_t> first_arrival_ns;
  std::atomic<std::uint64_t> last_arrival_ns;
  std::uint64_t cpu_ns;
  std::uint64_t private_bytes;
  SharedHistogram opening;
  SharedHistogram arrivals;
  std::array<char, 256> failure;  ///< of the first session that failed; written before `failed` is raised
};

struct CrowdMemberPlan {
  const CrowdPlan* plan = nullptr;
  std::size_t first_session = 0;
  std::size_t sessions = 0;
  unsigned at_once = 1;
  sockaddr_storage address{};  ///< of the server
  unsigned address_size = 0;
  std::uint32_t source = 0;  ///< IPv4 address to connect from, host order; 0 = the kernel's choice
};

/// Serves commands until the control socket ends. Never returns.
[[noreturn]] void run_crowd_member(const CrowdMemberPlan& plan, int control, CrowdShared& shared);

}  // namespace bench
