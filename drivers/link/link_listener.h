// One listening socket on one worker: accepts, checks limits, hands the connection to the worker that has the fewest.
//
// Thread rule: made by the supervisor before workers run; everything else on its worker, which is the same for all sockets
// of one listener of the configuration.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "drivers/link/link_context.h"
#include "drivers/link/session_limits.h"
#include "router/base/counters.h"
#include "router/base/fd.h"
#include "router/core/timer_wheel.h"

namespace drivers::link {

class LinkListener final : public router::OpOwner, public router::Timer {
 public:
  LinkListener(router::Worker& worker, router::UniqueFd socket, std::shared_ptr<LinkContext> context,
               std::shared_ptr<SessionLimits> limits);
  ~LinkListener() override = default;

  router::Worker& worker() noexcept { return *worker_; }
  const std::string& address() const noexcept { return context_->listener; }
  /// Begins, or ends, to accept.
  void start();
  void stop();

 private:
  /// Connections handed over to one worker, and how many of them it has taken up; it writes that itself.
  struct Hand {
    std::uint64_t given = 0;
    alignas(64) router::Counter taken;
    std::uint64_t on_their_way() const noexcept { return given - taken.value(); }
  };

  void on_completion(const router::Completion& completion) noexcept override;
  void on_timer(std::uint64_t now_ns) noexcept override;
  void take_in(int descriptor);
  /// Of a text that nobody could read, nothing.
  std::string_view plain(std::string_view text) const noexcept { return context_->tls ? std::string_view() : text; }
  void refuse(int descriptor, const router::PeerAddress& peer);
  void open_session(router::Worker& home, int descriptor, const router::PeerAddress& peer);
  router::Worker& least_loaded() noexcept;
  std::uint64_t on_their_way() const noexcept;

  router::Worker* worker_;
  router::UniqueFd socket_;
  std::shared_ptr<LinkContext> context_;
  std::shared_ptr<SessionLimits> limits_;
  bool accepting_ = false;
  bool paused_ = false;  ///< too many are on their way; the timer looks again
  bool stopped_ = false;
  std::vector<Hand> hands_;  ///< by worker
};

}  // namespace drivers::link
