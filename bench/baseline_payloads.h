// JSON payloads as they are usually read and written, to measure ours against: a document tree of nlohmann's library,
// which upstream uses, too, and snprintf into a string. Fields are taken as they come, without the checks of ours.
#pragma once

#include <string>
#include <string_view>

#include "protocol/event.h"

namespace baseline {

/// False if it is no JSON or a field is missing.
bool decode_json_tree(std::string_view payload, vscp::Event& event);
std::string encode_json_printf(const vscp::Event& event);
/// With the measurement block: printed, parsed, extended and dumped, as upstream does.
std::string encode_json_measured(const vscp::Event& event);

}  // namespace baseline
