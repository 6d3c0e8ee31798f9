// Error codes that go over the wire in reply frames: VSCP_ERROR_... of the VSCP project's vscp.h. Spec:
// vscp_over_binary.md, "Frame format=15 - Reply". Only those that we send, or that a client may send us.
#pragma once

#include <cstdint>

#include "protocol/errc.h"

namespace vscp {

enum class VscpError : std::uint16_t {
  kSuccess = 0,
  kOverrun = 18,
  kRcvEmpty = 19,
  kTransmitFull = 21,
  kTimeout = 32,
  kNotOpen = 33,
  kParameter = 34,
  kMemory = 35,
  kUser = 38,
  kOperationFailed = 42,
  kStopped = 47,
  kMissing = 53,
  kPermission = 57,
  kIndexOutOfBounds = 59,
  kInvalidFrame = 63,
  kSize = 64,
  kInvalidChecksum = 67,
  kUnsupported = 71,
  kUnknownCommand = 72,
  kCredentials = 73,
  kNotAuthorized = 74,
  kForbidden = 75,
};

/// What a peer is told when a frame, or something in it, could not be read for this reason.
VscpError to_vscp_error(Errc code) noexcept;

}  // namespace vscp
