#include "tests/unit/tools/fake_link_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <utility>

namespace tools::test {
namespace {

void require(bool good) {
  if (!good) std::abort();
}

void write_all(int fd, const std::string& bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t written = send(fd, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
    if (written <= 0) return;
    done += static_cast<std::size_t>(written);
  }
}

}  // namespace

FakeLinkServer::FakeLinkServer(Answer answer, std::string greeting, std::string close_after)
    : answer_(std::move(answer)), greeting_(std::move(greeting)), close_after_(std::move(close_after)) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof where;
  require(bind(listener_, reinterpret_cast<sockaddr*>(&where), sizeof where) == 0);
  require(listen(listener_, 8) == 0);
  require(getsockname(listener_, reinterpret_cast<sockaddr*>(&where), &size) == 0);
  port_ = ntohs(where.sin_port);
  stop_fd_ = eventfd(0, EFD_CLOEXEC);
  thread_ = std::thread([this] { serve(); });
}

FakeLinkServer::~FakeLinkServer() {
  const std::uint64_t one = 1;
  require(write(stop_fd_, &one, sizeof one) == sizeof one);
  thread_.join();
  close(listener_);
  close(stop_fd_);
}

std::string FakeLinkServer::address() const {
  return "127.0.0.1:" + std::to_string(port_);
}

std::vector<std::string> FakeLinkServer::lines() const {
  const std::lock_guard lock(mutex_);
  return lines_;
}

FakeLinkServer::Answer FakeLinkServer::with_login(Answer rest) {
  return [rest = std::move(rest)](const std::string& line) -> std::string {
    if (line.starts_with("USER ")) return "+OK - User name accepted, password please\r\n";
    if (line == "PASS secret") return "+OK - Success.\r\n";
    if (line.starts_with("PASS ")) return "-OK - Invalid username or password.\r\n";
    if (line == "QUIT") return "+OK - closing\r\n";
    return rest ? rest(line) : std::string("+OK - Success.\r\n");
  };
}

void FakeLinkServer::serve() {
  for (;;) {
    pollfd polled[2] = {{listener_, POLLIN, 0}, {stop_fd_, POLLIN, 0}};
    if (poll(polled, 2, -1) < 0) continue;
    if (polled[1].revents != 0) return;
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    serve_one(fd);
    close(fd);
  }
}

void FakeLinkServer::serve_one(int fd) {
  write_all(fd, greeting_);
  std::string input;
  for (;;) {
    pollfd polled[2] = {{fd, POLLIN, 0}, {stop_fd_, POLLIN, 0}};
    if (poll(polled, 2, -1) < 0) continue;
    if (polled[1].revents != 0) return;
    char bytes[4096];
    const ssize_t got = recv(fd, bytes, sizeof bytes, 0);
    if (got <= 0) return;
    input.append(bytes, static_cast<std::size_t>(got));
    for (std::size_t end = input.find("\r\n"); end != std::string::npos; end = input.find("\r\n")) {
      const std::string line = input.substr(0, end);
      input.erase(0, end + 2);
      {
        const std::lock_guard lock(mutex_);
        lines_.push_back(line);
      }
      const std::string answer = answer_(line);
      write_all(fd, answer);
      if (answer.starts_with(close_after_)) return;
    }
  }
}

}  // namespace tools::test
