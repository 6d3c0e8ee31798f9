// Tables for people out of the daemon's JSON answers. Pure functions; every numeric key that comes is shown, known or
// not, so that a newer daemon needs no newer tool.
#pragma once

#include <chrono>
#include <expected>
#include <map>
#include <string>
#include <string_view>

namespace tools::ctl {

/// What the last answer said, so that the next one can show a rate. The caller sets `time` before each call.
struct StatMemory {
  std::chrono::steady_clock::time_point time;
  std::chrono::steady_clock::time_point previous_time;
  std::map<std::string, double> previous;
};

/// Name, version, up-time, then one row per counter and one column per worker, with the total at the end; with
/// `memory`, and from the second call on, a column "per s" too; then one table per driver that reports something.
/// Error: one sentence.
std::expected<std::string, std::string> stat_text(std::string_view json, StatMemory* memory);

/// One row per session. `memory` is not used. Error: one sentence.
std::expected<std::string, std::string> sessions_text(std::string_view json, StatMemory* memory);

/// One line. `memory` is not used. Error: one sentence.
std::expected<std::string, std::string> reload_text(std::string_view json, StatMemory* memory);

/// One row per store of events for a far side, and a line with the folder of each that is on disk. The same for the
/// rest.
std::expected<std::string, std::string> spools_text(std::string_view json, StatMemory* memory);

/// One line per record: when it came, its priority, the event line.
std::expected<std::string, std::string> spool_records_text(std::string_view json, StatMemory* memory);

/// What a purge has done, in one line.
std::expected<std::string, std::string> purge_text(std::string_view json, StatMemory* memory);

/// A number as its key says: "..._bytes" in KiB, MiB, GiB, "..._ns" and "..._us" in a fitting unit, "..._s" as a
/// duration; integers in groups of three digits.
std::string number_text(std::string_view key, double value);

}  // namespace tools::ctl
