#include "tools/vscpctl/connection.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <system_error>

#include "router/base/duration.h"
#include "tools/client/text.h"

namespace tools::ctl {
namespace {

constexpr std::size_t kPasswordBytesMax = 1024;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

/// Switches echo off for its lifetime.
class EchoOff {
 public:
  explicit EchoOff(int fd) : fd_(fd) {
    if (tcgetattr(fd_, &saved_) != 0) return;
    termios quiet = saved_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    active_ = tcsetattr(fd_, TCSAFLUSH, &quiet) == 0;
  }
  ~EchoOff() {
    if (active_) tcsetattr(fd_, TCSAFLUSH, &saved_);
  }
  EchoOff(const EchoOff&) = delete;
  EchoOff& operator=(const EchoOff&) = delete;
  bool active() const noexcept { return active_; }

 private:
  int fd_;
  bool active_ = false;
  termios saved_{};
};

/// Holds SIGINT and SIGTERM back while echo is off, and tells of them. They are delivered, if they were not blocked
/// before, at the end of its lifetime.
class SignalsHeld {
 public:
  SignalsHeld() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, &saved_);
    fd_ = signalfd(-1, &set, SFD_CLOEXEC);
  }
  ~SignalsHeld() {
    close(fd_);
    sigprocmask(SIG_SETMASK, &saved_, nullptr);
  }
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;

  /// Waits for input on `fd`; false if a signal came first.
  bool wait_input(int fd) const {
    pollfd polled[2] = {{fd, POLLIN, 0}, {fd_, POLLIN, 0}};
    while (poll(polled, 2, -1) < 0 && errno == EINTR) {
    }
    return polled[1].revents == 0;
  }

 private:
  int fd_ = -1;
  sigset_t saved_{};
};

void put(int fd, std::string_view text) {
  // A terminal that cannot be written to shows nothing; the read that follows still works.
  [[maybe_unused]] const ssize_t written = ::write(fd, text.data(), text.size());
}

}  // namespace

int fail(std::string_view text) {
  std::fprintf(stderr, "vscpctl: %.*s\n", static_cast<int>(text.size()), text.data());
  return kExitFailed;
}

std::string user_name(const ConnectionOptions& options) {
  if (!options.user.empty()) return options.user;
  const std::string user = environment("VSCP_USER");
  return user.empty() ? "admin" : user;
}

ClientResult<std::string> read_first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!file) {
    return std::unexpected(
        ClientError{ClientFault::kUsage, cat("cannot read '", path, "': ", std::generic_category().message(errno))});
  }
  std::getline(file, line);
  if (line.ends_with('\r')) line.pop_back();
  if (line.empty()) {
    return std::unexpected(ClientError{ClientFault::kUsage, cat("the first line of '", path, "' is empty")});
  }
  return line;
}

ClientResult<std::string> ask_password(std::string_view prompt) {
  const int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) {
    return std::unexpected(ClientError{
        ClientFault::kUsage, "no password: set VSCP_PASSWORD, give --password-file, or run this on a terminal"});
  }
  std::string password;
  bool complete = false;
  {
    const SignalsHeld signals;  // outlives EchoOff: echo is back before a signal ends the process
    const EchoOff echo_off(fd);
    if (echo_off.active()) {
      put(fd, prompt);
      char character = 0;
      while (password.size() < kPasswordBytesMax && signals.wait_input(fd) && ::read(fd, &character, 1) == 1) {
        if (character == '\n') {
          complete = true;
          break;
        }
        password += character;
      }
      put(fd, "\n");
    }
  }
  close(fd);
  if (!complete || password.empty()) {
    return std::unexpected(ClientError{ClientFault::kUsage, "no password was typed"});
  }
  return password;
}

ClientResult<std::string> find_password(const ConnectionOptions& options) {
  if (!options.password_file.empty()) return read_first_line(options.password_file);
  if (const char* password = std::getenv("VSCP_PASSWORD"); password != nullptr) return std::string(password);
  return ask_password(cat("Password of ", printable(user_name(options)), " at ", printable(options.host), ": "));
}

ClientResult<LinkClient> open_link(const ConnectionOptions& options, const std::string& password, int stop_fd) {
  ClientOptions client_options;
  client_options.stop_fd = stop_fd;
  auto client = LinkClient::connect(options.host, client_options);
  if (!client) return client;
  if (auto done = client->login(user_name(options), password); !done) return std::unexpected(done.error());
  return client;
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const auto milliseconds = router::parse_duration_ms(text);
  if (!milliseconds) return std::nullopt;
  return std::chrono::milliseconds(*milliseconds);
}

}  // namespace tools::ctl
