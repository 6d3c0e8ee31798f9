// The listener on real sockets and rings: limits of sessions, all in all and per address.
#include "drivers/link/link_listener.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "drivers/link/link_server.h"
#include "protocol/link_reply.h"
#include "router/io/uring_ring.h"
#include "tests/unit/link/link_rig.h"

namespace drivers::link {
namespace {

/// A blocking client; what does not come within ten seconds does not come.
class Client {
 public:
  Client(std::uint16_t port, const char* from) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval limit{10, 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    sockaddr_in own = address(from, 0);
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&own), sizeof(own)), 0);
    sockaddr_in server = address("127.0.0.1", port);
    EXPECT_EQ(::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&server), sizeof(server)), 0);
  }

  /// Reads up to the first status line: true if it is a greeting, false if we are turned away.
  bool is_greeted() {
    while (text_.find("OK - ") == std::string::npos || !text_.ends_with("\r\n")) {
      std::array<char, 512> room;
      const auto got = ::recv(socket_.get(), room.data(), room.size(), 0);
      if (got < 0 && errno == EINTR) continue;  // the kernel tidies up after a ring of ours
      if (got <= 0) break;
      text_.append(room.data(), static_cast<std::size_t>(got));
    }
    EXPECT_TRUE(text_.ends_with(vscp::reply::kOk) || text_ == vscp::reply::kTooManySessions) << text_;
    return text_.ends_with(vscp::reply::kOk);
  }
  std::string ask(std::string_view line) {
    text_.clear();
    EXPECT_EQ(::send(socket_.get(), line.data(), line.size(), MSG_NOSIGNAL), static_cast<ssize_t>(line.size()));
    is_greeted();
    return text_;
  }

 private:
  static sockaddr_in address(const char* text, std::uint16_t port) {
    sockaddr_in result{};
    result.sin_family = AF_INET;
    result.sin_port = htons(port);
    ::inet_pton(AF_INET, text, &result.sin_addr);
    return result;
  }

  router::UniqueFd socket_;
  std::string text_;
};

class LinkListenerTest : public ::testing::Test {
 protected:
  void open(LinkListenerConfig config, router::ThreadIndex workers, std::size_t sockets = 1) {
    router::ListenAddress any;
    auto* v4 = reinterpret_cast<sockaddr_in*>(&any.storage);
    v4->sin_family = AF_INET;
    v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    any.size = sizeof(sockaddr_in);
    any.text = "127.0.0.1:0";
    config.addresses.assign(sockets, any);
    router::RouterSettings settings;
    settings.workers = workers;
    settings.version = "1.2.3";
    settings.worker.fanout.log_bytes = 4U << 20U;
    std::string error;
    router_ = router::Router::make(
        settings, clock_, [](std::string& why) { return router::make_uring_ring({}, why); }, error);
    ASSERT_NE(router_, nullptr) << error;
    LinkListenerSetup setup;
    setup.config = config;
    setup.users =
        std::make_shared<router::UserDirectory>(std::vector<router::User>{link_test::make_user("admin", "secret")});
    server_ = std::make_unique<LinkServer>(*router_, std::vector<LinkListenerSetup>{setup}, [] {});
    ASSERT_EQ(server_->open(), "");
    for (const std::string& address : server_->addresses()) {
      ports_.push_back(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
    }
    router_->start();
  }
  void TearDown() override {
    if (router_ == nullptr) return;
    server_->drain();
    server_->stop();
    router_->stop();
  }
  std::unique_ptr<Client> connect(const char* from = "127.0.0.1") { return std::make_unique<Client>(ports_.at(0), from); }
  /// What a client that has gone held is free again after a moment.
  std::unique_ptr<Client> connect_when_free(const char* from = "127.0.0.1") {
    for (int i = 0; i < 100'000; ++i) {
      auto client = connect(from);
      if (client->is_greeted()) return client;
    }
    ADD_FAILURE() << "nothing is free again";
    return nullptr;
  }

  router::SystemClock clock_;
  std::unique_ptr<router::Router> router_;
  std::unique_ptr<LinkServer> server_;
  std::vector<std::uint16_t> ports_;
};

TEST_F(LinkListenerTest, SessionsInAll) {
  LinkListenerConfig config;
  config.max_sessions = 3;
  open(config, 2);
  server_->start();
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(connect());
    ASSERT_TRUE(clients.back()->is_greeted());
  }
  EXPECT_FALSE(connect()->is_greeted());
  EXPECT_FALSE(connect("127.0.0.2")->is_greeted());
  EXPECT_EQ(clients[0]->ask("NOOP\r\n"), vscp::reply::kOk);
  clients.pop_back();
  clients.push_back(connect_when_free());
  EXPECT_FALSE(connect()->is_greeted());
}

// They have all come before the first is accepted, so that none is in its place when the next is counted.
TEST_F(LinkListenerTest, BurstDoesNotPassTheLimit) {
  constexpr int kClients = 60;
  LinkListenerConfig config;
  config.max_sessions = 7;
  open(config, 4);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < kClients; ++i) clients.push_back(connect());
  server_->start();
  unsigned greeted = 0;
  for (auto& client : clients) greeted += client->is_greeted() ? 1U : 0U;
  EXPECT_EQ(greeted, config.max_sessions);
}

TEST_F(LinkListenerTest, SessionsOfAnAddress) {
  LinkListenerConfig config;
  config.max_sessions_per_address = 2;
  open(config, 2);
  server_->start();
  std::vector<std::unique_ptr<Client>> clients;
  for (const char* from : {"127.0.0.1", "127.0.0.1", "127.0.0.2"}) {
    clients.push_back(connect(from));
    ASSERT_TRUE(clients.back()->is_greeted());
  }
  EXPECT_FALSE(connect()->is_greeted());
  clients.push_back(connect("127.0.0.2"));
  EXPECT_TRUE(clients.back()->is_greeted());
  EXPECT_FALSE(connect("127.0.0.2")->is_greeted());
  EXPECT_TRUE(connect("127.0.0.3")->is_greeted());
  for (int i = 0; i < 5; ++i) {
    clients.erase(clients.begin());
    clients.insert(clients.begin(), connect_when_free());
    EXPECT_FALSE(connect()->is_greeted());
  }
}

// The limit is that of the listener, whichever of its addresses they come to.
TEST_F(LinkListenerTest, SessionsInAllOfAListenerWithTwoAddresses) {
  LinkListenerConfig config;
  config.max_sessions = 3;
  open(config, 2, 2);
  server_->start();
  std::vector<std::unique_ptr<Client>> clients;
  for (const std::size_t socket : {0U, 1U, 0U}) {
    clients.push_back(std::make_unique<Client>(ports_[socket], "127.0.0.1"));
    ASSERT_TRUE(clients.back()->is_greeted());
  }
  for (const auto port : ports_) EXPECT_FALSE(Client(port, "127.0.0.1").is_greeted());
}

TEST_F(LinkListenerTest, SessionsAreSpreadOverTheWorkers) {
  open({}, 3);
  server_->start();
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 30; ++i) {
    clients.push_back(connect());
    ASSERT_TRUE(clients.back()->is_greeted());
  }
  for (router::ThreadIndex i = 0; i < 3; ++i) EXPECT_EQ(router_->worker(i).counters().sessions.value(), 10U);
}

}  // namespace
}  // namespace drivers::link
