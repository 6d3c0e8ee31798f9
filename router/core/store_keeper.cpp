#include "router/core/store_keeper.h"

#include "router/base/log.h"
#include "router/core/event_thread.h"

namespace router {

vscp::Result<void> StoreKeeper::append(std::uint8_t lane, std::span<const std::uint8_t> record) {
  auto appended = store_.append(lane, record);
  uncommitted_ = uncommitted_ || appended;
  return appended;
}

void StoreKeeper::keep(ThreadIndex producer, std::uint8_t lane, std::span<const std::uint8_t> record) {
  kept_.note_taken(producer);
  if (append(lane, record)) {
    taken_.add();
    return;
  }
  kept_.note_lost(producer);
  lost_.add();
  log(LogLevel::kError, LogKind::kResource,
      label_ + ": no room for events that wait for it: they are lost; raise max-bytes of its queue or spool");
}

bool StoreKeeper::commit() {
  bool is_new = false;
  if (uncommitted_) {
    const auto committed = store_.commit();
    uncommitted_ = !committed;
    is_new = committed.has_value();
    if (!committed) {
      log(LogLevel::kError, LogKind::kResource,
          label_ + ": the spool cannot be written: " + std::string(vscp::to_text(committed.error())) +
              "; events that it must keep are refused until it can");
    }
  }
  if (!config_.on_disk) return is_new;
  if (!uncommitted_) kept_.publish([this](ThreadIndex producer) { threads_[producer].nudge(); });
  const bool full = config_.when_full == StoreFullPolicy::kRefuse && store_.status().bytes >= config_.bytes_max;
  if (full && !kept_.is_refusing()) {
    log(LogLevel::kError, LogKind::kOnce,
        label_ +
            ": the spool is full: events that it must keep are refused until the far side has taken some; raise "
            "spool.max-bytes");
  }
  kept_.set_refusing(full || uncommitted_);
  return is_new;
}

}  // namespace router
