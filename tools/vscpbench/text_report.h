// Results as tables for the terminal, and the forms of numbers that all reports share.
// Thread rule: any thread, plain values.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "tools/vscpbench/json_files.h"
#include "tools/vscpbench/result.h"

namespace bench {

/// Rounded to what can be known: "6 134 000", "0.231", "34.2".
std::string number_text(double value);
/// With a unit that suits its size: "6.1 M/s", "231 ns", "580 B", "1.4 MiB", "12.5 %".
std::string figure_text(double value, const std::string& unit);

/// One line about the machine, and the warning if it was busy.
void print_machine(std::FILE* out, const Machine& machine);
/// A table per scenario: a line per figure, a column per variant; medians, and the spread below with repeats.
void print_results(std::FILE* out, const std::vector<Result>& results, bool allow_loss);

}  // namespace bench
