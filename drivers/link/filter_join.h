// One filter that lets through exactly what two filters both let through.
#pragma once

#include "protocol/filter.h"

namespace drivers::link {

/// Bit by bit: a bit that both masks look at must be asked for alike, or nothing can pass.
vscp::Filter join_filters(const vscp::Filter& first, const vscp::Filter& second) noexcept;

}  // namespace drivers::link
