// What a process has used so far, from the kernel's accounting. Linux only.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace bench {

struct ProcessStats {
  std::uint64_t cpu_ns = 0;      ///< all threads, also those that have ended (the process's CPU clock)
  std::uint64_t user_ticks = 0;  ///< /proc/PID/stat, _SC_CLK_TCK per second
  std::uint64_t system_ticks = 0;
  std::uint64_t wait_ns = 0;    ///< runnable but not running, sum of /proc/PID/task/*/schedstat
  std::uint64_t voluntary = 0;  ///< voluntary context switches of all threads
  std::uint64_t involuntary = 0;
  std::uint64_t rss_bytes = 0;
  unsigned threads = 0;
};

/// Empty if there is no such process or it may not be read.
std::optional<ProcessStats> read_process(pid_t pid);

/// The process that listens on the TCP port on this machine, found through /proc; 0 if none is visible.
pid_t find_listener(std::uint16_t port);

/// Memory of the whole machine's kernel, in bytes; 0 if unknown.
struct KernelMemory {
  std::uint64_t slab = 0;  ///< /proc/meminfo Slab: sockets, files, io_uring requests, ...
  std::uint64_t tcp = 0;   ///< /proc/net/sockstat: buffers of TCP sockets
};
KernelMemory read_kernel_memory();

std::uint64_t monotonic_ns();
/// CPU time of this process so far, all threads.
std::uint64_t own_cpu_ns();

}  // namespace bench
