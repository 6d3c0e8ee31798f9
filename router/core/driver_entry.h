// What is common to the entries of "drivers.level1" and "drivers.level2", which are upstream's: whether one is switched
// off, what it is called, and whether its "mqtt" is used.
#pragma once

#include <string>
#include <string_view>

#include "router/base/config_node.h"

namespace router {

/// "enable": false. An entry without it is on.
bool is_switched_off(const ConfigNode& entry) noexcept;

/// The file that it loads: "path" of a Level I, "path-driver" of a Level II entry; empty if there is none.
std::string_view driver_file(const ConfigNode& entry) noexcept;

/// Upstream's tcp/ip server, which is a driver there and a listener of the link driver here.
bool is_tcpipsrv(const ConfigNode& entry) noexcept;

/// "name"; without one what the file is called, without its ending.
std::string driver_name(const ConfigNode& entry);

/// The name under which its channel is known to the router (InterfaceInfo::name).
std::string driver_interface_name(std::string_view driver_name);

/// Its "mqtt", if that has topics: upstream's samples fill in a host in each section, whether it is used or not.
const ConfigNode* driver_mqtt(const ConfigNode& entry) noexcept;

}  // namespace router
