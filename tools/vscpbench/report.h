// Rows of the result table, medians over repeats, and the text form.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "tools/vscpbench/engine.h"

namespace bench {

/// One scenario with all its repeats.
struct Row {
  std::string wire;
  Load load;
  EventShape shape;
  std::vector<Outcome> outcomes;
};

/// A figure over repeats.
struct Figure {
  double median = 0;
  double low = 0;
  double high = 0;
  /// Distance of the extremes in percent of the median.
  double spread_percent() const { return median > 0 ? (high - low) / median * 100 : 0; }
};

struct Summary {
  Figure events_per_s;
  Figure deliveries_per_s;
  Figure server_us;  ///< CPU of the server per delivery (per event with no consumer), microseconds; 0 = unknown
  Figure client_us;
  Figure p50_us, p90_us, p99_us, p999_us, max_us;
  Figure lag_p99_us;                 ///< send lag, the client's own delay against the schedule
  double server_system_percent = 0;  ///< share of the system in the server's CPU time, all repeats
  double server_cores = 0;           ///< CPU time of the server by wall time, all repeats
  double client_cores = 0;
  std::uint64_t lost = 0, duplicated = 0, reordered = 0, corrupted = 0, refused = 0, foreign = 0;
  unsigned closed = 0;
  bool server_known = false;
  std::uint64_t rss_bytes = 0;  ///< of the server after the last repeat
  double voluntary_per_s = 0;   ///< context switches of the server
  bool faultless = true;
};

Figure figure_of(std::vector<double> values);
Summary summarize(const Row& row);

/// "1:16", "4:4".
std::string scenario_name(const Load& load);

/// An aligned table with one line per row and, with repeats, one line with the spread.
void print_table(std::FILE* out, const std::vector<Row>& rows);
/// What needs to be said in words: faults, doubts about the figures.
void print_remarks(std::FILE* out, const std::vector<Row>& rows, bool allow_loss);

/// 0 if all is well; 1 if an event was lost, duplicated, reordered, corrupted or refused, or a connection closed.
/// `allow_loss` forgives losses, refusals and stalls, nothing else.
int exit_status(const std::vector<Row>& rows, bool allow_loss);

}  // namespace bench
