#include "drivers/udp/udp_sockets.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace drivers::udp {
namespace {

constexpr int kSendBuffer = 1 << 20U;

std::unexpected<std::string> refuse(const std::string& what, int error_number) {
  switch (error_number) {
    case EADDRINUSE:
      return std::unexpected(what + "another program uses this port; stop it or configure another port");
    case EACCES:
      return std::unexpected(what + "no right to use this port; use a port above 1023 or run as root");
    case EADDRNOTAVAIL:
      return std::unexpected(what + "this machine has no such address; configure one that it has");
    case ENODEV:
      return std::unexpected(what + "no network interface leads to the group; write one as \"device\"");
    default:
      return std::unexpected(what + std::strerror(error_number));
  }
}

template <typename Value>
bool set(int socket, int level, int option, const Value& value) noexcept {
  return ::setsockopt(socket, level, option, &value, sizeof(value)) == 0;
}

/// As much as the system allows: beyond its limit the privileged form is tried.
void set_buffers(int socket, std::uint32_t receive_bytes) noexcept {
  const int bytes = static_cast<int>(receive_bytes);
  if (!set(socket, SOL_SOCKET, SO_RCVBUFFORCE, bytes)) set(socket, SOL_SOCKET, SO_RCVBUF, bytes);
  if (!set(socket, SOL_SOCKET, SO_SNDBUFFORCE, kSendBuffer)) set(socket, SOL_SOCKET, SO_SNDBUF, kSendBuffer);
}

router::UniqueFd make_socket(int family) noexcept {
  return router::UniqueFd(::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

sockaddr_storage any_address(int family, std::uint16_t port) noexcept {
  sockaddr_storage out{};
  out.ss_family = static_cast<sa_family_t>(family);
  if (family == AF_INET) {
    reinterpret_cast<sockaddr_in&>(out).sin_port = htons(port);
  } else {
    reinterpret_cast<sockaddr_in6&>(out).sin6_port = htons(port);
  }
  return out;
}

bool bind_to(int socket, const sockaddr_storage& address) noexcept {
  const socklen_t size = address.ss_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  return ::bind(socket, reinterpret_cast<const sockaddr*>(&address), size) == 0;
}

std::expected<UdpSockets, std::string> open_plain(const EntryConfig& entry) {
  const router::ListenAddress& address = entry.interface;
  const std::string what = "udp " + entry.name + ": cannot receive on " + address.text + ": ";
  UdpSockets out;
  out.family = address.storage.ss_family;
  out.receive = make_socket(out.family);
  sockaddr_storage bound = address.storage;
  if (!out.receive.valid() && address.all_interfaces && errno == EAFNOSUPPORT) {
    bound = any_address(AF_INET, port_of(address.storage));
    out.family = AF_INET;
    out.receive = make_socket(out.family);
  }
  if (!out.receive.valid()) return refuse(what, errno);
  if (out.family == AF_INET6) set(out.receive.get(), IPPROTO_IPV6, IPV6_V6ONLY, address.all_interfaces ? 0 : 1);
  set(out.receive.get(), SOL_SOCKET, SO_BROADCAST, 1);  // firmware is reached by broadcast
  set_buffers(out.receive.get(), entry.receive_buffer);
  if (!bind_to(out.receive.get(), bound)) return refuse(what, errno);
  out.send = router::UniqueFd(::fcntl(out.receive.get(), F_DUPFD_CLOEXEC, 0));
  if (!out.send.valid()) return refuse(what, errno);
  return out;
}

// ---- groups ---------------------------------------------------------------------------------------------------------

/// Where a group is: an index, or for IPv4 an address of ours. Both 0: the system's choice.
struct Device {
  int index = 0;
  in_addr address{};
};

std::expected<Device, std::string> find_device(const std::string& text, int family, const std::string& what) {
  Device out;
  if (text.empty()) return out;
  if (family == AF_INET && ::inet_pton(AF_INET, text.c_str(), &out.address) == 1) return out;
  out.index = static_cast<int>(::if_nametoindex(text.c_str()));
  if (out.index == 0)
    return std::unexpected(what + "there is no network interface \"" + text + "\"; configure one that is there");
  return out;
}

bool join(int socket, const sockaddr_storage& group, const Device& device) noexcept {
  if (group.ss_family == AF_INET) {
    ip_mreqn request{};
    request.imr_multiaddr = reinterpret_cast<const sockaddr_in&>(group).sin_addr;
    request.imr_address = device.address;
    request.imr_ifindex = device.index;
    set(socket, IPPROTO_IP, IP_MULTICAST_ALL, 0);
    return set(socket, IPPROTO_IP, IP_ADD_MEMBERSHIP, request);
  }
  ipv6_mreq request{};
  request.ipv6mr_multiaddr = reinterpret_cast<const sockaddr_in6&>(group).sin6_addr;
  request.ipv6mr_interface = static_cast<unsigned>(device.index);
  return set(socket, IPPROTO_IPV6, IPV6_JOIN_GROUP, request);
}

bool prepare_sending(int socket, int family, const Device& device, const GroupConfig& group) noexcept {
  const int loop = group.loop ? 1 : 0;
  if (family == AF_INET) {
    ip_mreqn from{};
    from.imr_address = device.address;
    from.imr_ifindex = device.index;
    const bool is_chosen = device.index != 0 || device.address.s_addr != 0;
    return (!is_chosen || set(socket, IPPROTO_IP, IP_MULTICAST_IF, from)) &&
           set(socket, IPPROTO_IP, IP_MULTICAST_TTL, group.ttl) && set(socket, IPPROTO_IP, IP_MULTICAST_LOOP, loop);
  }
  return (device.index == 0 || set(socket, IPPROTO_IPV6, IPV6_MULTICAST_IF, device.index)) &&
         set(socket, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, group.ttl) &&
         set(socket, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, loop);
}

std::expected<UdpSockets, std::string> open_group(const EntryConfig& entry) {
  const std::string what = "udp " + entry.name + ": cannot join the group " + entry.interface.text + ": ";
  UdpSockets out;
  out.target = entry.interface.storage;
  out.family = out.target.ss_family;
  const auto device = find_device(entry.group->device, out.family, what);
  if (!device) return std::unexpected(device.error());
  if (out.family == AF_INET6) {
    reinterpret_cast<sockaddr_in6&>(out.target).sin6_scope_id = static_cast<std::uint32_t>(device->index);
  }
  out.receive = make_socket(out.family);
  out.send = make_socket(out.family);
  if (!out.receive.valid() || !out.send.valid()) return refuse(what, errno);
  set(out.receive.get(), SOL_SOCKET, SO_REUSEADDR, 1);  // a group's port is everybody's
  for (const auto* socket : {&out.receive, &out.send}) set_buffers(socket->get(), entry.receive_buffer);
  if (!bind_to(out.receive.get(), out.target) || !join(out.receive.get(), out.target, *device) ||
      !prepare_sending(out.send.get(), out.family, *device, *entry.group) ||
      !bind_to(out.send.get(), any_address(out.family, 0))) {
    return refuse(what, errno);
  }
  sockaddr_storage own{};
  socklen_t size = sizeof(own);
  ::getsockname(out.send.get(), reinterpret_cast<sockaddr*>(&own), &size);
  out.own_port = port_of(own);
  return out;
}

}  // namespace

std::expected<UdpSockets, std::string> open_sockets(const EntryConfig& entry) {
  return entry.group ? open_group(entry) : open_plain(entry);
}

// A connected datagram socket has chosen its address. The sending socket itself stays unconnected, for it may have to
// choose anew.
std::optional<Host> find_own_host(const sockaddr_storage& group, int send_socket) noexcept {
  const router::UniqueFd probe = make_socket(group.ss_family);
  if (!probe.valid()) return std::nullopt;
  socklen_t size = sizeof(ip_mreqn);
  if (group.ss_family == AF_INET) {
    in_addr from{};
    size = sizeof(from);
    if (::getsockopt(send_socket, IPPROTO_IP, IP_MULTICAST_IF, &from, &size) == 0 && from.s_addr != 0) {
      set(probe.get(), IPPROTO_IP, IP_MULTICAST_IF, from);
    }
    size = sizeof(sockaddr_in);
  } else {
    size = sizeof(sockaddr_in6);
  }
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&group), size) != 0) return std::nullopt;
  return router::PeerAddress(router::local_address(probe.get())).host();
}

sockaddr_storage for_family(const sockaddr_storage& address, int family) noexcept {
  if (address.ss_family != AF_INET || family != AF_INET6) return address;
  sockaddr_storage out{};
  auto& mapped = reinterpret_cast<sockaddr_in6&>(out);
  mapped.sin6_family = AF_INET6;
  mapped.sin6_port = reinterpret_cast<const sockaddr_in&>(address).sin_port;
  const Host host = router::PeerAddress(address).host();
  std::memcpy(&mapped.sin6_addr, host.data(), host.size());
  return out;
}

std::uint16_t port_of(const sockaddr_storage& address) noexcept {
  if (address.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  return 0;
}

std::uint64_t kernel_drops(int socket) noexcept {
  std::array<std::uint32_t, SK_MEMINFO_VARS> values{};
  socklen_t size = sizeof(values);
  if (::getsockopt(socket, SOL_SOCKET, SO_MEMINFO, values.data(), &size) != 0) return 0;
  return values[SK_MEMINFO_DROPS];
}

}  // namespace drivers::udp
