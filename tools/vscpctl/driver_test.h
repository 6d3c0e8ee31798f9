// vscpctl driver test: runs a driver library through its whole interface, each stage in a process of its own, and says
// in plain sentences what it does wrong.
#pragma once

#include <chrono>
#include <string>

#include "drivers/library/abi/driver_library.h"

namespace tools::ctl {

struct DriverTestOptions {
  drivers::library::LibrarySettings library;
  int level = 0;  ///< 1, 2, or 0: by the functions that it has
  std::chrono::milliseconds reading{2000};
  std::chrono::milliseconds patience{10'000};  ///< a call that takes longer hangs
  bool write = true;                           ///< send events as well
};

/// kExitOk: nothing wrong. kExitFailed: something is, told on standard output.
int run_driver_test(DriverTestOptions options);

}  // namespace tools::ctl
