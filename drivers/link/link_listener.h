// One listening socket on one worker: accepts, checks limits, hands the connection to the worker that has the fewest.
//
// Thread rule: made by the supervisor before workers run; everything else on its worker.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "drivers/link/link_context.h"
#include "router/base/fd.h"
#include "router/core/timer_wheel.h"

namespace drivers::link {

class LinkListener final : public router::OpOwner, public router::Timer {
 public:
  LinkListener(router::Worker& worker, router::UniqueFd socket, std::shared_ptr<LinkContext> context);
  ~LinkListener() override = default;

  router::Worker& worker() noexcept { return *worker_; }
  const std::string& address() const noexcept { return context_->listener; }
  /// Begins, or ends, to accept.
  void start();
  void stop();

 private:
  void on_completion(const router::Completion& completion) noexcept override;
  void on_timer(std::uint64_t now_ns) noexcept override;
  void take_in(router::Socket socket);
  bool is_full(const sockaddr_storage& peer);
  router::Worker& least_loaded() noexcept;
  void count_session(const sockaddr_storage& peer, int step);

  router::Worker* worker_;
  router::UniqueFd socket_;
  std::shared_ptr<LinkContext> context_;
  bool accepting_ = false;
  bool stopped_ = false;
  std::vector<std::uint64_t> placed_;  ///< by worker: connections handed over so far
  std::uint64_t sessions_ = 0;         ///< taken in and not closed
  std::unordered_map<std::string, std::uint32_t> sessions_of_host_;  ///< kept only if they are limited
};

}  // namespace drivers::link
