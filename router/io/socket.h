// Listening sockets and addresses.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <expected>
#include <string>

#include "router/base/fd.h"
#include "router/base/listen_address.h"

namespace router {

/// The kernel takes a killed process's io_uring apart after the process is gone (up to 11 ms measured), and its
/// listening socket with it: who is started in its place at once waits that long.
inline constexpr std::uint32_t kListenPatienceMs = 1000;

/// Opens a non-blocking listening TCP socket; blocks for at most `patience_ms` while the port is in use. The error is
/// one sentence that says what to do (port in use, no right, no such address).
std::expected<UniqueFd, std::string> listen_tcp(const ListenAddress& address,
                                                std::uint32_t patience_ms = kListenPatienceMs);

/// "127.0.0.1:9598" or "[::1]:9598"; an IPv4 address mapped into IPv6 is written as IPv4.
std::string address_text(const sockaddr_storage& address);
/// The address without its port; key for limits per host.
std::string host_text(const sockaddr_storage& address);

sockaddr_storage peer_address(int socket) noexcept;
sockaddr_storage local_address(int socket) noexcept;

/// TCP_NODELAY and keep-alive: a dead peer is noticed after about two minutes.
void set_stream_options(int socket) noexcept;

}  // namespace router
