// The ring on the kernel's io_uring, over socket pairs and loopback. A machine that refuses io_uring fails these tests
// with the ring's own sentence: a router without io_uring does not run there either.
#include "router/io/uring_ring.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "router/base/clock.h"
#include "router/base/fd.h"
#include "router/io/socket.h"

namespace {

using router::Completion;
using router::OpKind;
using router::Ring;
using router::UniqueFd;

constexpr std::uint64_t kForever = ~std::uint64_t{0};
constexpr std::uint64_t kLimitNs = 20'000'000'000;  // of a wait whose end is certain: fails instead of hanging

class Owner final : public router::OpOwner {
 public:
  explicit Owner(Ring& ring) : ring_(&ring) {}
  void on_completion(const Completion& completion) noexcept override {
    ++completions[static_cast<std::size_t>(completion.kind)];
    result[static_cast<std::size_t>(completion.kind)] = completion.result;
    if (!completion.more) ++ended[static_cast<std::size_t>(completion.kind)];
    if (completion.has_buffer) {
      received.append(completion.bytes.data(), completion.bytes.size());
      if (keeps_buffers) {
        kept.push_back(completion.buffer_id);
      } else {
        ring_->release_buffer(completion.buffer_id);
      }
    }
  }
  std::uint32_t& count(OpKind kind) { return completions[static_cast<std::size_t>(kind)]; }
  std::uint32_t& ends(OpKind kind) { return ended[static_cast<std::size_t>(kind)]; }
  int last(OpKind kind) const { return result[static_cast<std::size_t>(kind)]; }

  bool keeps_buffers = false;
  std::string received;
  std::vector<std::uint16_t> kept;

