// What operators see of events that wait for far sides, and may do with them: answers of the admin socket and lines of
// the log. See Driver::stores().
//
// Thread rule: the supervisor's thread.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "router/base/config_node.h"
#include "router/core/driver.h"

namespace router {

using Drivers = std::span<const std::unique_ptr<Driver>>;

/// {"spools": [{"name", "driver", "far_side", "kind": "spool" | "memory", ...}]}, in the order of the configuration.
std::string spools_report(Drivers drivers, const Clock& clock);

/// The first records of the store that the request names: {"name", "driver", "records": [{"priority", "stored",
/// "in_flight", "event"}]}; instead of "event", a message of another broker has "message_bytes" and "topic" (not
/// where it is large and in parts). The request:
/// {"command": "spool-show", "name": NAME or DRIVER/NAME, "max": 1 to 1000}.
std::string spool_records_report(Drivers drivers, const ConfigNode& request);

/// Drops what waits in the store that the request names and is not in flight: {"purged", "in_flight"}.
std::string purge_spool_by_request(Drivers drivers, const ConfigNode& request);

/// One line for each spool: what it holds.
void log_spools(Drivers drivers);

}  // namespace router
