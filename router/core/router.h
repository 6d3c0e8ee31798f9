// All workers and helper threads of the process, and what they share.
//
// Thread rule: built, started and stopped by one thread (the supervisor); worker() and the immutable parts from any.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "router/base/clock.h"
#include "router/core/helper_thread.h"
#include "router/core/hold.h"
#include "router/core/seen_events.h"
#include "router/core/server_events.h"
#include "router/core/stream_session.h"
#include "router/core/worker.h"
#include "router/io/ring.h"

namespace router {

struct RouterSettings {
  ThreadIndex workers = 1;
  ThreadIndex helpers = 0;         ///< threads with a channel of their own (drivers)
  std::vector<int> cpus;           ///< worker i runs on cpus[i % size]; empty: not pinned
  std::size_t event_pool = 0;      ///< buffers per thread; 0 = the sum of all bounds
  WorkerSettings worker;
  vscp::Guid guid;
  std::string server_name;
  std::string version;
};

/// A driver's channel, as INTERFACE lists it.
struct InterfaceInfo {
  std::uint32_t channel = 0;
  std::uint32_t type = 0;          ///< spec: vscp_tcpiplink.md#tcpip-interface-list
  vscp::Guid guid;
  std::string name;
};

/// Where a tour over all sessions stands.
struct SessionPlace {
  ThreadIndex worker = 0;
  std::size_t slot = 0;
};

class Router {
 public:
  using RingFactory = std::function<std::unique_ptr<Ring>(std::string& error)>;

  /// Null if a ring cannot be made; `error` says why.
  static std::unique_ptr<Router> make(const RouterSettings& settings, const Clock& clock, const RingFactory& make_ring,
                                      std::string& error);
  ~Router();
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  /// How long those wait who ask the workers for an operator, in ms.
  static constexpr std::uint32_t kAnswerMs = 5000;

  const RouterSettings& settings() const noexcept { return settings_; }
  const Clock& clock() const noexcept { return *clock_; }
  std::uint64_t started_utc_ns() const noexcept { return started_utc_ns_; }
  const ThreadTable& threads() const noexcept { return threads_; }
  Worker& worker(ThreadIndex index) noexcept { return *workers_[index]; }
  ThreadIndex worker_count() const noexcept { return static_cast<ThreadIndex>(workers_.size()); }
  std::size_t pool_capacity() const noexcept { return pool_capacity_; }
  /// What bridges ask before they let an event in.
  SeenEvents& seen() noexcept { return seen_; }

  /// Before start(): helper thread number `index` (0..helpers-1). The router keeps no ownership.
  void add_helper(ThreadIndex index, HelperThread& helper, const InterfaceInfo& info);
  /// Before start(): a channel that some driver took.
  void add_interface(const InterfaceInfo& info);
  ThreadIndex helper_thread_index(ThreadIndex index) const noexcept {
    return static_cast<ThreadIndex>(settings_.workers + index);
  }
  const std::vector<InterfaceInfo>& interfaces() const noexcept { return interfaces_; }
  /// What is doubtful about them, for the log.
  const std::vector<std::string>& warnings() const noexcept { return warnings_; }
  /// Before start(): drivers put in what they serve.
  ServiceList& services() noexcept { return services_; }
  const ServiceList& services() const noexcept { return services_; }

  void start();
  /// Stops the workers and waits for them. Helpers must have been joined.
  void stop();

  /// Any thread: runs `visit` on each worker in turn, then `done` on the last one.
  void visit_workers(std::function<void(Worker&)> visit, std::function<void()> done);
  /// Any thread but a worker: the same, waiting for the end. False after `timeout_ms`.
  bool visit_workers_and_wait(std::function<void(Worker&)> visit, std::uint32_t timeout_ms);
  /// Any thread but those: looks, on each thread that takes events, whether some are on their way to it or wait to leave
  /// it. True if none are, twice in a row. False also if a thread does not answer within `timeout_ms`.
  bool is_settled(std::uint32_t timeout_ms);
  /// Any thread: runs `visit` on some sessions from a place on (SessionPlace{} is the first) in one turn of their worker; then
  /// there `done` with the place of the next ones, none if those were the last.
  void visit_some_sessions(SessionPlace from, std::function<void(StreamSession&)> visit,
                           std::function<void(std::optional<SessionPlace>)> done);
  /// Any thread: runs `visit` on each session, some per turn of their worker, so that no event waits for it; then `done` on
  /// the last worker. Of sessions that come and go meanwhile some are among them.
  void visit_sessions(std::function<void(StreamSession&)> visit, std::function<void()> done);
  /// Any thread but a worker: the same, waiting for the end. False after `timeout_ms`.
  bool visit_sessions_and_wait(std::function<void(StreamSession&)> visit, std::uint32_t timeout_ms);

 private:
  Router(const RouterSettings& settings, const Clock& clock);

  RouterSettings settings_;
  const Clock* clock_;
  std::uint64_t started_utc_ns_;
  std::size_t pool_capacity_;
  ThreadTable threads_;
  HoldState hold_;
  SeenEvents seen_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<InterfaceInfo> interfaces_;
  std::vector<std::string> warnings_;
  ServiceList services_;
  std::vector<std::thread> running_;
};

}  // namespace router
