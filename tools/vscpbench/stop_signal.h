// Ctrl-C and SIGTERM: the first time a flag is set and waits end, the second time the process ends at once (the kernel
// then ends the processes that it started).
// Thread rule: watch_stop_signals() once, in main(); the flag may be read by any thread.
#pragma once

#include <atomic>

namespace bench {

inline constexpr int kInterruptedStatus = 130;

void watch_stop_signals();
const std::atomic<bool>& stop_requested();

}  // namespace bench
