#include "tools/vscpbench/machine.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <thread>

#include "tools/vscpbench/commit.h"

namespace bench {
namespace {

/// The value of the first line that begins with `key`, without quotes and blanks around.
std::string value_of(const char* path, const std::string& key, char separator) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const auto at = line.find(separator);
    if (!line.starts_with(key) || at == std::string::npos) continue;
    const auto begin = line.find_first_not_of(" \t\"", at + 1);
    const auto end = line.find_last_not_of(" \t\"");
    return begin == std::string::npos ? std::string() : line.substr(begin, end - begin + 1);
  }
  return {};
}

std::string first_line(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// More threads than this per core wanted to run before we began.
constexpr double kBusyPerCore = 0.25;

}  // namespace

Machine describe_machine(int argc, const char* const* argv) {
  Machine machine;
  machine.cpu = value_of("/proc/cpuinfo", "model name", ':');
  machine.cores = std::thread::hardware_concurrency();
  machine.memory_bytes =
      static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  utsname kernel{};
  if (uname(&kernel) == 0) machine.kernel = std::string(kernel.sysname) + " " + kernel.release + " " + kernel.machine;
  machine.host_os = value_of("/etc/os-release", "PRETTY_NAME", '=');
  machine.governor = first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
  double load = 0;
  if (getloadavg(&load, 1) == 1) machine.load_before = load;
  machine.tool_version = VSCPROUTER_VERSION;
  machine.tool_commit = VSCPROUTER_COMMIT;
#if defined(__clang__)
  machine.compiler = "clang " __clang_version__;
#else
  machine.compiler = "g++ " __VERSION__;
#endif
  const auto now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  std::array<char, 32> date{};
  std::strftime(date.data(), date.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  machine.date = date.data();
  for (int i = 0; i < argc; ++i) {
    if (i != 0) machine.command += ' ';
    machine.command += argv[i];
  }
  return machine;
}

std::string busy_warning(const Machine& machine) {
  if (machine.load_before <= kBusyPerCore * machine.cores) return {};
  std::array<char, 160> text{};
  std::snprintf(text.data(), text.size(),
                "the machine was busy before the start (load average %.1f on %u cores): figures may be worse than they "
                "should be",
                machine.load_before, machine.cores);
  return text.data();
}

}  // namespace bench
