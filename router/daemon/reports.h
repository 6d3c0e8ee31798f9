// What operators see: figures of the workers and the list of sessions, as JSON objects of one line.
//
// Thread rule: the supervisor's thread; workers are asked by tasks.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "router/core/driver.h"
#include "router/core/router.h"

namespace router {

/// {"version", "server_name", "guid", "uptime_s", "workers": [{...}], "total": {...}, "drivers": [{"driver", "name", ...}]}
std::string stat_report(Router& router, std::span<const std::unique_ptr<Driver>> drivers);
/// {"sessions": [{...}]}; {"error": ...} if the workers do not answer within ten seconds.
std::string sessions_report(Router& router);

}  // namespace router
