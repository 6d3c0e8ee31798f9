// Results as text for the terminal.
// Thread rule: any thread, plain values.
#pragma once

#include <cstdio>
#include <vector>

#include "tools/vscpbench/machine.h"
#include "tools/vscpbench/result.h"
#include "tools/vscpbench/tables.h"

namespace bench {

/// Aligned columns.
void print_table(std::FILE* out, const Table& table);
/// One line about the machine, and the warning if it was busy.
void print_machine(std::FILE* out, const Machine& machine);
/// All tables, then remarks and faults.
void print_results(std::FILE* out, const std::vector<Result>& results, bool allow_loss);

}  // namespace bench
