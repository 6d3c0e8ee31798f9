#include "router/base/cpu.h"

#include <pthread.h>
#include <sched.h>

#include <charconv>

namespace router {

std::vector<int> available_cpus() {
  std::vector<int> cpus;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof(set), &set) == 0) {
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(static_cast<unsigned>(cpu), &set)) cpus.push_back(cpu);
    }
  }
  if (cpus.empty()) cpus.push_back(0);
  return cpus;
}

namespace {

bool read_number(std::string_view text, int& value) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  return result.ec == std::errc{} && result.ptr == text.data() + text.size() && value >= 0 && value < CPU_SETSIZE;
}

}  // namespace

std::vector<int> parse_cpu_list(std::string_view text, bool& ok) {
  ok = true;
  std::vector<int> cpus;
  while (!text.empty()) {
    const auto comma = text.find(',');
    const auto item = text.substr(0, comma);
    text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
    const auto dash = item.find('-');
    int first = 0;
    int last = 0;
    const bool good = dash == std::string_view::npos
                          ? read_number(item, first) && read_number(item, last)
                          : read_number(item.substr(0, dash), first) && read_number(item.substr(dash + 1), last);
    if (!good || last < first) {
      ok = false;
      return {};
    }
    for (int cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
  }
  return cpus;
}

void name_and_pin_thread(const char* name, int cpu) noexcept {
  pthread_setname_np(pthread_self(), name);
  if (cpu < 0) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<unsigned>(cpu), &set);
  pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

}  // namespace router
