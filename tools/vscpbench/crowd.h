// Many sessions at once, in client processes of their own: an idle crowd, a storm of logins, slow readers.
//
// A process may open no more files than its hard limit allows (20 000 is common), and one source address has some
// 28 000 ports. A crowd is therefore spread over forked processes of at most kSessionsPerProcess sessions, each with a
// source address of its own (127.0.0.2 and up) if the server is on loopback. Each process has one epoll loop and a few
// dozen bytes per session; results come back through shared memory.
//
// Thread rule: one thread, in a process without other threads that hold locks while start() forks.
// Ownership: the crowd owns its processes. They end when it is destroyed, or when this process dies.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/vscpbench/histogram.h"
#include "tools/vscpbench/link_session.h"
#include "tools/vscpbench/options.h"

namespace bench {

inline constexpr std::size_t kSessionsPerProcess = 15000;

/// One exchange of opening a session: what is sent (nothing if empty) and how the line begins that ends the wait.
/// Other lines are ignored, except one that begins with CrowdPlan::refuse.
struct CrowdStep {
  std::function<std::string(std::size_t session)> send;
  std::string await;
};

struct CrowdPlan {
  tools::Address address;
  std::vector<CrowdStep> steps;
  std::string refuse = "-OK";
  std::size_t sessions = 0;
  unsigned processes = 0;  ///< at least so many; 0 = as few as fit
  unsigned at_once = 256;  ///< sessions that may be opening at the same time, over all processes
  int receive_buffer = 0;  ///< SO_RCVBUF; 0 = the kernel's choice
  double stall_seconds = 10;
  const Wire* wire = nullptr;  ///< how events are found in what comes; must outlive the crowd
  EventShape shape;
};

/// The steps of a link session: greeting, USER, PASS (none of both without a user), the wire's commands for a
/// consumer. `own_commands`: further ones for each session, before those.
std::vector<CrowdStep> link_steps(const Target& target, const Wire& wire,
                                  const std::vector<std::function<std::string(std::size_t)>>& own_commands = {});

/// Sums over the crowd's processes.
struct CrowdCounts {
  std::uint64_t ready = 0;   ///< sessions whose steps are all done
  std::uint64_t failed = 0;  ///< sessions that did not come so far
  std::uint64_t closed = 0;  ///< sessions that the server closed later
  std::uint64_t deliveries = 0;
  std::uint64_t missed = 0;  ///< events that a session got a later one before
  std::uint64_t repeated = 0;
  std::uint64_t corrupted = 0;
  std::uint64_t first_arrival_ns = 0;  ///< CLOCK_MONOTONIC, since the last mark(); 0 = none
  std::uint64_t last_arrival_ns = 0;
};

enum class Reading : std::uint8_t {
  kAll,      ///< at once, everything
  kNothing,  ///< the receive buffer fills up
  kTrickle,  ///< one byte per session and second
};

class Crowd {
 public:
  /// Forks the processes; no session is opened yet. The error is a sentence: too few files, no memory.
  static std::expected<Crowd, std::string> start(const CrowdPlan& plan);
  Crowd(Crowd&& other) noexcept;
  Crowd& operator=(Crowd&&) = delete;
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;
  ~Crowd();

  using Call = std::function<void(const CrowdCounts&)>;
  /// Opens all sessions and returns when each is ready or has failed, or when nothing has moved for
  /// `stall_seconds`, or on `stop`. An error is a sentence; then no session is of use. Some sessions may have failed
  /// without an error: see counts().failed and first_failure().
  std::string open(const std::atomic<bool>& stop, const Call& progress = {});
  /// Returns when every process reads that way.
  std::string read(Reading reading);
  /// Forgets the first and last arrival so far.
  std::string mark();
  /// Until the crowd has had `deliveries` in all (since it opened), nothing moves for the stall time, or on `stop`.
  /// False: not all came.
  bool wait_for(std::uint64_t deliveries, const std::atomic<bool>& stop, const Call& progress = {});
  /// Closes all sessions.
  std::string close();

  CrowdCounts counts() const;
  std::string first_failure() const;
  /// Brings the figures below up to date.
  std::string refresh();
  /// From connect() to the last reply, all ready sessions.
  Histogram opening_times() const;
  /// From the event's send time to its arrival, all so far.
  Histogram arrival_times() const;
  std::uint64_t cpu_ns() const;
  /// Memory that the processes do not share with this one.
  std::uint64_t private_bytes() const;
  std::size_t processes() const { return members_.size(); }

 private:
  struct Member {
    pid_t pid = 0;
    Fd control;
  };
  Crowd() = default;
  std::string fork_member(const CrowdPlan& plan, std::size_t index);
  std::string command(char what);
  std::string await_answer(const std::atomic<bool>* stop, const Call& progress);
  std::string death_of(const Member& member);

  std::vector<Member> members_;
  struct CrowdShared* shared_ = nullptr;  ///< one per member, mapped
  std::size_t sessions_ = 0;
  double stall_seconds_ = 0;
};

}  // namespace bench
