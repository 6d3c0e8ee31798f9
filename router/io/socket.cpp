#include "router/io/socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "router/io/open_files.h"

namespace router {
namespace {

constexpr std::uint32_t kPauseMs = 10;

std::string explain(const ListenAddress& address, int error_number) {
  const auto place = "cannot listen on " + address.text + ": ";
  switch (error_number) {
    case EADDRINUSE:
      return place + "another program uses this port; stop it or configure another port";
    case EACCES:
      return place + "no right to use this port; use a port above 1023 or run as root";
    case EADDRNOTAVAIL:
      return place + "this machine has no such address; configure one that it has";
    default:
      return place + std::strerror(error_number);
  }
}

ListenAddress any_ipv4(const ListenAddress& address) {
  ListenAddress result;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&result.storage);
  v4->sin_family = AF_INET;
  v4->sin_port = reinterpret_cast<const sockaddr_in6*>(&address.storage)->sin6_port;
  result.size = sizeof(sockaddr_in);
  result.text = address.text;
  return result;
}

/// The error is an errno.
std::expected<UniqueFd, int> listen_once(const ListenAddress& address) {
  UniqueFd socket(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.valid() && address.all_interfaces && errno == EAFNOSUPPORT) return listen_once(any_ipv4(address));
  if (!socket.valid()) return std::unexpected(errno);
  const int on = 1;
  const int v6_only = address.all_interfaces ? 0 : 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (address.storage.ss_family == AF_INET6) {
    ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof(v6_only));
  }
  set_stream_options(socket.get());
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.size) != 0 ||
      ::listen(socket.get(), listen_backlog()) != 0) {
    return std::unexpected(errno);
  }
  return socket;
}

// What the kernel keeps for a peer that does not take it, besides what is on its way. Left alone that grows to 4 MiB each: a
// few hundred stuck peers use up the memory that the kernel has for TCP, and then every connection is slow.
constexpr int kUnsentMax = 256 << 10;

}  // namespace

std::expected<UniqueFd, std::string> listen_tcp(const ListenAddress& address, std::uint32_t patience_ms) {
  for (std::uint32_t waited_ms = 0;; waited_ms += kPauseMs) {
    auto socket = listen_once(address);
    if (socket) return std::move(*socket);
    if (socket.error() != EADDRINUSE || waited_ms >= patience_ms) {
      return std::unexpected(explain(address, socket.error()));
    }
    // Nothing tells when a port becomes free.
    ::poll(nullptr, 0, static_cast<int>(kPauseMs));
  }
}

PeerAddress::PeerAddress(const sockaddr_storage& address) noexcept {
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    host_[10] = host_[11] = 0xff;
    std::memcpy(&host_[12], &v4.sin_addr, sizeof(v4.sin_addr));
    port_ = v4.sin_port;
  } else if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    std::memcpy(host_.data(), &v6.sin6_addr, sizeof(v6.sin6_addr));
    port_ = v6.sin6_port;
  }
}

sockaddr_storage PeerAddress::storage() const noexcept {
  sockaddr_storage address{};
  auto& v6 = reinterpret_cast<sockaddr_in6&>(address);
  std::memcpy(&v6.sin6_addr, host_.data(), sizeof(v6.sin6_addr));
  const bool is_nothing = port_ == 0 && IN6_IS_ADDR_UNSPECIFIED(&v6.sin6_addr);
  if (!IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
    address.ss_family = is_nothing ? AF_UNSPEC : AF_INET6;
    v6.sin6_port = port_;
    return address;
  }
  address = {};
  auto& v4 = reinterpret_cast<sockaddr_in&>(address);
  v4.sin_family = AF_INET;
  std::memcpy(&v4.sin_addr, &host_[12], sizeof(v4.sin_addr));
  v4.sin_port = port_;
  return address;
}

std::string host_text(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "?";
  if (address.ss_family == AF_INET) {
    ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(&address)->sin_addr, text, sizeof(text));
  } else if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6*>(&address)->sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&v6)) {
      ::inet_ntop(AF_INET, &v6.s6_addr[12], text, sizeof(text));
    } else {
      ::inet_ntop(AF_INET6, &v6, text, sizeof(text));
    }
  }
  return text;
}

std::string address_text(const sockaddr_storage& address) {
  const auto host = host_text(address);
  const auto port = address.ss_family == AF_INET6 ? ntohs(reinterpret_cast<const sockaddr_in6*>(&address)->sin6_port)
                                                  : ntohs(reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
  return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + std::to_string(port);
}

sockaddr_storage peer_address(int socket) noexcept {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  ::getpeername(socket, reinterpret_cast<sockaddr*>(&address), &size);
  return address;
}

sockaddr_storage local_address(int socket) noexcept {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
  return address;
}

void set_stream_options(int socket) noexcept {
  const int on = 1;
  const int idle_s = 60;
  const int interval_s = 15;
  const int count = 4;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  ::setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
  ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof(interval_s));
  ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
  ::setsockopt(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &kUnsentMax, sizeof(kUnsentMax));
}

}  // namespace router
