// "MEASUREMENT format,level,type,value,unit[,GUID[,sensor index[,zone[,subzone]]]]": an event made from a value.
//
// Not in the spec; upstream's servers know it. format: "float" or 0, "string" or 1. level: 1 (CLASS1.MEASUREMENT, with a 4-byte float or up to
// 7 characters) or 2 (CLASS2.MEASUREMENT_FLOAT with an 8-byte float, CLASS2.MEASUREMENT_STR with characters).
// Spec of the data: vscp_measurements.md (data coding), class2.measurement_float.md, class2.measurement_str.md.
#pragma once

#include <string_view>

#include "protocol/event.h"

namespace drivers::link {

/// Fills head, class, type, GUID (zero if not given) and data; leaves times and obid. Errors: kMissingField, kBadNumber, kNumberRange, kBadGuid.
vscp::Result<void> make_measurement(std::string_view text, vscp::Event& event) noexcept;

}  // namespace drivers::link
