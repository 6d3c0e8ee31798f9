// One entry of "can" in the configuration: a CAN interface of this machine.
//
// Thread rule: start-up; plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/filter.h"
#include "protocol/guid.h"
#include "router/base/config_node.h"

namespace drivers::socketcan {

inline constexpr std::uint32_t kOutQueueDefault = 4096;
inline constexpr std::uint32_t kReceiveBufferDefault = 8U << 20U;

struct CanConfig {
  std::string device;           ///< "can0"
  vscp::Guid guid;              ///< of the interface, bytes 14 and 15 zero; all zero: the channel's
  bool fd = false;              ///< FD frames both ways
  bool bit_rate_switch = true;  ///< FD frames go out with the data bit rate
  bool receive = true;
  bool send = true;
  vscp::Filter in_filter;                                ///< events from the bus, with their whole GUID
  vscp::Filter out_filter;                               ///< events to the bus
  std::uint32_t max_out_queue = kOutQueueDefault;        ///< frames
  std::uint32_t receive_buffer = kReceiveBufferDefault;  ///< bytes, as the kernel counts them
  std::uint32_t max_age_s = 60;                          ///< frames that waited for longer are not sent; 0: they are
  bool error_events = true;                              ///< tell the site by events
  bool restart = true;                                   ///< after bus-off, if the kernel does not
};

/// Whether the kernel could have an interface of this name.
bool is_interface_name(std::string_view name) noexcept;

/// Nothing if the entry is switched off. Errors go to the context.
std::optional<CanConfig> parse_can(const router::ConfigNode& node, const std::string& path,
                                   router::ConfigContext& context);

}  // namespace drivers::socketcan
