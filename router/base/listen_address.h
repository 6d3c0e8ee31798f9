// Addresses to listen on, as configuration writes them: numeric, no name is ever looked up.
//
// Thread rule: pure functions, any thread.
#pragma once

#include <sys/socket.h>

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace router {

struct ListenAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  /// Written as a bare port: bind [::] with IPV6_V6ONLY off so that IPv4 and IPv6 come in; where the kernel has no
  /// IPv6 (EAFNOSUPPORT) bind 0.0.0.0 instead. Other IPv6 addresses are bound with IPV6_V6ONLY on.
  bool all_interfaces = false;
  bool tls = false;       ///< written with an "s" behind the port
  bool any_port = false;  ///< port 0
  std::string text;       ///< as written, for messages
};

/// "9598" (all interfaces, IPv4 and IPv6), "192.168.1.8:9598", "[fe80::1]:9598", "[::]:9598"; each with an "s" behind
/// for TLS. Port 0 lets the kernel choose. On error: what is wrong and what to write instead, without a final dot.
std::expected<ListenAddress, std::string> parse_listen_address(std::string_view text);

/// A list of the above, separated by commas. At least one; no address twice (port 0 may repeat).
std::expected<std::vector<ListenAddress>, std::string> parse_listen_addresses(std::string_view text);

}  // namespace router
