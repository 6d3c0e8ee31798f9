// What the entries of several drivers have alike. Filters: a pair of keys "x-filter" and "x-mask", each
// "priority,class,type,GUID". The GUID of an entry's interface.
//
// Thread rule: start-up.
#pragma once

#include <cstdint>
#include <string_view>

#include "protocol/filter.h"
#include "protocol/guid.h"
#include "router/base/config_node.h"

namespace router {

/// Whether a filter that cannot be read is an error, or worth a warning and taken as empty.
enum class FilterErrors : std::uint8_t { kErrors, kWarnings };

/// The filter of the keys `filter` and `mask` of this object. Absent or empty: everything passes.
vscp::Filter read_filter(ObjectReader& reader, std::string_view filter, std::string_view mask,
                         FilterErrors errors = FilterErrors::kErrors);

/// "guid". Zero if it is absent or "-": the channel's own.
vscp::Guid read_channel_guid(ObjectReader& reader);
/// The same of an interface whose nodes have the last two bytes, which are 0 here.
vscp::Guid read_interface_guid(ObjectReader& reader);

}  // namespace router
