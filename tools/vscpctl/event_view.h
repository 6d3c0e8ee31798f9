// One event as a line for a person, or as a JSON object for a program. Pure functions (the local time zone apart).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "protocol/event.h"

namespace tools::ctl {

struct ViewOptions {
  bool colour = false;
  std::size_t width = 0;  ///< columns of the terminal; 0 = do not cut
};

/// "12:34:56.789 p3 CLASS1.MEASUREMENT/TEMPERATURE  FF:..:01  21.5 °C", without line end. The time is the local time
/// of arrival; the event's own time follows at the end if it is more than 2 s away from that. Priority 0 is the
/// highest. Data that are no measurement are hex.
std::string event_text(const vscp::Event& event, std::uint64_t received_ns, const ViewOptions& options);

/// One JSON object on one line, without line end:
/// {"received","time","priority","head","class","class_name","type","type_name","obid","timestamp_us","guid","data",
///  "measurement":{"value","unit","unit_code","sensor","zone","subzone"}}. "time" is null if the event has none;
/// "measurement", and in it the zones, are there only where the event has them.
std::string event_json(const vscp::Event& event, std::uint64_t received_ns);

/// "2026-01-02T03:04:05.123456789Z".
std::string iso_time(std::uint64_t time_ns);

}  // namespace tools::ctl
