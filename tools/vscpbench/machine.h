// What a result depends on besides the program: the machine, its kernel, the versions, the date, the command.
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
  std::string tool_version;
  std::string server_version;  ///< what the server answers to VERS; left to the caller
  std::string compiler;
  std::string date;  ///< UTC, ISO
  std::string command;
};

Machine describe_machine(int argc, const char* const* argv);

}  // namespace bench
