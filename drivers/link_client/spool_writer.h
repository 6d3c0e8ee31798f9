// The helper thread of a remote with a spool: takes the router's events for the far side into the spool, and gives them
// from there to the remote's worker (spool_feed.h).
//
// Thread rule: the supervisor's thread, but where it says otherwise; the rest as in HelperThread.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "drivers/link_client/link_client_config.h"
#include "drivers/link_client/remote.h"
#include "drivers/link_client/spool_feed.h"
#include "router/core/carried_event.h"
#include "router/core/helper_thread.h"
#include "router/core/router.h"
#include "router/core/store_keeper.h"

namespace drivers::link_client {

class SpoolWriter final : public router::HelperThread {
 public:
  /// `store` is the open spool. `remote`, which outlives it, sends from it from now on.
  SpoolWriter(router::Router& router, router::ThreadIndex helper, const RemoteConfig& config,
              std::unique_ptr<router::EventStore> store, Remote& remote);
  ~SpoolWriter() override;

  const router::Interest* interest() const noexcept override { return &interest_; }
  const router::KeptCounts* kept_counts() const noexcept override { return keeper_.counts(); }

  void start() { HelperThread::start("vr-link-spool"); }
  /// What was given to it by now is stored before the thread ends.
  void finish();
  /// Any thread.
  router::DriverStore waiting() const;
  /// What waits here, and what was lost.
  void add_to(RemoteStatus& status) const;

 private:
  static constexpr std::size_t kBatch = 256;

  void body() override;
  /// Whether there was something.
  bool take_batch();

  const RemoteConfig& config_;
  std::unique_ptr<router::EventStore> store_;
  Remote& remote_;
  router::StoreKeeper keeper_;
  SpoolFeed feed_;
  std::atomic<bool> told_{false};  ///< the worker has a task of ours
  std::uint32_t channel_;
  router::Interest interest_;
  std::array<router::EventBuf*, kBatch> batch_{};
  router::CarriedEventBytes bytes_;
};

}  // namespace drivers::link_client
