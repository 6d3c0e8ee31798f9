// From what the engine measured to a result: one outcome per repeat. Used for every server and every wire.
// Thread rule: any thread, plain values.
#pragma once

#include <vector>

#include "tools/vscpbench/engine.h"
#include "tools/vscpbench/result.h"

namespace bench {

/// What the load was, for the result file.
void add_load_parameters(const Load& load, const EventShape& shape, Result& result);

/// Figures, faults and remarks of all repeats, and the latency curve over all of them.
void add_outcomes(const Load& load, const std::vector<Outcome>& outcomes, Result& result);

/// A percentile curve in microseconds.
Curve latency_curve(const std::string& name, const Histogram& histogram);

double per_second(std::uint64_t count, double seconds);
/// Microseconds of `ns` per one of `count`.
double us_per(std::uint64_t ns, std::uint64_t count);

}  // namespace bench
