// A comparison as tables for the terminal.
// Thread rule: any thread, plain values.
#pragma once

#include <cstdio>
#include <vector>

#include "tools/vscpbench/result.h"

namespace bench::peers {

/// A line per load and contender, with its ratio to the floor and the router's ratio to it; then latencies, connects,
/// what must be reached, and faults and remarks.
void print_comparison(std::FILE* out, const std::vector<Result>& results);

}  // namespace bench::peers
