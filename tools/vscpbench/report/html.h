// One HTML file that holds everything: tables, plots for light and dark, wide and narrow screens. Nothing is loaded
// from elsewhere.
// Thread rule: any thread.
#pragma once

#include <string>

#include "tools/vscpbench/json_files.h"

namespace bench {

std::string html_report(const ResultFile& file);

}  // namespace bench
