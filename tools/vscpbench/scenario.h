// The scenarios: what `vscpbench run NAME` does, by name.
//
// Thread rule: one thread steers; what a scenario starts (client threads, crowd processes) ends before it returns.
#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "tools/vscpbench/engine.h"
#include "tools/vscpbench/progress_line.h"
#include "tools/vscpbench/result.h"
#include "tools/vscpbench/server.h"
#include "tools/vscpbench/settings.h"
#include "tools/vscpbench/wire.h"

namespace bench {

/// What a scenario works with.
struct Context {
  std::string_view scenario;  ///< its name, "1:16"
  const Settings& settings;
  Server& server;
  const Wire& wire;
  std::size_t payload_bytes;
  ProgressLine& progress;
  const std::atomic<bool>& stop;
  std::vector<Result>& results;  ///< where it puts what it found, also if it fails later

  double seconds(double otherwise) const { return settings.seconds.value_or(otherwise); }
  /// The shape of a new run: its number differs from those of the runs before.
  EventShape shape() const;
  /// A result that says what it is about, without figures.
  Result result(std::string variant = {}) const;
  /// For run_load().
  ProgressCall progress_call() const;
  /// "NAME text 8 bytes, run 2 of 5".
  void begin_part(const Result& result, unsigned repeat) const;
};

struct Scenario {
  std::string_view name;
  std::string_view text;              ///< one line for `vscpbench list`
  std::vector<std::size_t> payloads;  ///< unless told otherwise
  /// Returns an empty text, or a sentence that says why it could not be run.
  std::string (*run)(Context& context);
};

/// In the order of `vscpbench list`. Shapes other than the listed ones are found by find_scenario() only.
const std::vector<Scenario>& scenarios();

/// The scenario of that name, or one for a shape "PRODUCERS:CONSUMERS". The error is a sentence with the nearest name.
std::expected<Scenario, std::string> find_scenario(std::string_view name);

/// "4:16" into producers and consumers; false if it is no shape.
bool parse_shape(std::string_view text, Load& load);

// One function per scenario, in a file of the same name.
std::string run_shape(Context& context);
std::string run_latency(Context& context);
std::string run_connect_storm(Context& context);
std::string run_idle_crowd(Context& context);
std::string run_slow_crowd(Context& context);
std::string run_filter_crowd(Context& context);
std::string run_overload(Context& context);

}  // namespace bench
