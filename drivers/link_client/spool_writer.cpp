#include "drivers/link_client/spool_writer.h"

#include <utility>

#include "router/base/log.h"

namespace drivers::link_client {
namespace {

constexpr std::uint32_t kTypeLevel2Driver = 3;  // spec: vscp_tcpiplink.md#tcpip-interface-list
constexpr std::uint64_t kForEver = ~std::uint64_t{0};
constexpr std::uint64_t kRetryNs = 100'000'000;

}  // namespace

SpoolWriter::SpoolWriter(router::Router& router, router::ThreadIndex helper, const RemoteConfig& config,
                         std::unique_ptr<router::EventStore> store, Remote& remote)
    : HelperThread(router.helper_thread_index(helper), router.threads(), router.pool_capacity()),
      config_(config),
      store_(std::move(store)),
      remote_(remote),
      keeper_("link client " + config.name, config.spool, *store_, router.threads()),
      feed_(
          *store_, remote.format(),
          [this] {
            if (told_.exchange(true)) return;
            remote_.worker().post(router::make_task([this] {
              told_.store(false);
              remote_.on_more();
            }));
          },
          [this] { nudge(); }),
      channel_(router.threads().helper_channel(index())) {
  interest_.add(config.out_filter);
  const vscp::Guid guid = remote.send_from(feed_, channel_);
  router.add_helper(helper, *this, {channel_, kTypeLevel2Driver, guid, "link client " + config.name});
}

SpoolWriter::~SpoolWriter() {
  request_stop();
  join();
}

void SpoolWriter::finish() {
  request_stop();
  join();
  const std::uint64_t left = store_->status().records;
  if (left == 0) return;
  router::logf(router::LogLevel::kInfo, router::LogKind::kOnce, "link client %s: %llu events stay in the spool",
               config_.name.c_str(), static_cast<unsigned long long>(left));
}

router::DriverStore SpoolWriter::waiting() const {
  return {config_.name, config_.host + ':' + std::to_string(config_.port), &config_.spool, store_.get(),
          keeper_.is_refusing()};
}

void SpoolWriter::add_to(RemoteStatus& status) const {
  const router::StoreStatus store = store_->status();
  status.queued = store.records;
  status.dropped = store.dropped_full + store.dropped_age + store.dropped_corrupt + keeper_.lost();
}

bool SpoolWriter::take_batch() {
  const std::size_t count = take_events(batch_);
  for (std::size_t i = 0; i < count; ++i) {
    router::EventBuf* event = batch_[i];
    // Not back to where it came from.
    const bool theirs = event->event.obid == channel_ || event->skip_channel == channel_;
    const bool wanted = event->only_channel == channel_ || config_.out_filter.matches(event->event);
    if (wanted && !theirs) {
      const auto record = router::encode_carried_event(event->event, router::origin_of(*event, 0), bytes_);
      keeper_.keep(event->home, event->event.priority(), record);
    } else {
      keeper_.pass(event->home);
    }
    publisher().drop(event);
  }
  keeper_.commit();
  return count > 0;
}

void SpoolWriter::body() {
  while (!is_stopping()) {
    const bool took = take_batch();
    publisher().flush();
    const std::uint64_t bad = feed_.bad();
    const bool served = feed_.serve();
    if (feed_.bad() != bad) {
      router::log(router::LogLevel::kError, router::LogKind::kResource,
                  "link client " + config_.name + ": the spool has records that are no events; they are dropped");
    }
    const bool is_waiting = keeper_.is_uncommitted() || feed_.is_stuck();
    sleep_and_run_tasks(took || served ? 0 : is_waiting ? kRetryNs : kForEver);
  }
  interest_.remove(config_.out_filter);
  while (take_batch()) publisher().flush();
  feed_.serve();  // what the far side has answered for meanwhile
  publisher().flush();
}

}  // namespace drivers::link_client
