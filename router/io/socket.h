// Listening sockets and addresses.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <expected>
#include <string>

#include "router/base/fd.h"
#include "router/base/listen_address.h"

namespace router {

/// The kernel takes a killed process's io_uring apart after the process is gone (up to 11 ms measured), and its
/// listening socket with it: who is started in its place at once waits that long.
inline constexpr std::uint32_t kListenPatienceMs = 1000;

/// Opens a non-blocking listening TCP socket with set_stream_options(); blocks for at most `patience_ms` while the port is in use. The error is
/// one sentence that says what to do (port in use, no right, no such address).
std::expected<UniqueFd, std::string> listen_tcp(const ListenAddress& address,
                                                std::uint32_t patience_ms = kListenPatienceMs);

/// An IPv4 or IPv6 address and port in 18 bytes, where sockaddr_storage has 128: every session has one.
class PeerAddress {
 public:
  using Host = std::array<std::uint8_t, 16>;  ///< IPv4 as ::ffff:a.b.c.d

  PeerAddress() = default;
  explicit PeerAddress(const sockaddr_storage& address) noexcept;
  /// Without flow and scope; IPv4 mapped into IPv6 comes back as IPv4, and nothing as AF_UNSPEC.
  sockaddr_storage storage() const noexcept;
  const Host& host() const noexcept { return host_; }

 private:
  Host host_{};
  std::uint16_t port_ = 0;  ///< in network order
};
static_assert(sizeof(PeerAddress) == 18);

/// "127.0.0.1:9598" or "[::1]:9598"; an IPv4 address mapped into IPv6 is written as IPv4.
std::string address_text(const sockaddr_storage& address);
/// The address without its port; key for limits per host.
std::string host_text(const sockaddr_storage& address);

sockaddr_storage peer_address(int socket) noexcept;
sockaddr_storage local_address(int socket) noexcept;

/// TCP_NODELAY, a bound for what the kernel keeps for a peer that does not read, and keep-alive: a dead peer is noticed
/// after about two minutes. Of a listening socket: what it accepts has the same.
void set_stream_options(int socket) noexcept;

}  // namespace router
