// What a router makes of Level I events for Level II programs. Spec: vscp_measurements.md, class2.measurement_float.md,
// class2.measurement_str.md, class2.level1.*.md. Pure functions, any thread, no heap.
#pragma once

#include "protocol/event.h"

namespace vscp {

/// Level I measurement (classes 10-14, 60-74) to CLASS2.MEASUREMENT_FLOAT (1060): index, zone, sub-zone, unit, double
/// with its first byte first. Types of the classes X1 to X4 become type + 256 to + 1024. False, and nothing changed,
/// for everything else: other classes, codings that are no number, and CLASS1.SETVALUEZONE, which is an order.
bool measurement_to_double(Event& event) noexcept;

/// Likewise to CLASS2.MEASUREMENT_STR (1040), the number as its sender wrote it, ended by a NUL.
bool measurement_to_text(Event& event) noexcept;

/// Class below 512 to class + 512, with `guid` in front of the data. False, and nothing changed, for other classes
/// and where the data would not fit.
bool level1_over_level2(Event& event, const Guid& guid) noexcept;

}  // namespace vscp
