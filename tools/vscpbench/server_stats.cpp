#include "tools/vscpbench/server_stats.h"

#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

namespace bench {
namespace {

namespace fs = std::filesystem;

std::string read_text(const fs::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// The number after "name:" in a status file, 0 if absent.
std::uint64_t status_field(const std::string& status, const std::string& name) {
  const auto at = status.find("\n" + name + ":");
  if (at == std::string::npos) return 0;
  return std::strtoull(status.c_str() + at + name.size() + 2, nullptr, 10);
}

std::uint64_t to_ns(const timespec& time) {
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(time.tv_nsec);
}

void add_tasks(pid_t pid, ProcessStats& stats) {
  std::error_code error;
  for (fs::directory_iterator task("/proc/" + std::to_string(pid) + "/task", error), end; !error && task != end;
       task.increment(error)) {
    std::istringstream schedstat(read_text(task->path() / "schedstat"));
    std::uint64_t ran = 0;
    std::uint64_t waited = 0;
    if (schedstat >> ran >> waited) stats.wait_ns += waited;
    const auto status = read_text(task->path() / "status");
    stats.voluntary += status_field(status, "voluntary_ctxt_switches");
    stats.involuntary += status_field(status, "nonvoluntary_ctxt_switches");
    ++stats.threads;
  }
}

void add_ticks(pid_t pid, ProcessStats& stats) {
  const auto text = read_text("/proc/" + std::to_string(pid) + "/stat");
  const auto name_end = text.rfind(')');  // the name may hold blanks and brackets
  if (name_end == std::string::npos) return;
  std::istringstream fields(text.substr(name_end + 1));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  fields >> stats.user_ticks >> stats.system_ticks;
}

std::set<std::string> listening_inodes(std::uint16_t port) {
  std::set<std::string> inodes;
  for (const auto* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream file(table);
    std::string line;
    std::getline(file, line);
    while (std::getline(file, line)) {
      std::istringstream fields(line);
      std::string slot, local, remote, state, queues, timer, retransmits, uid, timeout, inode;
      fields >> slot >> local >> remote >> state >> queues >> timer >> retransmits >> uid >> timeout >> inode;
      const auto colon = local.rfind(':');
      if (state != "0A" || colon == std::string::npos) continue;
      if (std::strtoul(local.c_str() + colon + 1, nullptr, 16) == port) inodes.insert("socket:[" + inode + "]");
    }
  }
  return inodes;
}

}  // namespace

std::optional<ProcessStats> read_process(pid_t pid) {
  clockid_t clock{};
  timespec used{};
  if (pid <= 0 || clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0) return std::nullopt;
  ProcessStats stats;
  stats.cpu_ns = to_ns(used);
  add_ticks(pid, stats);
  add_tasks(pid, stats);
  stats.rss_bytes = status_field(read_text("/proc/" + std::to_string(pid) + "/status"), "VmRSS") * 1024;
  return stats;
}

pid_t find_listener(std::uint16_t port) {
  const auto inodes = listening_inodes(port);
  if (inodes.empty()) return 0;
  std::error_code error;
  for (fs::directory_iterator process("/proc", error), end; !error && process != end; process.increment(error)) {
    const auto name = process->path().filename().string();
    pid_t pid = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (parsed.ec != std::errc{} || parsed.ptr != name.data() + name.size()) continue;
    std::error_code fd_error;
    for (fs::directory_iterator fd(process->path() / "fd", fd_error), fd_end; !fd_error && fd != fd_end;
         fd.increment(fd_error)) {
      std::error_code link_error;
      if (inodes.contains(fs::read_symlink(fd->path(), link_error).string())) return pid;
    }
  }
  return 0;
}

KernelMemory read_kernel_memory() {
  KernelMemory memory;
  memory.slab = status_field("\n" + read_text("/proc/meminfo"), "Slab") * 1024;
  const auto sockets = read_text("/proc/net/sockstat");
  const auto tcp = sockets.find("TCP:");
  const auto pages = tcp == std::string::npos ? tcp : sockets.find(" mem ", tcp);
  if (pages != std::string::npos) {
    memory.tcp =
        std::strtoull(sockets.c_str() + pages + 5, nullptr, 10) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  }
  return memory;
}

std::uint64_t own_cpu_ns() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return to_ns(used);
}

std::uint64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return to_ns(now);
}

}  // namespace bench
