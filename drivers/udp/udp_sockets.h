// Sockets of UDP: one for an address of ours, or two for a multicast group: one that is a member of it, and one that
// sends to it. The sending one has a port of its own: by that a group's member tells its own datagrams from those of
// another program of the same machine.
//
// Thread rule: start-up; find_own_host() any thread. Errors are one sentence each.
#pragma once

#include <expected>
#include <optional>
#include <string>

#include "drivers/udp/udp_config.h"
#include "router/base/fd.h"

namespace drivers::udp {

struct UdpSockets {
  router::UniqueFd receive;
  router::UniqueFd send;
  int family = 0;              ///< of both
  std::uint16_t own_port = 0;  ///< of the sending one, for groups; else 0
  sockaddr_storage target{};   ///< a group's address, with the device in it where IPv6 wants one
};

std::expected<UdpSockets, std::string> open_sockets(const EntryConfig& entry);

/// From which of our addresses datagrams to the group come; nothing if there is no way to it just now. Two short system
/// calls.
std::optional<Host> find_own_host(const sockaddr_storage& group, int send_socket) noexcept;

/// The address as a socket of this family takes it: IPv4 mapped into IPv6 where that is needed.
sockaddr_storage for_family(const sockaddr_storage& address, int family) noexcept;

/// In the machine's order; 0 for what is no address.
std::uint16_t port_of(const sockaddr_storage& address) noexcept;

/// Datagrams that the kernel has dropped because its buffer for the socket was full.
std::uint64_t kernel_drops(int socket) noexcept;

}  // namespace drivers::udp
