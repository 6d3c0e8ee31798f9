// One stage of a driver test: what runs in the child process, and what it reports. Single-threaded unless said.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "tools/vscpctl/driver_test.h"

namespace tools::ctl {

/// Lies in memory that parent and child share.
class StageReport {
 public:
  /// [child] A sentence. A fault is what a router must not see; a note is worth knowing.
  void fault(std::string_view sentence) { add('!', sentence); }
  void note(std::string_view sentence) { add('.', sentence); }

  /// [parent] Lines, each beginning with '!' or '.'.
  std::string_view lines() const { return {text_.data(), size_.load(std::memory_order_acquire)}; }

  drivers::library::CallTrace trace;
  std::atomic<bool> done{false};  ///< the stage came to its end
  std::atomic<int> level{0};      ///< as the first stage found
  std::atomic<bool> opens{false};

 private:
  void add(char kind, std::string_view sentence);

  std::array<char, 16384> text_{};
  std::atomic<std::size_t> size_{0};
};

using StageFunction = void(const DriverTestOptions& options, StageReport& report);

struct Stage {
  const char* name;
  StageFunction* run;
  int level;        ///< 0: both
  bool needs_open;  ///< left out where the library does not open
  bool writes;      ///< left out with --no-write
  bool lenient;     ///< a crash is only a note: a router does not do this
};

/// In the order to run them.
extern const std::array<Stage, 9> kDriverStages;

}  // namespace tools::ctl
