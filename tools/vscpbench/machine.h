// What a result depends on besides the program: the machine, its kernel, the versions, the date, the command.
// Thread rule: any thread.
#pragma once

#include <cstdint>
#include <string>

namespace bench {

struct Machine {
  std::string cpu;
  unsigned cores = 0;
  std::uint64_t memory_bytes = 0;
  std::string kernel;
  std::string host_os;
  std::string governor;    ///< of the first CPU's frequency, "performance"; empty if the kernel does not say
  double load_before = 0;  ///< average number of running threads in the minute before the start
  std::string tool_version;
  std::string tool_commit;     ///< of the source tree that vscpbench was built from
  std::string server_version;  ///< what the server answers to VERS; left to the caller
  std::string compiler;
  std::string date;  ///< UTC, ISO
  std::string command;
};

Machine describe_machine(int argc, const char* const* argv);

/// A sentence if the machine had other work at the start, which spoils figures; empty if not.
std::string busy_warning(const Machine& machine);

}  // namespace bench
