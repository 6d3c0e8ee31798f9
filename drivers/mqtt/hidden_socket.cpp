#include "drivers/mqtt/hidden_socket.h"

#include <dirent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <vector>

namespace drivers::mqtt {
namespace {

/// Local ports of connections that some HiddenSocket has found.
struct Known {
  std::mutex mutex;
  std::vector<std::uint16_t> ports;
};

Known& known() {
  static Known instance;
  return instance;
}

using NameOf = int (*)(int, sockaddr*, socklen_t*);

std::optional<std::uint16_t> port_of(int fd, NameOf name_of) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  if (name_of(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return std::nullopt;
  if (address.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  return std::nullopt;
}

}  // namespace

bool HiddenSocket::find(std::uint16_t peer_port) {
  forget();
  Known& all = known();
  const std::lock_guard lock(all.mutex);
  DIR* folder = ::opendir("/proc/self/fd");
  if (folder == nullptr) return false;
  while (const dirent* entry = ::readdir(folder)) {
    const int fd = std::atoi(entry->d_name);
    if (fd <= 2 || port_of(fd, &::getpeername) != peer_port) continue;
    const auto local = port_of(fd, &::getsockname);
    if (!local || std::find(all.ports.begin(), all.ports.end(), *local) != all.ports.end()) continue;
    fd_ = fd;
    peer_port_ = peer_port;
    local_port_ = *local;
    all.ports.push_back(*local);
    break;
  }
  ::closedir(folder);
  return fd_ >= 0;
}

void HiddenSocket::forget() {
  if (fd_ < 0) return;
  Known& all = known();
  const std::lock_guard lock(all.mutex);
  const auto found = std::find(all.ports.begin(), all.ports.end(), local_port_);
  if (found != all.ports.end()) all.ports.erase(found);
  fd_ = -1;
}

bool HiddenSocket::is_ours(int fd) const {
  return fd >= 0 && port_of(fd, &::getpeername) == peer_port_ && port_of(fd, &::getsockname) == local_port_;
}

void HiddenSocket::set_no_delay() const {
  const int one = 1;
  if (is_ours(fd_)) ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

void HiddenSocket::shut_down() const {
  if (is_ours(fd_)) ::shutdown(fd_, SHUT_RDWR);
}

}  // namespace drivers::mqtt
