// Parts of the configuration that brokers and bridges have in common. Errors go to the reader's context.
// Thread rule: at start-up.
#pragma once

#include <string_view>

#include "drivers/mqtt/payload.h"
#include "protocol/filter.h"
#include "router/base/config_node.h"

namespace drivers::mqtt {

/// true and false, and the numbers that upstream's samples write for them.
bool read_flag(router::ObjectReader& reader, std::string_view key, bool fallback);

/// "filter": priority, class, type and GUID, each with filter and mask. Without it everything passes.
vscp::Filter read_filter(router::ObjectReader& from);

/// "auto" or one format.
PayloadFormat read_format(router::ObjectReader& reader, std::string_view key, PayloadFormat fallback);

}  // namespace drivers::mqtt
