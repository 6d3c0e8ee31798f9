#include "tools/vscpbench/spawn.h"

#include <argon2.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include "tools/vscpbench/json_files.h"
#include "tools/vscpbench/link_session.h"

namespace bench {
namespace {

constexpr int kRetryMs = 5;
constexpr auto kStartLimit = std::chrono::seconds(15);
constexpr int kStopLimitMs = 10000;
constexpr std::size_t kTailBytes = 2000;

std::string random_hex(std::size_t bytes) {
  std::vector<unsigned char> random(bytes);
  if (getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(bytes)) std::abort();
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const auto byte : random) {
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  return text;
}

/// argon2id with the least cost there is: the login is not what is measured.
std::string hash_password(const std::string& password) {
  constexpr std::uint32_t kPasses = 1;
  constexpr std::uint32_t kMemoryKib = 8;
  constexpr std::uint32_t kLanes = 1;
  const auto salt = random_hex(8);
  std::array<char, 256> encoded{};
  if (argon2id_hash_encoded(kPasses, kMemoryKib, kLanes, password.data(), password.size(), salt.data(), salt.size(), 32,
                            encoded.data(), encoded.size()) != ARGON2_OK) {
    return {};
  }
  return encoded.data();
}

/// A port that nobody listens on now; somebody else may take it before the daemon does, which then says so.
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

bool write_private(const std::filesystem::path& path, const std::string& text) {
  const Fd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  return fd.get() >= 0 && write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

/// Waits for the end of a child, at most so long.
bool has_ended(pid_t pid, int limit_ms) {
  const Fd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  pollfd polled{process.get(), POLLIN, 0};
  return process.get() >= 0 && poll(&polled, 1, limit_ms) == 1;
}

/// In the child: never returns.
[[noreturn]] void become(const std::string& program, const std::string& config, int output) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  execlp(program.c_str(), program.c_str(), "--config", config.c_str(), nullptr);
  dprintf(STDERR_FILENO, "cannot run %s: %s\n", program.c_str(), std::strerror(errno));
  _exit(127);
}

}  // namespace

std::expected<SpawnedServer, std::string> SpawnedServer::start(const SpawnOptions& options) {
  SpawnedServer server;
  auto folder = (std::filesystem::temp_directory_path() / "vscpbench-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) return std::unexpected("cannot make " + folder + ": " + std::strerror(errno));
  server.folder_ = folder;
  server.target_ = {{"127.0.0.1", free_port(), ""}, "bench", random_hex(16)};
  std::string error;
  const auto files = spawn_files(options, server.target_, hash_password(server.target_.password), folder, error);
  if (!error.empty()) return std::unexpected("server option: " + error);
  const auto config = folder + "/vscprouterd.json";
  const Fd output(open((folder + "/output").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (!write_private(config, files.config) || !write_private(folder + "/users.json", files.users) || output.get() < 0) {
    return std::unexpected("cannot write into " + folder + ": " + std::strerror(errno));
  }
  server.pid_ = fork();
  if (server.pid_ == 0) become(options.program, config, output.get());
  if (server.pid_ < 0) {
    server.pid_ = 0;
    return std::unexpected(std::string("cannot start a process: ") + std::strerror(errno));
  }
  if (error = server.wait_until_ready(); !error.empty()) return std::unexpected(error);
  return server;
}

SpawnedServer::SpawnedServer(SpawnedServer&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)), target_(other.target_), folder_(std::exchange(other.folder_, {})) {}

SpawnedServer::~SpawnedServer() {
  stop();
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

std::string SpawnedServer::wait_until_ready() {
  const auto end = std::chrono::steady_clock::now() + kStartLimit;
  std::string why;
  while (std::chrono::steady_clock::now() < end) {
    auto session = LinkSession::open(target_, 2);
    if (session) return {};
    why = session.error();
    if (has_ended(pid_, kRetryMs)) {
      waitpid(pid_, nullptr, 0);
      pid_ = 0;
      return "the daemon ended at once: " + output_tail();
    }
  }
  return "the daemon does not answer (" + why + "): " + output_tail();
}

std::string SpawnedServer::stop() {
  if (pid_ == 0) return {};
  kill(pid_, SIGTERM);
  const bool killed = !has_ended(pid_, kStopLimitMs);
  if (killed) kill(pid_, SIGKILL);
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
  if (killed) return "the daemon did not stop on SIGTERM: " + output_tail();
  if (WIFSIGNALED(status))
    return "the daemon died of signal " + std::to_string(WTERMSIG(status)) + ": " + output_tail();
  if (WEXITSTATUS(status) == 0) return {};
  return "the daemon ended with status " + std::to_string(WEXITSTATUS(status)) + ": " + output_tail();
}

std::string SpawnedServer::output_tail() const {
  std::ifstream file(folder_ / "output");
  std::ostringstream text;
  text << file.rdbuf();
  auto tail = text.str();
  if (tail.size() > kTailBytes) tail.erase(0, tail.size() - kTailBytes);
  return tail.empty() ? "it printed nothing" : tail;
}

}  // namespace bench
