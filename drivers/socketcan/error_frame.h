// Error frames of the kernel's CAN drivers: what the controller tells of itself and of the bus. Format:
// linux/can/error.h.
//
// Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/can_id.h"

namespace drivers::socketcan {

/// As a controller's state by ISO 11898-1; the numbers go into events (bus_monitor.h).
enum class BusState : std::uint8_t {
  kActive = 0,
  kWarning = 1,
  kPassive = 2,
  kBusOff = 3,
  kStopped = 4,
  kUnknown = 255
};
std::string_view to_text(BusState state) noexcept;

struct ErrorFrame {
  bool transmit_timeout = false;
  bool lost_arbitration = false;
  bool no_acknowledgement = false;
  bool bus_off = false;
  bool bus_error = false;
  bool restarted = false;
  bool receive_overflow = false;  ///< the controller's own buffer
  bool transmit_overflow = false;
  BusState state = BusState::kUnknown;  ///< that the frame tells of; kUnknown: nothing
  std::uint8_t protocol = 0;            ///< CAN_ERR_PROT_*
  std::uint8_t location = 0;            ///< CAN_ERR_PROT_LOC_*
  std::uint8_t transceiver = 0;         ///< CAN_ERR_TRX_*; 0: nothing
  std::uint8_t arbitration_bit = 0;
  bool has_counters = false;
  std::uint8_t transmit_errors = 0;
  std::uint8_t receive_errors = 0;
};

/// Any other frame, and one that is shorter than error frames are, says nothing.
ErrorFrame decode_error_frame(const vscp::CanFrame& frame) noexcept;

/// "bus off, no acknowledgement, bit stuffing error in the data"; for people. Empty if it says nothing.
std::string to_text(const ErrorFrame& error);

}  // namespace drivers::socketcan
