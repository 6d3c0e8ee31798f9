// What the router must reach in a comparison, as ratios within one run, and the ratios themselves.
// Thread rule: any thread, plain values.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/vscpbench/result.h"

namespace bench::peers {

/// Median over repeats of `a` by `b` of the same repeat: what slowed both down does not count. Empty if one of them
/// has no such figure.
std::optional<double> ratio_of(const Result* a, const Result* b, std::string_view figure);

/// Null if there is no such result.
const Result* find_result(const std::vector<Result>& results, std::string_view server, std::string_view wire,
                          std::string_view scenario, std::size_t payload_bytes, std::string_view variant = {});

struct TargetRow {
  std::string work;
  std::string against;
  double limit = 0;
  bool at_least = false;           ///< otherwise: at most
  std::optional<double> measured;  ///< empty = not in this comparison

  bool met() const { return measured && (at_least ? *measured >= limit : *measured <= limit); }
};

/// One row for each thing asked for, whether measured or not.
std::vector<TargetRow> target_rows(const std::vector<Result>& results);

}  // namespace bench::peers
