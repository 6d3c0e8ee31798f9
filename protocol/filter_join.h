// One filter that lets through exactly what two filters both let through.
#pragma once

#include "protocol/filter.h"

namespace vscp {

/// Bit by bit: a bit that both masks look at must be asked for alike, or nothing can pass.
Filter join_filters(const Filter& first, const Filter& second) noexcept;

}  // namespace vscp
