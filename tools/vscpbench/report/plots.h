// Which plots a result file gives: one for each question that its scenarios answer.
// Thread rule: any thread, plain values.
#pragma once

#include <string>
#include <vector>

#include "tools/vscpbench/report/plot.h"
#include "tools/vscpbench/result.h"

namespace bench {

/// The server that the others are compared with: vscprouterd if it is among them, otherwise the first.
std::string main_server(const std::vector<Result>& results);

/// In the order of the report. Only plots that have something to show.
std::vector<Plot> make_plots(const std::vector<Result>& results);

}  // namespace bench
