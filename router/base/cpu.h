// Processors of this machine and the pinning of threads to them.
#pragma once

#include <vector>

namespace router {

/// Processors that this process may run on, ascending (sched_getaffinity).
std::vector<int> available_cpus();

/// Pins the calling thread and names it (at most 15 characters). A refused pin is not an error: containers forbid it.
void name_and_pin_thread(const char* name, int cpu) noexcept;

}  // namespace router
