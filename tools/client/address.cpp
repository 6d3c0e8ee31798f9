#include "tools/client/address.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "tools/client/text.h"

namespace tools {
namespace {

ClientError bad_address(std::string_view text) {
  return {ClientFault::kBadAddress,
          cat("'", text, "' is no server address; write host:port, [::1]:9598 or unix:/path")};
}

std::string error_text(int error) {
  const char* text = ::strerrordesc_np(error);
  return text != nullptr ? text : "error " + std::to_string(error);
}

ClientError connect_error(const Address& address, int error) {
  const std::string where = to_string(address);
  if (error == ECONNREFUSED || error == ENOENT) {
    return {ClientFault::kRefused,
            cat("nothing listens at ", where, " (", error == ENOENT ? "no such socket" : "connection refused",
                "); start the daemon there or check the address")};
  }
  if (error == ETIMEDOUT) {
    return {ClientFault::kTimeout, cat("no answer from ", where, "; check the address, the network and the firewall")};
  }
  if (error == EACCES) {
    return {ClientFault::kSystem, cat("no permission to open ", where, "; run as a user who may")};
  }
  return {ClientFault::kSystem, cat("cannot connect to ", where, ": ", error_text(error))};
}

/// Waits until a connect under way has an outcome. Returns 0, or an errno; ECANCELED if stopped.
int wait_connected(int fd, std::chrono::steady_clock::time_point deadline, int stop_fd) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return ETIMEDOUT;
    pollfd polled[2] = {{fd, POLLOUT, 0}, {stop_fd, POLLIN, 0}};
    const int ready = poll(polled, stop_fd >= 0 ? 2 : 1, static_cast<int>(left.count()));
    if (ready < 0 && errno != EINTR) return errno;
    if (ready <= 0) continue;
    if (polled[1].revents != 0) return ECANCELED;
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
    return error;
  }
}

/// One attempt. Returns the descriptor, or a negative errno.
int connect_one(int family, const sockaddr* where, socklen_t size, std::chrono::steady_clock::time_point deadline,
                int stop_fd) {
  const int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -errno;
  int error = 0;
  if (connect(fd, where, size) != 0) error = errno;
  if (error == EINPROGRESS || error == EINTR) error = wait_connected(fd, deadline, stop_fd);
  if (error != 0) {
    close(fd);
    return -error;
  }
  if (family != AF_UNIX) {
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  return fd;
}

ClientResult<int> connect_unix(const Address& address, std::chrono::steady_clock::time_point deadline, int stop_fd) {
  sockaddr_un where{};
  where.sun_family = AF_UNIX;
  if (address.unix_path.size() >= sizeof where.sun_path) return std::unexpected(bad_address(to_string(address)));
  std::memcpy(where.sun_path, address.unix_path.data(), address.unix_path.size());
  const int fd = connect_one(AF_UNIX, reinterpret_cast<const sockaddr*>(&where), sizeof where, deadline, stop_fd);
  if (fd < 0) return std::unexpected(connect_error(address, -fd));
  return fd;
}

}  // namespace

ClientResult<Address> parse_address(std::string_view text) {
  Address address;
  const std::string_view whole = text;
  if (text.starts_with("unix:")) {
    address.unix_path = text.substr(5);
    if (address.unix_path.empty()) return std::unexpected(bad_address(whole));
    return address;
  }
  if (text.starts_with("tcp://")) text.remove_prefix(6);
  std::string_view host = text;
  std::string_view port;
  bool has_port = false;
  if (text.starts_with('[')) {
    const auto close_at = text.find(']');
    if (close_at == std::string_view::npos) return std::unexpected(bad_address(whole));
    host = text.substr(1, close_at - 1);
    const auto rest = text.substr(close_at + 1);
    has_port = !rest.empty();
    if (has_port && rest.front() != ':') return std::unexpected(bad_address(whole));
    if (has_port) port = rest.substr(1);
  } else if (std::ranges::count(text, ':') == 1) {
    const auto colon = text.find(':');
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    has_port = true;
  }
  if (host.empty() || host.find_first_of(" \t\r\n/") != std::string_view::npos) {
    return std::unexpected(bad_address(whole));
  }
  address.host = host;
  if (has_port) {
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
    if (error != std::errc{} || end != port.data() + port.size() || address.port == 0) {
      return std::unexpected(bad_address(whole));
    }
  }
  return address;
}

std::string to_string(const Address& address) {
  if (!address.unix_path.empty()) return "unix:" + address.unix_path;
  if (address.host.find(':') != std::string::npos) return cat("[", address.host, "]:", address.port);
  return cat(address.host, ":", address.port);
}

ClientResult<int> connect_socket(const Address& address, std::chrono::milliseconds timeout, int stop_fd) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  if (!address.unix_path.empty()) return connect_unix(address, deadline, stop_fd);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int status = getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found);
  if (status != 0) {
    return std::unexpected(ClientError{
        ClientFault::kBadAddress,
        cat("host '", address.host, "' is not known (", gai_strerror(status), "); check its name or give its number")});
  }
  int last_error = ECONNREFUSED;
  int fd = -1;
  for (const addrinfo* entry = found; entry != nullptr && fd < 0; entry = entry->ai_next) {
    fd = connect_one(entry->ai_family, entry->ai_addr, entry->ai_addrlen, deadline, stop_fd);
    if (fd < 0) last_error = -fd;
    if (fd == -ECANCELED) break;
  }
  freeaddrinfo(found);
  if (fd >= 0) return fd;
  if (last_error == ECANCELED) return std::unexpected(ClientError{ClientFault::kStopped, "stopped while connecting"});
  return std::unexpected(connect_error(address, last_error));
}

}  // namespace tools
