// Messages of the kernel about network interfaces (rtnetlink), as far as CAN needs them, and those that are sent to
// it.
//
// Pure functions; what the kernel writes is bounded all the same. Formats: rtnetlink(7), linux/can/netlink.h.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "drivers/socketcan/error_frame.h"

namespace drivers::socketcan {

/// What is known of an interface.
struct LinkInfo {
  std::int32_t index = 0;  ///< 0: there is none
  std::string name;
  bool is_can = false;
  bool up = false;                      ///< switched on
  bool running = false;                 ///< and able to send: not bus-off
  bool fd = false;                      ///< takes FD frames
  BusState state = BusState::kUnknown;  ///< kUnknown: it has no controller (vcan)
  std::uint32_t restart_ms = 0;         ///< the kernel restarts it so long after bus-off; 0: it does not
  std::uint32_t bit_rate = 0;           ///< bits per second; 0: not known

  bool operator==(const LinkInfo&) const noexcept = default;
};

enum class LinkChange : std::uint8_t { kIs, kGone };

/// Calls visit(info, change) for each interface in what was received. Returns what else was in it.
struct LinkReading {
  bool done = false;  ///< the end of a list
  int error = 0;      ///< errno that the kernel answered with
};
LinkReading read_links(std::span<const char> bytes, const std::function<void(const LinkInfo&, LinkChange)>& visit);

/// "Tell me all interfaces".
std::vector<char> make_list_request(std::uint32_t sequence);
/// "Restart the controller of this interface", answered with an acknowledgement.
std::vector<char> make_restart_request(std::int32_t index, std::uint32_t sequence);
/// "Tell me this interface", answered with it.
std::vector<char> make_look_request(std::int32_t index, std::uint32_t sequence);
/// "Switch this interface on" or off, answered with an acknowledgement.
std::vector<char> make_switch_request(std::int32_t index, bool on, std::uint32_t sequence);

}  // namespace drivers::socketcan
