// What can go wrong between a tool and a server, with a sentence for the person at the keyboard.
#pragma once

#include <cstdint>
#include <expected>
#include <string>

namespace tools {

enum class ClientFault : std::uint8_t {
  kBadAddress,  ///< not an address, or no such host
  kRefused,     ///< nothing listens there
  kTimeout,     ///< no answer in time; the connection is no longer in step and must be closed, except from read_line
  kClosed,      ///< the server closed the connection
  kLogin,       ///< user name or password not accepted
  kRejected,    ///< the server answered -OK
  kProtocol,    ///< what came is not the link protocol
  kStopped,     ///< the stop descriptor became readable
  kUsage,       ///< the caller's own text cannot be sent (line break in it, too long)
  kSystem,      ///< an error of the operating system
};

struct ClientError {
  ClientFault fault = ClientFault::kSystem;
  std::string text;  ///< one English sentence without final dot; control characters of the peer are replaced
};

template <typename T>
using ClientResult = std::expected<T, ClientError>;

}  // namespace tools
