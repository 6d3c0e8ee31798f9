// vscp-driver-host: one driver library in a process of its own. Started by vscprouterd only, which passes what both
// share as descriptors:
//   3 the shared memory   4 the eventfd that wakes the router   5 a pipe that ends with the router
//   argv: name of the driver, most bytes of data memory (0: any), most open files
// What is written to the standard outputs comes into the router's log.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <thread>

#include "drivers/library/host_runner.h"
#include "router/base/sanitizer.h"

namespace {

using drivers::library::Culprit;
using drivers::library::HostExit;
using drivers::library::HostStatus;

constexpr int kMemory = 3;
constexpr int kEvent = 4;
constexpr int kLife = 5;
// What the kernel takes first when memory is short: rather a driver than the router.
constexpr std::string_view kOomScore = "500";
constexpr std::size_t kSignalStack = 64U << 10U;

HostStatus* end_status = nullptr;
alignas(64) std::array<char, kSignalStack> signal_stack;

void name_culprit() {
  if (end_status == nullptr) return;
  const auto thread = static_cast<std::uint32_t>(::syscall(SYS_gettid));
  Culprit culprit = Culprit::kOther;
  if (thread == end_status->reading.thread_id.load(std::memory_order_relaxed)) culprit = Culprit::kReading;
  if (thread == end_status->writing.thread_id.load(std::memory_order_relaxed)) culprit = Culprit::kWriting;
  end_status->culprit.store(static_cast<std::uint32_t>(culprit), std::memory_order_release);
}

// Says which thread it was, then dies of the same signal.
void on_crash(int number) {
  name_culprit();
  struct sigaction action{};
  action.sa_handler = SIG_DFL;
  ::sigaction(number, &action, nullptr);
  ::raise(number);
}

void watch_crashes(HostStatus& status) {
  end_status = &status;
  stack_t stack{};
  stack.ss_sp = signal_stack.data();
  stack.ss_size = signal_stack.size();
  ::sigaltstack(&stack, nullptr);
  struct sigaction action{};
  action.sa_handler = on_crash;
  action.sa_flags = SA_ONSTACK;
  for (const int number : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS}) ::sigaction(number, &action, nullptr);
  // The terminal's are the router's business.
  for (const int number : {SIGINT, SIGQUIT, SIGHUP, SIGPIPE}) std::signal(number, SIG_IGN);
}

void limit(__rlimit_resource_t resource, rlim_t most) {
  rlimit value{};
  if (::getrlimit(resource, &value) != 0) return;
  value.rlim_cur = std::min(most, value.rlim_max);
  value.rlim_max = value.rlim_cur;
  ::setrlimit(resource, &value);
}

void set_limits(unsigned long long memory, unsigned long long files) {
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_NOFILE, files);
  if (memory != 0 && !router::kSanitizer) limit(RLIMIT_DATA, memory);
  const int score = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (score < 0) return;
  [[maybe_unused]] const auto written = ::write(score, kOomScore.data(), kOomScore.size());
  ::close(score);
}

// The router's death signal comes when its thread dies that started us; the end of the pipe also tells if that was
// before we asked for it.
void die_with_the_router() {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::fcntl(kLife, F_SETFD, FD_CLOEXEC);
  std::thread([] {
    char byte = 0;
    while (::read(kLife, &byte, 1) > 0) {
    }
    ::_exit(static_cast<int>(HostExit::kDone));
  }).detach();
}

bool parse(std::string_view text, unsigned long long& out) {
  const auto result = std::from_chars(text.data(), text.data() + text.size(), out);
  return result.ec == std::errc{} && result.ptr == text.data() + text.size();
}

void say(std::string_view text) {
  std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
}

}  // namespace

// A library's call of exit() comes here, since a program's own functions come before libc's (meson.build exports it):
// no destructor runs while other threads still use what it destroys, which would hang, or end as a crash somewhere
// else.
extern "C" void exit(int code) noexcept {
  name_culprit();
  ::_exit(code);
}

int main(int argc, char** argv) {
  unsigned long long memory = 0;
  unsigned long long files = 0;
  if (argc != 4 || !parse(argv[2], memory) || !parse(argv[3], files)) {
    std::fputs("vscp-driver-host is started by vscprouterd, for each driver library\n", stderr);
    return static_cast<int>(HostExit::kUsage);
  }
  auto link = drivers::library::HostLink::adopt(kMemory, kEvent);
  if (!link) {
    say(link.error());
    return static_cast<int>(HostExit::kUsage);
  }
  for (const int descriptor : {kMemory, kEvent}) ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  const auto settings = drivers::library::read_settings((*link)->memory());
  if (!settings) {
    say("the router's settings cannot be read: both programs must be of the same version");
    return static_cast<int>(HostExit::kUsage);
  }
  set_limits(memory, files);
  die_with_the_router();
  watch_crashes((*link)->memory().status);
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  drivers::library::HostRunner runner(*link, *settings, drivers::library::load_library, say);
  const HostExit code = runner.run();
  std::fflush(nullptr);
  // Not exit(): what the library left behind, threads of its own or destructors, gets no last chance to hang.
  ::_exit(static_cast<int>(code));
}
