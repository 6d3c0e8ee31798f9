// The in-filter of an entry as the kernel understands it, so that frames nobody wants never reach the process.
//
// An event of a segment has the interface's GUID but for its last byte, so that all fields of a filter are bits of the
// identifier or constant. The translation is exact. Only 29-bit data frames pass.
//
// Pure function; spec of the identifier: vscp_over_can_can4vscp.md.
#pragma once

#include <linux/can.h>

#include <optional>

#include "protocol/filter.h"

namespace drivers::socketcan {

/// Nothing: no event of this interface passes the filter.
std::optional<can_filter> receive_filter(const vscp::Filter& filter, const vscp::Guid& interface_guid) noexcept;

}  // namespace drivers::socketcan
