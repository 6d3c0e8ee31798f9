// Results as tables of text, from which both the terminal and the HTML report are made, and the forms of numbers.
// Thread rule: any thread, plain values.
#pragma once

#include <string>
#include <vector>

#include "tools/vscpbench/result.h"

namespace bench {

struct Table {
  std::string scenario;  ///< empty: loads of several
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
  std::size_t left_columns = 1;  ///< words, aligned to the left; the others are numbers
};

/// The loads (shapes and latency) in one table, a line each; every other scenario in tables of its own, a line per
/// figure and a column per variant. Medians; with repeats also the spread.
std::vector<Table> make_tables(const std::vector<Result>& results);

/// "3 lost, 1 duplicated"; empty if nothing is wrong.
std::string faults_text(const Faults& faults);

/// A scenario that is a load and nothing else.
bool is_load(const Result& result);

/// Rounded to what can be known: "6 134 000", "0.231", "34.2".
std::string number_text(double value);
/// With a unit that suits its size: "6.1 M/s", "231 ns", "580 B", "1.4 MiB", "12.5 %".
std::string figure_text(double value, const std::string& unit);
/// The median and, with several repeats, the lowest and highest: "34.2 us (30.1 to 40.0)".
std::string spread_text(const Figure& figure);

}  // namespace bench
