#include "tools/vscpctl/driver_test.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <new>
#include <string>
#include <utility>

#include "router/base/fd.h"
#include "tools/vscpctl/connection.h"
#include "tools/vscpctl/driver_stage.h"

namespace tools::ctl {
namespace {

using drivers::library::call_name;
using drivers::library::LibraryCall;
using drivers::library::LibraryKind;

/// A report in memory that a child shares.
class SharedReport {
 public:
  SharedReport() {
    void* const memory =
        ::mmap(nullptr, sizeof(StageReport), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED) report_ = new (memory) StageReport;
  }
  ~SharedReport() {
    if (report_ != nullptr) ::munmap(report_, sizeof(StageReport));
  }
  SharedReport(const SharedReport&) = delete;
  SharedReport& operator=(const SharedReport&) = delete;
  explicit operator bool() const { return report_ != nullptr; }
  StageReport& operator*() { return *report_; }
  StageReport* operator->() { return report_; }

 private:
  StageReport* report_ = nullptr;
};

[[noreturn]] void run_child(const Stage& stage, const DriverTestOptions& options, StageReport& report) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  // As the library would find them, whatever a sanitizer or allocator has made of them here.
  for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) ::signal(number, SIG_DFL);
  // What a library prints does not belong between our lines.
  if (const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC); null >= 0) ::dup2(null, STDOUT_FILENO);
  stage.run(options, report);
  report.done = true;
  ::_exit(0);
}

std::string where(const StageReport& report) {
  const LibraryCall writing = report.trace.writing.load();
  const LibraryCall reading = report.trace.reading.load();
  if (writing != LibraryCall::kNone && reading != LibraryCall::kNone) {
    return std::string(call_name(writing)) + " or " + std::string(call_name(reading));
  }
  if (writing != LibraryCall::kNone) return std::string(call_name(writing));
  if (reading == LibraryCall::kNone) return "a thread of its own, or between calls";
  return std::string(call_name(reading));
}

/// How long one side of a library has been in the same call, or in none.
class Stillness {
 public:
  Stillness(const std::atomic<LibraryCall>& call, const std::atomic<std::uint32_t>& calls)
      : call_(call), calls_(calls) {}

  bool in_call() const { return call_.load() != LibraryCall::kNone; }
  std::chrono::steady_clock::duration look() {
    const auto now = std::chrono::steady_clock::now();
    const std::pair seen{call_.load(), calls_.load()};
    if (std::exchange(last_, seen) != seen) since_ = now;
    return now - since_;
  }

 private:
  const std::atomic<LibraryCall>& call_;
  const std::atomic<std::uint32_t>& calls_;
  std::pair<LibraryCall, std::uint32_t> last_{};
  std::chrono::steady_clock::time_point since_ = std::chrono::steady_clock::now();
};

/// Waits for the end of the child, or until one call, or what is between calls, has taken longer than `patience`; false
/// then.
bool wait_for(pid_t child, std::chrono::milliseconds patience, const StageReport& report) {
  constexpr int kLookMs = 50;
  const router::UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  Stillness reading(report.trace.reading, report.trace.reading_calls);
  Stillness writing(report.trace.writing, report.trace.writing_calls);
  for (;;) {
    pollfd ended{.fd = process.get(), .events = POLLIN, .revents = 0};
    if (::poll(&ended, 1, kLookMs) > 0) return true;
    // A side that is in no call may well have nothing to do while the other works.
    const bool reader_stands = reading.look() > patience;
    const bool writer_stands = writing.look() > patience;
    if (reader_stands && (reading.in_call() || writer_stands)) return false;
    if (writer_stands && writing.in_call()) return false;
  }
}

/// What happened to the process; empty if it came to its end.
std::string end_of_child(pid_t child, std::chrono::milliseconds limit, const StageReport& report) {
  const bool in_time = wait_for(child, limit, report);
  const std::string place = where(report);
  if (!in_time) ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!in_time) return "does not return from " + place + " (waited " + std::to_string(limit.count()) + " ms)";
  if (WIFSIGNALED(status)) {
    return "crashes in " + place + " (signal " + std::to_string(WTERMSIG(status)) + ", " +
           ::strsignal(WTERMSIG(status)) + ")";
  }
  if (report.done) return {};
  return "ends its process with exit status " + std::to_string(WEXITSTATUS(status)) + " in " + place;
}

struct Verdict {
  int faults = 0;
  int level = 0;
  bool loads = false;
  bool opens = false;
};

void print_lines(const Stage& stage, std::string_view lines, const std::string& end, Verdict& verdict) {
  bool good = true;
  std::string text;
  while (!lines.empty()) {
    const std::size_t size = lines.find('\n');
    const bool fault = lines.front() == '!';
    good &= !fault;
    verdict.faults += fault ? 1 : 0;
    text += std::string(fault ? "  FAULT " : "        ") + std::string(lines.substr(1, size - 1)) + "\n";
    lines.remove_prefix(size + 1);
  }
  if (!end.empty()) {
    good &= stage.lenient;
    verdict.faults += stage.lenient ? 0 : 1;
    text +=
        (stage.lenient ? "        " : "  FAULT ") + end + (stage.lenient ? "; a router never does this" : "") + "\n";
  }
  std::printf("%s: %s\n%s", stage.name, good ? "good" : "bad", text.c_str());
  std::fflush(stdout);
}

bool run_stage(const Stage& stage, const DriverTestOptions& options, Verdict& verdict) {
  SharedReport report;
  if (!report) {
    fail("no memory to share with a child process");
    return false;
  }
  report->level = verdict.level;
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child < 0) {
    fail("no child process: " + std::string(::strerror(errno)));
    return false;
  }
  if (child == 0) run_child(stage, options, *report);
  const std::string end = end_of_child(child, options.patience, *report);
  print_lines(stage, report->lines(), end, verdict);
  verdict.level = report->level;
  verdict.opens |= report->opens;
  return true;
}

}  // namespace

int run_driver_test(DriverTestOptions options) {
  Verdict verdict;
  verdict.level = options.level;
  std::printf("%s\n", options.library.path.c_str());
  for (const Stage& stage : kDriverStages) {
    if (stage.level != 0 && stage.level != verdict.level) continue;
    if ((stage.writes && !options.write) || (stage.needs_open && !verdict.opens)) {
      std::printf("%s: left out, %s\n", stage.name, verdict.opens ? "--no-write" : "since it does not open");
      continue;
    }
    if (!run_stage(stage, options, verdict)) return kExitFailed;
    if (&stage == kDriverStages.data()) {
      if (verdict.faults != 0) break;
      options.library.kind = verdict.level == 2 ? LibraryKind::kLevel2 : LibraryKind::kLevel1;
      std::printf("taken as a Level %s library\n", verdict.level == 2 ? "II" : "I");
    }
  }
  if (verdict.faults == 0) std::printf("no fault found\n");
  if (verdict.faults != 0) std::printf("%d fault%s found\n", verdict.faults, verdict.faults == 1 ? "" : "s");
  return verdict.faults == 0 ? kExitOk : kExitFailed;
}

}  // namespace tools::ctl
