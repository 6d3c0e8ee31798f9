// Keeps one library's host running: starts it, sees that it ends, hangs, or takes more than it may, tells the operator
// and the site, and starts it again after a pause that doubles while it keeps failing.
//
// Limits. Memory: RLIMIT_DATA stops a sudden flood of it, what is resident is looked at four times a second: more than
// memory-max ends the host. Processor: what is more than its share stops the host (SIGSTOP) until the share has grown
// to it; a restart would begin the same anew, and lose what it had. Hang: a call that takes longer than its time limit
// while the host is not stopped.
//
// Thread rule: one thread for all watches, but for status(). Ownership: the host, and the links, which it frees when
// the port is done with them.
#pragma once

#include <poll.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "drivers/library/bell.h"
#include "drivers/library/host.h"
#include "drivers/library/host_link.h"
#include "drivers/library/host_runner.h"
#include "drivers/library/library_config.h"
#include "drivers/library/library_port.h"
#include "drivers/library/output_lines.h"
#include "router/base/clock.h"

namespace drivers::library {

enum class WatchState : std::uint8_t { kIdle, kPause, kStarting, kRunning, kEnding, kStopping, kOver };
std::string_view to_text(WatchState state) noexcept;

/// For operators.
struct WatchStatus {
  WatchState state = WatchState::kIdle;
  int process = 0;
  std::uint64_t since_utc_ns = 0;
  std::uint64_t starts = 0;
  std::uint64_t crashes = 0;  ///< ends by a signal or by exit()
  std::uint64_t hangs = 0;
  std::uint64_t refusals = 0;     ///< could not be loaded or opened
  std::uint64_t over_memory = 0;  ///< ended for its memory
  std::uint64_t broken = 0;       ///< ended for nonsense in the shared memory
  std::uint64_t throttled_ms = 0;
  std::uint64_t memory_bytes = 0;
  std::uint64_t cpu_ns = 0;
  std::string about;
  std::string last_error;
  std::uint64_t last_error_utc_ns = 0;
  LibraryFigures figures;
};

class HostWatch {
 public:
  HostWatch(const LibraryConfig& config, std::uint8_t index, LibraryPort& port, std::string program, const Bell& bell,
            const router::Clock& clock, HostRunner::Load load);
  ~HostWatch();

  void begin();
  /// Sees to everything that is due.
  void look();
  /// When look() is to be called again, at the latest; monotonic.
  std::uint64_t next_ns() const noexcept;
  void add_descriptors(std::vector<pollfd>& out) const;
  /// What waits goes to the library, then it is closed, for as long as is fit.
  void begin_stop();
  bool is_over() const noexcept { return state_ == WatchState::kOver; }
  /// Any thread.
  WatchStatus status() const;

 private:
  /// How long a call of one thread has not moved.
  struct Stillness {
    std::uint64_t beats = 0;
    std::uint64_t since_ns = 0;
    bool told = false;
  };

  void start_host(std::uint64_t now);
  std::string make_host();
  void see_output(std::uint64_t now);
  void see_end(std::uint64_t now);
  void see_phase(std::uint64_t now);
  void see_limits(std::uint64_t now);
  void see_processor(const HostUsage& usage, std::uint64_t now);
  void see_stillness(const ThreadState& state, const std::atomic<LibraryCall>& call_of, Stillness& stillness,
                     std::uint64_t now);
  void see_figures();
  void see_deadlines(std::uint64_t now);
  void pause(bool stopped);
  /// Ends the host; see_end() does the rest.
  void end_host(SiteType type, const std::string& reason, bool gently, std::uint64_t now);
  void finish(std::uint64_t now);
  void note_failure(SiteType type, const std::string& reason);
  void tell_site(SiteType type);
  void set_state(WatchState state);
  template <typename Function>
  void post(Function function);

  LibraryConfig config_;
  std::uint8_t index_;
  LibraryPort* port_;
  std::string program_;
  const Bell* bell_;
  const router::Clock* clock_;
  HostRunner::Load load_;

  WatchState state_ = WatchState::kIdle;
  std::unique_ptr<Host> host_;
  std::shared_ptr<HostLink> link_;
  std::vector<std::shared_ptr<HostLink>> old_links_;  ///< the port may still look at them
  OutputLines output_;
  std::uint64_t started_ns_ = 0;
  std::uint64_t due_ns_ = 0;     ///< of the next step of kPause, kEnding and kStopping
  unsigned step_ = 0;            ///< of kEnding and kStopping
  std::uint64_t delay_ms_ = 0;   ///< of the next pause
  bool has_reason_ = false;      ///< the end is of our making, and told
  std::uint64_t limits_ns_ = 0;  ///< last look at them
  std::uint64_t cpu_ns_ = 0;
  std::int64_t cpu_room_ns_ = 0;  ///< processor time that may still be used
  bool stopped_ = false;          ///< by SIGSTOP
  bool told_throttled_ = false;
  std::uint32_t figures_version_ = 0;
  Stillness reading_;
  Stillness writing_;

  mutable std::mutex mutex_;
  WatchStatus status_;
};

}  // namespace drivers::library
