#include "drivers/library/abi/return_code.h"

#include <array>
#include <string_view>

namespace drivers::library {
namespace {

// By code. From 39 on Level I and Level II differ; Level II goes on, Level I ends at 44.
constexpr std::array<std::string_view, 76> kWords = {"success",
                                                     "wrong baud rate",
                                                     "bus off",
                                                     "bus passive",
                                                     "bus warning",
                                                     "invalid CAN identifier",
                                                     "invalid CAN message",
                                                     "invalid channel",
                                                     "queue empty",
                                                     "queue full",
                                                     "wrong queue size",
                                                     "waiting on the queue failed",
                                                     "error without details",
                                                     "hardware error",
                                                     "initialisation failed",
                                                     "not initialised",
                                                     "initialisation not ready",
                                                     "not supported",
                                                     "overrun",
                                                     "nothing received",
                                                     "register value error",
                                                     "transmit queue full",
                                                     "error frame: stuff error",
                                                     "error frame: form error",
                                                     "error frame: acknowledge error",
                                                     "error frame: bit 1 error",
                                                     "error frame: bit 0 error",
                                                     "error frame: CRC error",
                                                     "a library of the driver's own could not be loaded",
                                                     "a function of the driver's own library is missing",
                                                     "only one instance is allowed",
                                                     "the driver below failed",
                                                     "timeout",
                                                     "not open",
                                                     "invalid parameter",
                                                     "out of memory",
                                                     "internal error",
                                                     "communication error",
                                                     "wrong user",
                                                     "wrong password (Level I: the frame does not fit)",
                                                     "no connection (Level I: no CAN FD here)",
                                                     "invalid handle (Level I: CAN FD cannot be switched on)",
                                                     "operation failed (Level I: no socket)",
                                                     "buffer too small (Level I: no interface of this name)",
                                                     "unknown item (Level I: the socket cannot be bound)",
                                                     "already defined",
                                                     "write error",
                                                     "stopped",
                                                     "invalid pointer",
                                                     "no permission",
                                                     "invalid path",
                                                     "system error",
                                                     "interrupted",
                                                     "something is missing",
                                                     "not connected",
                                                     "read only",
                                                     "wrong type",
                                                     "no permission",
                                                     "wrong syntax",
                                                     "index out of range",
                                                     "the frame does not fit",
                                                     "socket error",
                                                     "not readable (parsing)",
                                                     "invalid frame",
                                                     "wrong size",
                                                     "refused by the other side",
                                                     "read error",
                                                     "wrong checksum",
                                                     "interface error",
                                                     "wrong format",
                                                     "invalid context",
                                                     "not supported",
                                                     "unknown command",
                                                     "wrong credentials",
                                                     "not authorised",
                                                     "forbidden"};

}  // namespace

bool is_nothing_there(int code) noexcept {
  return code == 8 || code == 11 || code == 19 || code == 32;
}

bool is_no_room(int code) noexcept {
  return code == 9 || code == 21 || code == 32;
}

bool is_not_supported(int code) noexcept {
  return code == 17 || code == 71;
}

std::string describe_code(int code) {
  const std::string number = "code " + std::to_string(code);
  if (code == -1) return number + ": error without details";
  if (code < 0 || code >= static_cast<int>(kWords.size())) return number + ", which the interface does not define";
  return number + ": " + std::string(kWords[static_cast<std::size_t>(code)]);
}

}  // namespace drivers::library
