// Where a driver library runs, as the watch sees it: a process (process_host.h), or threads of the router
// (thread_host.h).
//
// Thread rule: the watching thread. That thread starts processes, too: a host dies with the thread that started it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace drivers::library {

/// How a host ended. One of both numbers is not 0, or all went well.
struct HostEnd {
  int exit_code = 0;
  int signal = 0;
};

struct HostUsage {
  std::uint64_t memory_bytes = 0;  ///< resident
  std::uint64_t cpu_ns = 0;        ///< of all its threads since the start
};

class Host {
 public:
  virtual ~Host() = default;
  /// Once, when it has ended.
  virtual std::optional<HostEnd> take_end() = 0;
  /// SIGTERM, SIGKILL, SIGSTOP or SIGCONT to it and what it started. False: it has no such thing.
  virtual bool send(int signal_number) = 0;
  /// Becomes readable when it ends; -1: the bell rings instead.
  virtual int end_descriptor() const noexcept { return -1; }
  /// What the library prints; -1: none, or at its end.
  virtual int output_descriptor() const noexcept { return -1; }
  virtual void close_output() noexcept {}
  virtual std::optional<HostUsage> usage() const { return std::nullopt; }
  /// 0: the router's own.
  virtual int process_id() const noexcept { return 0; }
};

}  // namespace drivers::library
