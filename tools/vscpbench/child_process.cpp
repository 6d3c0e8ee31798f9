#include "tools/vscpbench/child_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include "tools/vscpbench/link_session.h"

namespace bench {
namespace {

constexpr int kRetryMs = 5;
constexpr auto kStartLimit = std::chrono::seconds(15);
constexpr int kStopLimitMs = 10000;
constexpr std::size_t kTailBytes = 2000;
constexpr const char* kOutputFile = "output";

/// In the child: never returns.
[[noreturn]] void become(const std::vector<std::string>& command, int output) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  setpgid(0, 0);  // Ctrl-C is for us, and we stop it in order
  std::vector<char*> arguments;
  for (const auto& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  execvp(arguments.front(), arguments.data());
  dprintf(STDERR_FILENO, "cannot run %s: %s\n", arguments.front(), std::strerror(errno));
  _exit(127);
}

}  // namespace

std::expected<ChildProcess, std::string> ChildProcess::make() {
  auto folder = (std::filesystem::temp_directory_path() / "vscpbench-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) return std::unexpected("cannot make " + folder + ": " + std::strerror(errno));
  ChildProcess child;
  child.folder_ = folder;
  return child;
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : name_(std::move(other.name_)), pid_(std::exchange(other.pid_, 0)), folder_(std::exchange(other.folder_, {})) {}

ChildProcess::~ChildProcess() {
  stop();
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

std::string ChildProcess::write_file(const std::string& name, const std::string& text) const {
  const auto path = folder_ / name;
  const Fd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (fd.get() >= 0 && write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size())) return {};
  return "cannot write " + path.string() + ": " + std::strerror(errno);
}

std::string ChildProcess::start(const std::vector<std::string>& command) {
  name_ = std::filesystem::path(command.front()).filename();
  const auto output_path = folder_ / kOutputFile;
  const Fd output(open(output_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (output.get() < 0) return "cannot write into " + folder_.string() + ": " + std::strerror(errno);
  pid_ = fork();
  if (pid_ == 0) become(command, output.get());
  if (pid_ > 0) return {};
  pid_ = 0;
  return std::string("cannot start a process: ") + std::strerror(errno);
}

std::string ChildProcess::wait_until(const std::function<std::string()>& is_ready) {
  const auto end = std::chrono::steady_clock::now() + kStartLimit;
  std::string why;
  while (std::chrono::steady_clock::now() < end) {
    why = is_ready();
    if (why.empty()) return {};
    if (wait_for_end(kRetryMs)) return name_ + " ended at once: " + output_tail();
  }
  return name_ + " does not answer (" + why + "): " + output_tail();
}

bool ChildProcess::wait_for_end(int limit_ms) {
  const Fd process(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
  pollfd polled{process.get(), POLLIN, 0};
  if (process.get() < 0 || poll(&polled, 1, limit_ms) != 1) return false;
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
  return true;
}

std::string ChildProcess::stop(int signal) {
  if (pid_ == 0) return {};
  kill(pid_, signal);
  const Fd process(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
  pollfd polled{process.get(), POLLIN, 0};
  const bool killed = process.get() < 0 || poll(&polled, 1, kStopLimitMs) != 1;
  if (killed) kill(pid_, SIGKILL);
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
  if (killed) return name_ + " did not stop when asked: " + output_tail();
  if (WIFSIGNALED(status)) return name_ + " died of signal " + std::to_string(WTERMSIG(status)) + ": " + output_tail();
  if (WEXITSTATUS(status) == 0) return {};
  return name_ + " ended with status " + std::to_string(WEXITSTATUS(status)) + ": " + output_tail();
}

std::string ChildProcess::output() const {
  std::ifstream file(folder_ / kOutputFile);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string ChildProcess::output_tail() const {
  auto tail = output();
  if (tail.size() > kTailBytes) tail.erase(0, tail.size() - kTailBytes);
  tail.erase(tail.find_last_not_of(" \n") + 1);
  return tail.empty() ? "it printed nothing" : tail;
}

std::uint16_t free_port() {
  const Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(fd.get(), generic, size) != 0 || getsockname(fd.get(), generic, &size) != 0) return 0;
  return ntohs(address.sin_port);
}

}  // namespace bench
