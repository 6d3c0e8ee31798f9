#include "drivers/library/process_host.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace drivers::library {
namespace {

constexpr int kFirstCopy = 16;  // above those that the host gets, so that none is overwritten before it is copied
constexpr int kMemory = 3;
constexpr int kEvent = 4;
constexpr int kLife = 5;

using Pipe = std::pair<router::UniqueFd, router::UniqueFd>;  // to read, to write

Pipe make_pipe() {
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return {};
  return {router::UniqueFd(ends[0]), router::UniqueFd(ends[1])};
}

router::UniqueFd copy_high(int descriptor) {
  return router::UniqueFd(::fcntl(descriptor, F_DUPFD_CLOEXEC, kFirstCopy));
}

class SpawnPlan {
 public:
  SpawnPlan() {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  }
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  void give(const router::UniqueFd& descriptor, int as) {
    ::posix_spawn_file_actions_adddup2(&actions_, descriptor.get(), as);
  }
  int run(const std::string& program, char* const* arguments, pid_t& process) {
    ::posix_spawn_file_actions_addclosefrom_np(&actions_, kLife + 1);
    return ::posix_spawn(&process, program.c_str(), &actions_, &attributes_, arguments, environ);
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

}  // namespace

std::expected<std::unique_ptr<Host>, std::string> ProcessHost::start(const std::string& program,
                                                                     const std::string& name, const HostLink& link,
                                                                     const ProcessLimits& limits) {
  Pipe output = make_pipe();
  Pipe life = make_pipe();
  const router::UniqueFd memory = copy_high(link.memory_descriptor());
  const router::UniqueFd event = copy_high(link.event_descriptor());
  const router::UniqueFd life_end = copy_high(life.first.get());
  const router::UniqueFd output_end = copy_high(output.second.get());
  if (!memory.valid() || !event.valid() || !life_end.valid() || !output_end.valid()) {
    return std::unexpected(std::string("no descriptor is left for a host process: ") + std::strerror(errno));
  }
  ::fcntl(output.first.get(), F_SETFL, O_NONBLOCK);
  SpawnPlan plan;
  plan.give(memory, kMemory);
  plan.give(event, kEvent);
  plan.give(life_end, kLife);
  plan.give(output_end, STDOUT_FILENO);
  plan.give(output_end, STDERR_FILENO);
  std::string words[] = {program, name, std::to_string(limits.data_bytes), std::to_string(limits.open_files)};
  std::array<char*, 5> arguments{words[0].data(), words[1].data(), words[2].data(), words[3].data(), nullptr};
  struct Access : ProcessHost {};
  std::unique_ptr<ProcessHost> host = std::make_unique<Access>();
  pid_t process = 0;
  if (const int error = plan.run(program, arguments.data(), process); error != 0) {
    return std::unexpected("cannot start " + program + ": " + std::strerror(error));
  }
  host->process_ = process;
  host->process_fd_ = router::UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, process, 0)));
  host->output_ = std::move(output.first);
  host->life_ = std::move(life.second);
  if (!host->process_fd_.valid()) {
    return std::unexpected(std::string("cannot watch a host process: ") + std::strerror(errno));
  }
  return host;
}

ProcessHost::~ProcessHost() {
  if (process_ == 0) return;
  send(SIGKILL);
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(process_), &info, WEXITED) != 0 && errno == EINTR) {
  }
}

bool ProcessHost::send(int signal_number) {
  return process_ != 0 && ::kill(-process_, signal_number) == 0;
}

std::optional<HostEnd> ProcessHost::take_end() {
  if (process_ == 0) return std::nullopt;
  siginfo_t info{};
  if (::waitid(P_PID, static_cast<id_t>(process_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) {
    return std::nullopt;
  }
  // What the library has started goes with it, while the group's number is still ours.
  send(SIGKILL);
  ::waitid(P_PID, static_cast<id_t>(process_), &info, WEXITED);
  process_ = 0;
  if (info.si_code == CLD_EXITED) return HostEnd{.exit_code = info.si_status};
  return HostEnd{.signal = info.si_status};
}

std::optional<HostUsage> ProcessHost::usage() const {
  if (process_ == 0) return std::nullopt;
  HostUsage out;
  const std::string path = "/proc/" + std::to_string(process_) + "/statm";
  const router::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 128> text{};
  if (!file.valid() || ::read(file.get(), text.data(), text.size() - 1) <= 0) return std::nullopt;
  unsigned long long size = 0;
  unsigned long long resident = 0;
  if (std::sscanf(text.data(), "%llu %llu", &size, &resident) != 2) return std::nullopt;
  out.memory_bytes = resident * static_cast<unsigned long long>(::sysconf(_SC_PAGESIZE));
  clockid_t clock{};
  timespec used{};
  if (::clock_getcpuclockid(process_, &clock) == 0 && ::clock_gettime(clock, &used) == 0) {
    out.cpu_ns = static_cast<std::uint64_t>(used.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(used.tv_nsec);
  }
  return out;
}

}  // namespace drivers::library
