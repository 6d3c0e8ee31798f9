// The socket of a connection that a library opened and does not show.
//
// It is found among the process's descriptors by its peer's port; two connections to the same port are told apart by
// which came first. Thread rule: any (a lock; the MQTT library's threads only).
#pragma once

#include <cstdint>

namespace drivers::mqtt {

class HiddenSocket {
 public:
  HiddenSocket() = default;
  ~HiddenSocket() { forget(); }
  HiddenSocket(const HiddenSocket&) = delete;
  HiddenSocket& operator=(const HiddenSocket&) = delete;

  /// The connection to `peer_port` has just been opened. False if it is not found.
  bool find(std::uint16_t peer_port);
  void forget();
  std::uint16_t local_port() const noexcept { return local_port_; }
  /// TCP_NODELAY: small packets do not wait for the acknowledgement of earlier ones.
  void set_no_delay() const;
  /// Both directions end now; the library notices by itself.
  void shut_down() const;

 private:
  bool is_ours(int fd) const;

  int fd_ = -1;
  std::uint16_t peer_port_ = 0;
  std::uint16_t local_port_ = 0;  ///< tells whether the descriptor is still that socket
};

}  // namespace drivers::mqtt
