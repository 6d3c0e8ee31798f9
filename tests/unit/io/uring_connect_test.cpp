// Connecting on the kernel's io_uring, over loopback: sockets that stay descriptors, and sockets in the ring's table.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "router/base/clock.h"
#include "router/base/fd.h"
#include "router/io/socket.h"
#include "router/io/uring_ring.h"

namespace {

using router::Completion;
using router::OpKind;
using router::Ring;
using router::Socket;
using router::UniqueFd;

constexpr std::uint64_t kLimitNs = 20'000'000'000;  // of a wait whose end is certain: fails instead of hanging

class Owner final : public router::OpOwner {
 public:
  explicit Owner(Ring& ring) : ring_(&ring) {}
  void on_completion(const Completion& completion) noexcept override {
    result[static_cast<std::size_t>(completion.kind)] = completion.result;
    if (!completion.more) ++ended[static_cast<std::size_t>(completion.kind)];
    if (!completion.has_buffer) return;
    received.append(completion.bytes.data(), completion.bytes.size());
    ring_->release_buffer(completion.buffer_id);
  }
  std::uint32_t ends(OpKind kind) const { return ended[static_cast<std::size_t>(kind)]; }
  int last(OpKind kind) const { return result[static_cast<std::size_t>(kind)]; }

  std::string received;

 private:
  Ring* ring_;
  std::array<std::uint32_t, 5> ended{};
  std::array<int, 5> result{};
};

/// The parameter: sockets are kept in the ring's table.
class UringConnectTest : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (GetParam() && !router::keeps_sockets_in_tables()) GTEST_SKIP() << "needs Linux 6.13";
    std::string error;
    ring = router::make_uring_ring({.keep_sockets = GetParam()}, error);
    ASSERT_NE(ring, nullptr) << error;
  }
  void turn() {
    ring->submit_and_wait(0);
    while (ring->reap(1'000) > 0) {
    }
  }
  /// Turns until `done`; false if that does not come.
  bool turn_until(const std::function<bool()>& done) {
    const router::SystemClock clock;
    const std::uint64_t deadline = clock.monotonic_ns() + kLimitNs;
    while (!done()) {
      if (clock.monotonic_ns() > deadline) return false;
      ring->submit_and_wait(1'000'000);
      while (ring->reap(7) > 0) {
      }
    }
    return true;
  }

  std::unique_ptr<Ring> ring;
};
INSTANTIATE_TEST_SUITE_P(Sockets, UringConnectTest, testing::Bool());

/// A listener on a free port of the loopback, with room for `backlog` connections that nobody accepts.
struct Listening {
  explicit Listening(int backlog = 16) : socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(address);
    v4.sin_family = AF_INET;
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(v4)), 0);
    EXPECT_EQ(::listen(socket.get(), backlog), 0);
    address = router::local_address(socket.get());
  }
  UniqueFd socket;
  sockaddr_storage address{};
};

TEST_P(UringConnectTest, ConnectsAndTheSocketWorks) {
  const Listening listening;
  Owner owner(*ring);
  const Socket socket = ring->open_socket(AF_INET);
  ASSERT_GE(socket, 0);
  ring->start_connect(socket, listening.address, owner);
  ASSERT_TRUE(turn_until([&] { return owner.ends(OpKind::kConnect) == 1; }));
  EXPECT_EQ(owner.last(OpKind::kConnect), 0);
  const UniqueFd server(::accept(listening.socket.get(), nullptr, nullptr));
  ASSERT_TRUE(server.valid());
  ring->start_recv(socket, owner);
  ASSERT_EQ(::send(server.get(), "hello", 5, MSG_NOSIGNAL), 5);
  ASSERT_TRUE(turn_until([&] { return owner.received == "hello"; }));
  char text[] = "there";
  const iovec range{text, 5};
  ring->start_send(socket, {&range, 1}, owner);
  ASSERT_TRUE(turn_until([&] { return owner.ends(OpKind::kSend) == 1; }));
  char back[5];
  ASSERT_EQ(::recv(server.get(), back, sizeof(back), 0), 5);
  EXPECT_EQ(std::string_view(back, 5), "there");
  ring->cancel(socket, owner, OpKind::kRecv);
  ASSERT_TRUE(turn_until([&] { return owner.ends(OpKind::kRecv) == 1; }));
  ring->close(socket);
}

TEST_P(UringConnectTest, ARefusedConnectSaysSo) {
  sockaddr_storage address{};
  {
    const Listening gone;
    address = gone.address;
  }
  Owner owner(*ring);
  const Socket socket = ring->open_socket(AF_INET);
  ASSERT_GE(socket, 0);
  ring->start_connect(socket, address, owner);
  ASSERT_TRUE(turn_until([&] { return owner.ends(OpKind::kConnect) == 1; }));
  EXPECT_EQ(owner.last(OpKind::kConnect), -ECONNREFUSED);
  ring->close(socket);
}

TEST_P(UringConnectTest, AConnectThatNobodyAnswersCanBeCancelled) {
  const Listening full(0);
  std::vector<UniqueFd> others;  // what fills the listener's queue: then the kernel drops further connects
  for (int i = 0; i < 4; ++i) {
    others.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    ::connect(others.back().get(), reinterpret_cast<const sockaddr*>(&full.address), sizeof(sockaddr_in));
  }
  Owner owner(*ring);
  const Socket socket = ring->open_socket(AF_INET);
  ASSERT_GE(socket, 0);
  ring->start_connect(socket, full.address, owner);
  for (int i = 0; i < 20; ++i) turn();
  EXPECT_EQ(owner.ends(OpKind::kConnect), 0U);
  ring->cancel(socket, owner, OpKind::kConnect);
  ASSERT_TRUE(turn_until([&] { return owner.ends(OpKind::kConnect) == 1; }));
  EXPECT_EQ(owner.last(OpKind::kConnect), -ECANCELED);
  ring->close(socket);
}

}  // namespace
