// Two result files compared, figure by figure.
// Thread rule: any thread, plain values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/vscpbench/json_files.h"
#include "tools/vscpbench/result.h"

namespace bench {

enum class Verdict : std::uint8_t {
  kSame,  ///< the repeats of both overlap: nothing can be said
  kBetter,
  kWorse,
};

struct Difference {
  std::string work;  ///< "1:16 text 8 bytes, vscprouterd"
  std::string figure;
  std::string unit;
  double before = 0;  ///< medians
  double after = 0;
  double ratio = 0;  ///< after / before
  Verdict verdict = Verdict::kSame;
  bool spread_known = false;  ///< both have several repeats

  /// How much worse, in percent of before; 0 if it is not worse.
  double worse_percent() const;
};

struct Comparison {
  std::vector<Difference> differences;  ///< of figures that are better when higher or lower
  std::vector<std::string> notes;       ///< what makes the comparison doubtful, what is in one file only, new faults
  bool new_faults = false;              ///< something was lost or changed that was not before
};

Comparison compare(const ResultFile& before, const ResultFile& after);

/// 1 if something is worse by more than `percent` beyond the spread, or has new faults; otherwise 0.
int difference_status(const Comparison& comparison, double percent);

}  // namespace bench
