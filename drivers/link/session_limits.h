// Sessions of one listener of the configuration, all in all and per address, against its limits.
//
// Thread rule: the worker of the listener's sockets.
#pragma once

#include <cstdint>
#include <map>

#include "drivers/link/link_config.h"
#include "router/io/socket.h"

namespace drivers::link {

class SessionLimits {
 public:
  explicit SessionLimits(const LinkListenerConfig& config)
      : sessions_max_(config.max_sessions), per_host_max_(config.max_sessions_per_address) {}

  /// Counted from the hand-over to another worker on: those on their way are in no worker's count.
  bool try_add(const router::PeerAddress& peer) {
    if (sessions_ >= sessions_max_) return false;
    if (per_host_max_ > 0) {
      std::uint32_t& count = per_host_[peer.host()];
      if (count >= per_host_max_) return false;
      ++count;
    }
    ++sessions_;
    return true;
  }
  void remove(const router::PeerAddress& peer) {
    --sessions_;
    if (per_host_max_ == 0) return;
    const auto entry = per_host_.find(peer.host());
    if (entry != per_host_.end() && --entry->second == 0) per_host_.erase(entry);
  }
  std::uint64_t sessions() const noexcept { return sessions_; }

 private:
  std::uint64_t sessions_max_;
  std::uint32_t per_host_max_;  ///< 0 = no limit
  std::uint64_t sessions_ = 0;
  std::map<router::PeerAddress::Host, std::uint32_t> per_host_;  ///< kept only if they are limited
};

}  // namespace drivers::link
