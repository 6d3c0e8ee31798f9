// A link server of a few lines for tests: one thread, one connection after the other, port chosen by the system.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace tools::test {

class FakeLinkServer {
 public:
  /// What to send for one command line (without line end): the whole answer with line ends. An empty answer sends
  /// nothing.
  using Answer = std::function<std::string(const std::string& line)>;

  /// `close_after`: an answer that begins with this text is the last one of its connection.
  explicit FakeLinkServer(Answer answer, std::string greeting = "Welcome to the VSCP daemon.\r\n+OK - Success.\r\n",
                          std::string close_after = "+OK - closing");
  ~FakeLinkServer();
  FakeLinkServer(const FakeLinkServer&) = delete;
  FakeLinkServer& operator=(const FakeLinkServer&) = delete;

  /// "127.0.0.1:PORT".
  std::string address() const;
  /// Every command line so far, of all connections.
  std::vector<std::string> lines() const;

  /// Answers USER admin, PASS secret and QUIT as servers do; everything else goes to `rest`.
  static Answer with_login(Answer rest);

 private:
  void serve();
  void serve_one(int fd);

  Answer answer_;
  std::string greeting_;
  std::string close_after_;
  int listener_ = -1;
  unsigned port_ = 0;
  int stop_fd_ = -1;
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
  std::thread thread_;
};

}  // namespace tools::test
