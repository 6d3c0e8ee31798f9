#include "tools/vscpbench/link_session.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

namespace bench {
namespace {

constexpr std::size_t kReplyBytesMax = 1U << 20U;

std::string system_text(int error) {
  return std::strerror(error);
}

}  // namespace

Fd::~Fd() {
  if (fd_ >= 0) close(fd_);
}

std::expected<Fd, std::string> connect_to(const Target& target, int timeout_seconds) {
  const auto connected = tools::connect_socket(target.address, std::chrono::seconds(timeout_seconds), -1);
  if (!connected) return std::unexpected(connected.error().text);
  Fd fd(*connected);
  const timeval limit{timeout_seconds, 0};
  if (fcntl(fd.get(), F_SETFL, 0) != 0 || setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0 ||
      setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0) {
    return std::unexpected("cannot set up the socket: " + system_text(errno));
  }
  return fd;
}

std::string write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) return system_text(errno);
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return {};
}

std::expected<LinkSession, std::string> LinkSession::open(const Target& target, int timeout_seconds) {
  auto fd = connect_to(target, timeout_seconds);
  if (!fd) return std::unexpected(fd.error());
  LinkSession session(std::move(*fd));
  if (auto greeting = session.read_reply("the greeting"); !greeting) return std::unexpected(greeting.error());
  if (target.user.empty()) return session;
  if (auto user = session.command("USER " + target.user); !user) return std::unexpected(user.error());
  if (auto pass = session.command("PASS " + target.password); !pass) return std::unexpected(pass.error());
  return session;
}

std::expected<std::vector<std::string>, std::string> LinkSession::command(std::string_view text) {
  const std::string line = std::string(text) + "\r\n";
  const auto verb = text.substr(0, text.find(' '));
  if (const auto error = write_all(fd_.get(), line); !error.empty()) {
    return std::unexpected("cannot send " + std::string(verb) + ": " + error);
  }
  return read_reply(verb);
}

std::expected<std::vector<std::string>, std::string> LinkSession::read_reply(std::string_view what) {
  std::vector<std::string> lines;
  for (;;) {
    for (auto newline = rest_.find('\n'); newline != std::string::npos; newline = rest_.find('\n')) {
      auto line = rest_.substr(0, newline);
      rest_.erase(0, newline + 1);
      if (line.ends_with('\r')) line.pop_back();
      if (line.starts_with("-OK")) {
        return std::unexpected("the server answers \"" + line + "\" to " + std::string(what));
      }
      const bool last = line.starts_with("+OK");
      lines.push_back(std::move(line));
      if (last) return lines;
    }
    std::array<char, 16384> bytes;
    const auto got = recv(fd_.get(), bytes.data(), bytes.size(), 0);
    if (got <= 0 || rest_.size() > kReplyBytesMax) {
      const auto why = got == 0 ? "the server closed the connection" : got < 0 ? system_text(errno) : "endless reply";
      return std::unexpected("no answer to " + std::string(what) + ": " + why);
    }
    rest_.append(bytes.data(), static_cast<std::size_t>(got));
  }
}

std::expected<LinkSession, std::string> open_session(const Target& target, const std::vector<std::string>& commands) {
  auto session = LinkSession::open(target);
  if (!session) return session;
  for (const auto& command : commands) {
    if (auto reply = session->command(command); !reply) return std::unexpected(reply.error());
  }
  fcntl(session->fd(), F_SETFL, O_NONBLOCK);
  return session;
}

std::expected<OpenSession, std::string> Wire::open(const Target& target, Role role,
                                                   const std::vector<std::string>& commands) const {
  auto all = commands;
  const auto setup = role == Role::kProducer ? producer_setup() : consumer_setup();
  all.insert(all.end(), setup.begin(), setup.end());
  auto session = open_session(target, all);
  if (!session) return std::unexpected(session.error());
  if (role == Role::kConsumer) {
    if (const auto error = write_all(session->fd(), consumer_start()); !error.empty()) return std::unexpected(error);
  }
  return OpenSession{session->take_fd(), session->take_rest()};
}

}  // namespace bench