 private:
  Ring* ring_;
  std::array<std::uint32_t, 4> completions{};
  std::array<std::uint32_t, 4> ended{};
  std::array<int, 4> result{};
};

struct Pair {
  Pair() {
    int fds[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    near = UniqueFd(fds[0]);
    far = UniqueFd(fds[1]);
  }
  UniqueFd near;  ///< the ring's side
  UniqueFd far;
};

class UringRingTest : public testing::Test {
 protected:
  void open(const router::UringSettings& settings = {}) {
    std::string error;
    ring = router::make_uring_ring(settings, error);
    ASSERT_NE(ring, nullptr) << error;
    EXPECT_TRUE(error.empty());
  }
  /// Turns until `done`; false if that does not come.
  bool turn_until(const std::function<bool()>& done) {
    const router::SystemClock clock;
    const std::uint64_t deadline = clock.monotonic_ns() + kLimitNs;
    while (!done()) {
      if (clock.monotonic_ns() > deadline) return false;
      ring->submit_and_wait(100'000'000);
      while (ring->reap(7) > 0) {
      }
    }
    return true;
  }
  /// What was started has been handed over and everything that is there has completed.
  void turn() {
    ring->submit_and_wait(0);
    while (ring->reap(1'000) > 0) {
    }
  }
  /// Reads until `size` bytes have come or nothing is left.
  static std::string read_from(int fd, std::size_t size) {
    std::string text(size, '\0');
    std::size_t got = 0;
    while (got < size) {
      const ssize_t count = ::recv(fd, text.data() + got, size - got, MSG_DONTWAIT);
      if (count <= 0) break;
      got += static_cast<std::size_t>(count);
    }
    text.resize(got);
    return text;
  }
  static void write_to(int fd, std::string_view text) {
    ASSERT_EQ(::send(fd, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }

  std::unique_ptr<Ring> ring;
};

TEST_F(UringRingTest, ReceivesPieceByPieceUntilTheEnd) {
  ASSERT_NO_FATAL_FAILURE(open());
  Pair pair;
  Owner owner(*ring);
  ring->start_recv(pair.near.get(), owner);
  turn();
  std::string sent;
  for (int i = 0; i < 300; ++i) {
    const std::string piece = "piece " + std::to_string(i) + "\r\n";
    write_to(pair.far.get(), piece);
    sent += piece;
    if (i % 7 == 0) turn();
  }
  ASSERT_TRUE(turn_until([&] { return owner.received.size() == sent.size(); }));
  EXPECT_EQ(owner.received, sent);
  EXPECT_EQ(owner.ends(OpKind::kRecv), 0U);
  ::shutdown(pair.far.get(), SHUT_WR);
  ASSERT_TRUE(turn_until([&] { return owner.ends(OpKind::kRecv) == 1; }));
  EXPECT_EQ(owner.last(OpKind::kRecv), 0);
  EXPECT_EQ(ring->buffers_free(), 256U);
}

TEST_F(UringRingTest, WithoutFreeBuffersReceivingEndsAndCanBeStartedAgain) {
  ASSERT_NO_FATAL_FAILURE(open({.entries = 8, .buffer_count = 2, .buffer_bytes = 64}));
  Pair pair;
  Owner owner(*ring);
  owner.keeps_buffers = true;
  std::string sent;
  for (int i = 0; i < 1'000; ++i) sent += static_cast<char>('a' + i % 26);
  write_to(pair.far.get(), sent);
  ring->start_recv(pair.near.get(), owner);
  std::uint32_t times_empty = 0;
  while (owner.received.size() < sent.size()) {
    ASSERT_TRUE(turn_until(
        [&] { return owner.ends(OpKind::kRecv) == times_empty + 1 || owner.received.size() == sent.size(); }));
    if (owner.ends(OpKind::kRecv) == times_empty) break;
    ++times_empty;
    ASSERT_EQ(owner.last(OpKind::kRecv), -ENOBUFS);
    EXPECT_EQ(ring->buffers_free(), 0U);
    ASSERT_EQ(owner.kept.size(), 2U);
    for (const auto id : owner.kept) ring->release_buffer(id);
    owner.kept.clear();
    EXPECT_EQ(ring->buffers_free(), 2U);
    ring->start_recv(pair.near.get(), owner);
  }
  EXPECT_EQ(owner.received, sent);
  EXPECT_GE(times_empty, 5U);
}

TEST_F(UringRingTest, AFullSocketTakesAPartThenNothingAndSaysWhenItTakesMore) {
  ASSERT_NO_FATAL_FAILURE(open());
  Pair pair;
  Owner owner(*ring);
  const std::string bytes(4U << 20U, 'x');
  const iovec range{const_cast<char*>(bytes.data()), bytes.size()};
  ring->start_send(pair.near.get(), {&range, 1}, owner);
  ASSERT_TRUE(turn_until([&] { return owner.ends(OpKind::kSend) == 1; }));
  const int first = owner.last(OpKind::kSend);
  EXPECT_GT(first, 0);
  EXPECT_LT(first, static_cast<int>(bytes.size()));
  std::size_t taken = static_cast<std::size_t>(first);
  // What is left of room for small pieces is filled, then there is none.
  for (std::uint32_t sends = 2; owner.last(OpKind::kSend) != -EAGAIN; ++sends) {
    ASSERT_LT(sends, 1'000U);
    ring->start_send(pair.near.get(), {&range, 1}, owner);
    ASSERT_TRUE(turn_until([&] { return owner.ends(OpKind::kSend) == sends; }));
    if (owner.last(OpKind::kSend) > 0) taken += static_cast<std::size_t>(owner.last(OpKind::kSend));
  }
  ring->start_wait_writable(pair.near.get(), owner);
  turn();
  EXPECT_EQ(owner.count(OpKind::kWritable), 0U) << "nobody has read yet";
  EXPECT_EQ(read_from(pair.far.get(), taken).size(), taken);
  ASSERT_TRUE(turn_until([&] { return owner.count(OpKind::kWritable) == 1; }));
  EXPECT_EQ(owner.ends(OpKind::kWritable), 1U);
  const std::uint32_t sends = owner.ends(OpKind::kSend);
  ring->start_send(pair.near.get(), {&range, 1}, owner);
  ASSERT_TRUE(turn_until([&] { return owner.ends(OpKind::kSend) == sends + 1; }));
  EXPECT_GT(owner.last(OpKind::kSend), 0);
}

TEST_F(UringRingTest, ABrokenSocketEndsTheWaitAndTheSend) {
  ASSERT_NO_FATAL_FAILURE(open());
  Pair pair;
  Owner owner(*ring);
  pair.far.reset();
  const std::string bytes = "nobody reads this";
  const iovec range{const_cast<char*>(bytes.data()), bytes.size()};
  ring->start_send(pair.near.get(), {&range, 1}, owner);
  ring->start_wait_writable(pair.near.get(), owner);
  ASSERT_TRUE(turn_until([&] { return owner.ends(OpKind::kSend) == 1 && owner.ends(OpKind::kWritable) == 1; }));
  EXPECT_EQ(owner.last(OpKind::kSend), -EPIPE);
}

TEST_F(UringRingTest, CancelledOperationsEnd) {
  ASSERT_NO_FATAL_FAILURE(open());
  Pair pair;
  Owner owner(*ring);
  ring->start_recv(pair.near.get(), owner);
  turn();
  ring->cancel(owner, OpKind::kRecv);
  ASSERT_TRUE(turn_until([&] { return owner.ends(OpKind::kRecv) == 1; }));
  EXPECT_EQ(owner.last(OpKind::kRecv), -ECANCELED);
  // Started and cancelled in one turn.
  ring->start_recv(pair.near.get(), owner);
  ring->cancel(owner, OpKind::kRecv);
  ASSERT_TRUE(turn_until([&] { return owner.ends(OpKind::kRecv) == 2; }));
  // Nothing to cancel: no completion, no harm.
  ring->cancel(owner, OpKind::kSend);
  turn();
  EXPECT_EQ(owner.count(OpKind::kSend), 0U);
  // The bytes that come later are still there for the next receive.
  write_to(pair.far.get(), "later");
  ring->start_recv(pair.near.get(), owner);
  ASSERT_TRUE(turn_until([&] { return owner.received == "later"; }));
  ring->cancel(owner, OpKind::kRecv);
  ASSERT_TRUE(turn_until([&] { return owner.ends(OpKind::kRecv) == 3; }));
}

// Many sends of many ranges before one turn: more than the ring's queue and its argument memory hold.
TEST_F(UringRingTest, MoreSendsInATurnThanTheRingHolds) {
  ASSERT_NO_FATAL_FAILURE(open({.entries = 8}));
  constexpr std::size_t kPairs = 5'000 / 40;
  constexpr std::size_t kRanges = 200;
  std::vector<Pair> pairs(kPairs);
  std::vector<std::unique_ptr<Owner>> owners;
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < kPairs; ++i) {
    owners.push_back(std::make_unique<Owner>(*ring));
    texts.push_back(std::string(kRanges, static_cast<char>('a' + i % 26)) + std::to_string(i));
  }
  for (std::size_t i = 0; i < kPairs; ++i) {
    std::vector<iovec> ranges;
    for (std::size_t at = 0; at < kRanges - 1; ++at) ranges.push_back({texts[i].data() + at, 1});
    ranges.push_back({texts[i].data() + kRanges - 1, texts[i].size() - kRanges + 1});
    ring->start_send(pairs[i].near.get(), ranges, *owners[i]);
  }
  ASSERT_TRUE(turn_until([&] {
    for (const auto& owner : owners) {
      if (owner->ends(OpKind::kSend) == 0) return false;
    }
    return true;
  }));
  for (std::size_t i = 0; i < kPairs; ++i) {
    EXPECT_EQ(owners[i]->last(OpKind::kSend), static_cast<int>(texts[i].size()));
    EXPECT_EQ(read_from(pairs[i].far.get(), texts[i].size() + 1), texts[i]);
  }
}

TEST_F(UringRingTest, WakeEndsASleepAndOneThatIsYetToCome) {
  ASSERT_NO_FATAL_FAILURE(open());
  ring->wake();
  ring->submit_and_wait(kForever);
  EXPECT_GT(ring->reap(10), 0U);
  for (int i = 0; i < 50; ++i) {
    std::thread other([&] { ring->wake(); });
    ring->submit_and_wait(kForever);
    while (ring->reap(10) > 0) {
    }
    other.join();
    turn();  // takes a wake-up that came after the sleep had ended
  }
}

// Operations that fill the queue before the first turn must not cost the wake-up.
TEST_F(UringRingTest, WakeWorksWhenTheQueueWasFullBeforeTheFirstTurn) {
  ASSERT_NO_FATAL_FAILURE(open({.entries = 4}));
  std::vector<Pair> pairs(20);
  std::vector<std::unique_ptr<Owner>> owners;
  for (auto& pair : pairs) {
    owners.push_back(std::make_unique<Owner>(*ring));
    ring->start_recv(pair.near.get(), *owners.back());
  }
  turn();
  const router::SystemClock clock;
  const std::uint64_t before = clock.monotonic_ns();
  std::thread other([&] { ring->wake(); });
  ring->submit_and_wait(kLimitNs);
  other.join();
  EXPECT_GT(ring->reap(100), 0U) << "the wake-up did not come";
  EXPECT_LT(clock.monotonic_ns() - before, kLimitNs);
  for (auto& owner : owners) ring->cancel(*owner, OpKind::kRecv);
  ASSERT_TRUE(turn_until([&] {
    for (auto& owner : owners) {
      if (owner->ends(OpKind::kRecv) == 0) return false;
    }
    return true;
  }));
}

TEST_F(UringRingTest, SleepsNoLongerThanItsLimit) {
  ASSERT_NO_FATAL_FAILURE(open());
  ring->submit_and_wait(0);
  ring->submit_and_wait(1'000'000);
  EXPECT_EQ(ring->reap(10), 0U);
}

TEST_F(UringRingTest, AcceptsConnectionsAndClosesSockets) {
  ASSERT_NO_FATAL_FAILURE(open());
  auto listener = router::listen_tcp(*router::parse_listen_address("127.0.0.1:0"));
  ASSERT_TRUE(listener.has_value()) << listener.error();
  Owner acceptor(*ring);
  ring->start_accept(listener->get(), acceptor);
  turn();
  const sockaddr_storage address = router::local_address(listener->get());
  std::vector<UniqueFd> clients;
  for (std::uint32_t i = 0; i < 20; ++i) {
    clients.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::connect(clients.back().get(), reinterpret_cast<const sockaddr*>(&address), sizeof(sockaddr_in)), 0);
    ASSERT_TRUE(turn_until([&] { return acceptor.count(OpKind::kAccept) == i + 1; }));
    const int socket = acceptor.last(OpKind::kAccept);
    ASSERT_GE(socket, 0);
    if (i == 0) {
      Owner owner(*ring);
      ring->start_recv(socket, owner);
      write_to(clients[0].get(), "hello");
      ASSERT_TRUE(turn_until([&] { return owner.received == "hello"; }));
      ring->shutdown_send(socket);
      char byte = 0;
      EXPECT_EQ(::recv(clients[0].get(), &byte, 1, 0), 0) << "we have said goodbye";
      clients[0].reset();
      ASSERT_TRUE(turn_until([&] { return owner.ends(OpKind::kRecv) == 1; }));
    }
    ring->close(socket);
    turn();
    EXPECT_EQ(::fcntl(socket, F_GETFD), -1) << "still open";
  }
  EXPECT_EQ(acceptor.ends(OpKind::kAccept), 0U);
  ring->cancel(acceptor, OpKind::kAccept);
  ASSERT_TRUE(turn_until([&] { return acceptor.ends(OpKind::kAccept) == 1; }));
}

}  // namespace
