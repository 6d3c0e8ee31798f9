// A blocking link connection for what comes before the load: connect, greeting, login, set-up commands in lock-step
// (some servers stall on pipelined commands). Afterwards the descriptor and what was read too much are taken over.
// Thread rule: one thread at a time.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/vscpbench/options.h"

namespace bench {

/// Owns a file descriptor.
class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd();
  int get() const { return fd_; }

 private:
  int fd_;
};

/// A session that is ready for events.
struct OpenSession {
  Fd fd;             ///< non-blocking
  std::string rest;  ///< what was read after the last reply of the set-up
};

/// A blocking connection with TCP_NODELAY; every wait is at most `timeout_seconds`. The error is a sentence for the user.
std::expected<Fd, std::string> connect_to(const Target& target, int timeout_seconds = 10);
/// Empty, or why it could not be sent as a whole.
std::string write_all(int fd, std::string_view bytes);

class LinkSession {
 public:
  /// Connects, reads the greeting and logs in (unless the user name is empty). Every wait is at most
  /// `timeout_seconds`. The error is a sentence for the user and never holds the password.
  static std::expected<LinkSession, std::string> open(const Target& target, int timeout_seconds = 10);

  /// Sends one command and reads to its +OK or -OK line. Returns all lines, or the sentence of a negative reply.
  std::expected<std::vector<std::string>, std::string> command(std::string_view text);

  /// Bytes after the last reply.
  std::string take_rest() { return std::exchange(rest_, {}); }
  int fd() const { return fd_.get(); }
  Fd take_fd() { return std::move(fd_); }

 private:
  explicit LinkSession(Fd fd) : fd_(std::move(fd)) {}
  std::expected<std::vector<std::string>, std::string> read_reply(std::string_view what);

  Fd fd_;
  std::string rest_;
};

/// Connects, logs in and sends set-up commands; the socket is non-blocking afterwards.
std::expected<LinkSession, std::string> open_session(const Target& target, const std::vector<std::string>& commands);

}  // namespace bench
