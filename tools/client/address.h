// Addresses of link servers as people write them, and the blocking connect that goes with them.
//
// Forms: "host", "host:port", "[::1]:9598", "::1", "tcp://host:port", "unix:/path". Port 9598 if none is given.
// Thread rule: any thread; name lookup blocks.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "tools/client/client_error.h"

namespace tools {

inline constexpr std::uint16_t kLinkPort = 9598;

struct Address {
  std::string host;  ///< name or number, without brackets; empty if `unix_path` is set
  std::uint16_t port = kLinkPort;
  std::string unix_path;  ///< path of a unix socket, or empty
};

/// Errors: kBadAddress, with a sentence that shows a good one.
ClientResult<Address> parse_address(std::string_view text);

/// "127.0.0.1:9598", "[::1]:9598" or "unix:/path".
std::string to_string(const Address& address);

/// Connects to the first of the host's addresses that answers; TCP_NODELAY is set and the socket is non-blocking.
/// `stop_fd` (or -1): becomes readable when the caller wants to stop. The caller owns the returned descriptor.
/// Errors: kBadAddress (unknown host), kRefused, kTimeout, kStopped, kSystem.
ClientResult<int> connect_socket(const Address& address, std::chrono::milliseconds timeout, int stop_fd);

}  // namespace tools
