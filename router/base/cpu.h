// Processors of this machine and the pinning of threads to them.
#pragma once

#include <string_view>
#include <vector>

namespace router {

/// Processors that this process may run on, ascending (sched_getaffinity).
std::vector<int> available_cpus();

/// Reads "0,2-5" (blanks allowed); empty text gives an empty list, bad text too, with `ok` false.
std::vector<int> parse_cpu_list(std::string_view text, bool& ok);

/// Pins the calling thread and names it (at most 15 characters). A refused pin is not an error: containers forbid it.
void name_and_pin_thread(const char* name, int cpu) noexcept;

}  // namespace router
