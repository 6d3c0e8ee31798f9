// The ring on the kernel's io_uring, over socket pairs and loopback. A machine that refuses io_uring fails these tests
// with the ring's own sentence: a router without io_uring does not run there either.
#include "router/io/uring_ring.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "router/base/clock.h"
#include "router/base/fd.h"
#include "router/base/random.h"
#include "router/io/open_files.h"
#include "router/io/socket.h"

namespace {

using router::Completion;
using router::OpKind;
using router::Ring;
using router::Socket;
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
  std::array<std::uint32_t, 5> completions{};
  std::array<std::uint32_t, 5> ended{};
  std::array<int, 5> result{};
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

/// Where the ring keeps its sockets.
enum class Keep : std::uint8_t {
  kDescriptors,  ///< they stay open files of the process
  kTable,        ///< in the ring's table
  kSideTables,   ///< in tables of further rings, one socket in each
};

class UringRingTest : public testing::TestWithParam<Keep> {
 protected:
  void SetUp() override {
    if (GetParam() != Keep::kDescriptors && !router::keeps_sockets_in_tables()) GTEST_SKIP() << "needs Linux 6.13";
  }
  void open(router::UringSettings settings = {}) {
    settings.keep_sockets = GetParam() != Keep::kDescriptors;
    if (GetParam() == Keep::kSideTables) {
      settings.table_slots = 1;
      settings.side_entries = settings.entries;
      settings.side_buffer_count = settings.buffer_count;
      settings.side_buffer_bytes = settings.buffer_bytes;
    }
    std::string error;
    ring = router::make_uring_ring(settings, error);
    ASSERT_NE(ring, nullptr) << error;
    EXPECT_TRUE(error.empty());
    if (GetParam() != Keep::kSideTables) return;
    Pair first;
    in_main_table = ring->adopt(first.near.release());
    ASSERT_GE(in_main_table, 0);
  }
  /// The ring's handle of the pair's near side.
  Socket adopt(Pair& pair) {
    const int descriptor = pair.near.release();
    const Socket socket = ring->adopt(descriptor);
    EXPECT_EQ(socket == descriptor, GetParam() == Keep::kDescriptors);
    return socket;
  }
  /// Turns until `done`; false if that does not come.
  bool turn_until(const std::function<bool()>& done) {
    const router::SystemClock clock;
    const std::uint64_t deadline = clock.monotonic_ns() + kLimitNs;
    while (!done()) {
      if (clock.monotonic_ns() > deadline) return false;
      ring->submit_and_wait(1'000'000);  // not all that is waited for completes
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
  /// The peer has closed its side; after exactly `size` bytes.
  static bool has_ended(int fd, std::size_t size = 0) {
    std::string room(size + 1, '\0');
    const ssize_t there = ::recv(fd, room.data(), room.size(), MSG_DONTWAIT | MSG_PEEK);
    pollfd state{fd, POLLRDHUP, 0};
    return there == static_cast<ssize_t>(size) && ::poll(&state, 1, 0) == 1;
  }
  /// Pairs of which the ring has adopted and closed the near sides.
  std::vector<Pair> adopt_many(std::size_t count) {
    std::vector<Pair> pairs(count);
    std::vector<Socket> sockets;
    for (auto& pair : pairs) sockets.push_back(adopt(pair));
    turn();
    for (const Socket socket : sockets) ring->close(socket);
    return pairs;
  }
  static std::size_t open_descriptors() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
    return count;
  }
  static void write_to(int fd, std::string_view text) {
    ASSERT_EQ(::send(fd, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }

  std::unique_ptr<Ring> ring;
  Socket in_main_table = -1;
};

std::string name_of(const testing::TestParamInfo<Keep>& info) {
  return std::array{"Descriptors", "Table", "SideTables"}[static_cast<std::size_t>(info.param)];
}
INSTANTIATE_TEST_SUITE_P(Sockets, UringRingTest, testing::Values(Keep::kDescriptors, Keep::kTable, Keep::kSideTables),
                         name_of);

TEST_P(UringRingTest, ReceivesPieceByPieceUntilTheEnd) {
  ASSERT_NO_FATAL_FAILURE(open());
  Pair pair;
  const Socket socket = adopt(pair);
  Owner owner(*ring);
  const std::uint32_t free_before = ring->buffers_free();
  ring->start_recv(socket, owner);
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
  EXPECT_EQ(ring->buffers_free(), free_before);
}

TEST_P(UringRingTest, WithoutFreeBuffersReceivingEndsAndCanBeStartedAgain) {
  ASSERT_NO_FATAL_FAILURE(open({.entries = 8, .buffer_count = 2, .buffer_bytes = 64}));
  Pair pair;
  const Socket socket = adopt(pair);
  Owner owner(*ring);
  owner.keeps_buffers = true;
  std::string sent;
  for (int i = 0; i < 1'000; ++i) sent += static_cast<char>('a' + i % 26);
  write_to(pair.far.get(), sent);
  ring->start_recv(socket, owner);
  std::uint32_t times_empty = 0;
  while (owner.received.size() < sent.size()) {
    ASSERT_TRUE(turn_until(
        [&] { return owner.ends(OpKind::kRecv) == times_empty + 1 || owner.received.size() == sent.size(); }));
    if (owner.ends(OpKind::kRecv) == times_empty) break;
    ++times_empty;
    ASSERT_EQ(owner.last(OpKind::kRecv), -ENOBUFS);
    EXPECT_FALSE(ring->can_receive(socket));
    ASSERT_EQ(owner.kept.size(), 2U);
    for (const auto id : owner.kept) ring->release_buffer(id);
    owner.kept.clear();
    EXPECT_TRUE(ring->can_receive(socket));
    ring->start_recv(socket, owner);
  }
  EXPECT_EQ(owner.received, sent);
  EXPECT_GE(times_empty, 5U);
}

TEST_P(UringRingTest, AFullSocketTakesAPartThenNothingAndSaysWhenItTakesMore) {
  ASSERT_NO_FATAL_FAILURE(open());
  Pair pair;
  const Socket socket = adopt(pair);
  Owner owner(*ring);
  const std::string bytes(4U << 20U, 'x');
  const iovec range{const_cast<char*>(bytes.data()), bytes.size()};
  ring->start_send(socket, {&range, 1}, owner);
  ASSERT_TRUE(turn_until([&] { return owner.ends(OpKind::kSend) == 1; }));
  const int first = owner.last(OpKind::kSend);
  EXPECT_GT(first, 0);
  EXPECT_LT(first, static_cast<int>(bytes.size()));
  std::size_t taken = static_cast<std::size_t>(first);
  // What is left of room for small pieces is filled, then there is none.
  for (std::uint32_t sends = 2; owner.last(OpKind::kSend) != -EAGAIN; ++sends) {
    ASSERT_LT(sends, 1'000U);
    ring->start_send(socket, {&range, 1}, owner);
    ASSERT_TRUE(turn_until([&] { return owner.ends(OpKind::kSend) == sends; }));
    if (owner.last(OpKind::kSend) > 0) taken += static_cast<std::size_t>(owner.last(OpKind::kSend));
  }
  ring->start_wait_writable(socket, owner);
  turn();
  EXPECT_EQ(owner.count(OpKind::kWritable), 0U) << "nobody has read yet";
  EXPECT_EQ(read_from(pair.far.get(), taken).size(), taken);
  ASSERT_TRUE(turn_until([&] { return owner.count(OpKind::kWritable) == 1; }));
  EXPECT_EQ(owner.ends(OpKind::kWritable), 1U);
  const std::uint32_t sends = owner.ends(OpKind::kSend);
  ring->start_send(socket, {&range, 1}, owner);
  ASSERT_TRUE(turn_until([&] { return owner.ends(OpKind::kSend) == sends + 1; }));
  EXPECT_GT(owner.last(OpKind::kSend), 0);
}

TEST_P(UringRingTest, ABrokenSocketEndsTheWaitAndTheSend) {
  ASSERT_NO_FATAL_FAILURE(open());
  Pair pair;
  const Socket socket = adopt(pair);
  Owner owner(*ring);
  pair.far.reset();
  const std::string bytes = "nobody reads this";
  const iovec range{const_cast<char*>(bytes.data()), bytes.size()};
  ring->start_send(socket, {&range, 1}, owner);
  ring->start_wait_writable(socket, owner);
  ASSERT_TRUE(turn_until([&] { return owner.ends(OpKind::kSend) == 1 && owner.ends(OpKind::kWritable) == 1; }));
  EXPECT_EQ(owner.last(OpKind::kSend), -EPIPE);
}

TEST_P(UringRingTest, CancelledOperationsEnd) {
  ASSERT_NO_FATAL_FAILURE(open());
  Pair pair;
  const Socket socket = adopt(pair);
  Owner owner(*ring);
  ring->start_recv(socket, owner);
  turn();
  ring->cancel(socket, owner, OpKind::kRecv);
  ASSERT_TRUE(turn_until([&] { return owner.ends(OpKind::kRecv) == 1; }));
  EXPECT_EQ(owner.last(OpKind::kRecv), -ECANCELED);
  // Started and cancelled in one turn.
  ring->start_recv(socket, owner);
  ring->cancel(socket, owner, OpKind::kRecv);
  ASSERT_TRUE(turn_until([&] { return owner.ends(OpKind::kRecv) == 2; }));
  // Nothing to cancel: no completion, no harm.
  ring->cancel(socket, owner, OpKind::kSend);
  turn();
  EXPECT_EQ(owner.count(OpKind::kSend), 0U);
  // The bytes that come later are still there for the next receive.
  write_to(pair.far.get(), "later");
  ring->start_recv(socket, owner);
  ASSERT_TRUE(turn_until([&] { return owner.received == "later"; }));
  ring->cancel(socket, owner, OpKind::kRecv);
  ASSERT_TRUE(turn_until([&] { return owner.ends(OpKind::kRecv) == 3; }));
}

// Many sends of many ranges before one turn: more than the ring's queue and its argument memory hold.
TEST_P(UringRingTest, MoreSendsInATurnThanTheRingHolds) {
  ASSERT_NO_FATAL_FAILURE(open({.entries = 8}));
  constexpr std::size_t kPairs = 5'000 / 40;
  constexpr std::size_t kRanges = 200;
  std::vector<Pair> pairs(kPairs);
  std::vector<std::unique_ptr<Owner>> owners;
  std::vector<std::string> texts;
  std::vector<Socket> sockets;
  for (std::size_t i = 0; i < kPairs; ++i) {
    sockets.push_back(adopt(pairs[i]));
    owners.push_back(std::make_unique<Owner>(*ring));
    texts.push_back(std::string(kRanges, static_cast<char>('a' + i % 26)) + std::to_string(i));
  }
  for (std::size_t i = 0; i < kPairs; ++i) {
    std::vector<iovec> ranges;
    for (std::size_t at = 0; at < kRanges - 1; ++at) ranges.push_back({texts[i].data() + at, 1});
    ranges.push_back({texts[i].data() + kRanges - 1, texts[i].size() - kRanges + 1});
    ring->start_send(sockets[i], ranges, *owners[i]);
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

TEST_P(UringRingTest, WakeEndsASleepAndOneThatIsYetToCome) {
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
TEST_P(UringRingTest, WakeWorksWhenTheQueueWasFullBeforeTheFirstTurn) {
  ASSERT_NO_FATAL_FAILURE(open({.entries = 4}));
  std::vector<Pair> pairs(20);
  std::vector<std::unique_ptr<Owner>> owners;
  std::vector<Socket> sockets;
  for (auto& pair : pairs) {
    sockets.push_back(adopt(pair));
    owners.push_back(std::make_unique<Owner>(*ring));
    ring->start_recv(sockets.back(), *owners.back());
  }
  turn();
  const router::SystemClock clock;
  const std::uint64_t before = clock.monotonic_ns();
  std::thread other([&] { ring->wake(); });
  ring->submit_and_wait(kLimitNs);
  other.join();
  EXPECT_GT(ring->reap(100), 0U) << "the wake-up did not come";
  EXPECT_LT(clock.monotonic_ns() - before, kLimitNs);
  for (std::size_t i = 0; i < pairs.size(); ++i) ring->cancel(sockets[i], *owners[i], OpKind::kRecv);
  ASSERT_TRUE(turn_until([&] {
    for (auto& owner : owners) {
      if (owner->ends(OpKind::kRecv) == 0) return false;
    }
    return true;
  }));
}

TEST_P(UringRingTest, SleepsNoLongerThanItsLimit) {
  ASSERT_NO_FATAL_FAILURE(open());
  ring->submit_and_wait(0);
  ring->submit_and_wait(1'000'000);
  EXPECT_EQ(ring->reap(10), 0U);
}

TEST_P(UringRingTest, AcceptsConnectionsAndClosesSockets) {
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
    const int descriptor = acceptor.last(OpKind::kAccept);
    ASSERT_GE(descriptor, 0);
    const Socket socket = ring->adopt(descriptor);
    ASSERT_GE(socket, 0);
    if (i == 0) {
      Owner owner(*ring);
      ring->start_recv(socket, owner);
      write_to(clients[0].get(), "hello");
      ASSERT_TRUE(turn_until([&] { return owner.received == "hello"; }));
      ring->shutdown_send(socket);
      ASSERT_TRUE(turn_until([&] { return has_ended(clients[0].get()); })) << "we have said goodbye";
      clients[0].reset();
      ASSERT_TRUE(turn_until([&] { return owner.ends(OpKind::kRecv) == 1; }));
    }
    ring->close(socket);
    ASSERT_TRUE(turn_until([&] { return ::fcntl(descriptor, F_GETFD) == -1; })) << "still open";
    if (i == 0) continue;
    ASSERT_TRUE(turn_until([&] { return has_ended(clients[i].get()); })) << "the client was not told";
  }
  EXPECT_EQ(acceptor.ends(OpKind::kAccept), 0U);
  ring->cancel(listener->get(), acceptor, OpKind::kAccept);
  ASSERT_TRUE(turn_until([&] { return acceptor.ends(OpKind::kAccept) == 1; }));
}

// A worker sleeps in one place, whichever of its rings has something to say.
TEST_P(UringRingTest, SleepEndsWhenBytesCome) {
  ASSERT_NO_FATAL_FAILURE(open());
  std::array<Pair, 3> pairs;
  std::vector<std::unique_ptr<Owner>> owners;
  for (auto& pair : pairs) {
    owners.push_back(std::make_unique<Owner>(*ring));
    ring->start_recv(adopt(pair), *owners.back());
  }
  turn();
  for (int round = 0; round < 50; ++round) {
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      std::thread other([&] { write_to(pairs[i].far.get(), "x"); });
      const std::size_t wanted = owners[i]->received.size() + 1;
      while (owners[i]->received.size() < wanted) {
        const router::SystemClock clock;
        const std::uint64_t before = clock.monotonic_ns();
        ring->submit_and_wait(kLimitNs);
        const std::uint64_t slept_ns = clock.monotonic_ns() - before;
        while (ring->reap(2) > 0) {
        }
        if (slept_ns >= kLimitNs) break;
      }
      other.join();
      ASSERT_EQ(owners[i]->received.size(), wanted) << "slept on";
    }
  }
}

// More than the tables hold, closed and opened again in every order: a socket is never taken for its predecessor.
TEST_P(UringRingTest, SlotsAreUsedAgain) {
  ASSERT_NO_FATAL_FAILURE(open({.entries = 16, .buffer_count = 8, .buffer_bytes = 64, .table_slots = 3}));
  struct Peer {
    Pair pair;
    Socket socket = -1;
    std::unique_ptr<Owner> owner;
    std::string sent;
  };
  std::vector<std::unique_ptr<Peer>> peers;
  router::SeededRandom random(1);
  for (int step = 0; step < 400; ++step) {
    if (peers.size() < 8) {
      auto peer = std::make_unique<Peer>();
      peer->socket = adopt(peer->pair);
      ASSERT_GE(peer->socket, 0);
      peer->owner = std::make_unique<Owner>(*ring);
      ring->start_recv(peer->socket, *peer->owner);
      peers.push_back(std::move(peer));
    }
    auto& writer = *peers[random.below(peers.size())];
    const std::string text = std::to_string(step) + ",";
    write_to(writer.pair.far.get(), text);
    writer.sent += text;
    if (random.below(3) > 0) continue;
    // This one ends: with and without a goodbye before.
    auto gone = peers.begin() + static_cast<std::ptrdiff_t>(random.below(peers.size()));
    auto& peer = **gone;
    ASSERT_TRUE(turn_until([&] { return peer.owner->received == peer.sent; }));
    const bool with_goodbye = random.below(2) == 0;
    if (with_goodbye) ring->shutdown_send(peer.socket);
    peer.pair.far.reset();
    ASSERT_TRUE(turn_until([&] { return peer.owner->ends(OpKind::kRecv) == 1; }));
    ring->close(peer.socket);
    peers.erase(gone);
  }
  for (auto& peer : peers) {
    ASSERT_TRUE(turn_until([&] { return peer->owner->received == peer->sent; }));
  }
}

// The peer reads every byte before the end, though the end is said in another way than the bytes.
TEST_P(UringRingTest, GoodbyeComesBehindTheBytes) {
  ASSERT_NO_FATAL_FAILURE(open());
  for (int i = 0; i < 30; ++i) {
    Pair pair;
    const Socket socket = adopt(pair);
    Owner owner(*ring);
    const std::string text(1'000, 'z');
    const iovec range{const_cast<char*>(text.data()), text.size()};
    ring->start_send(socket, {&range, 1}, owner);
    ASSERT_TRUE(turn_until([&] { return owner.ends(OpKind::kSend) == 1; }));
    ring->shutdown_send(socket);
    ring->close(socket);  // at once: the slot is kept until the goodbye is said
    ASSERT_TRUE(turn_until([&] { return has_ended(pair.far.get(), text.size()); }));
  }
}

// Nothing of a socket is left in the process once it is closed.
TEST_P(UringRingTest, DescriptorsComeBack) {
  ASSERT_NO_FATAL_FAILURE(open({.entries = 16, .buffer_count = 8, .buffer_bytes = 64, .table_slots = 4}));
  { const auto warm_up = adopt_many(20); }
  turn();
  const std::size_t before = open_descriptors();
  for (int round = 0; round < 3; ++round) {
    { const auto pairs = adopt_many(20); }
    turn();
    EXPECT_EQ(open_descriptors(), before);
  }
}

TEST(UringRing, RefusesSocketsWhenEverythingIsFull) {
  std::string error;
  const auto ring = router::make_uring_ring({.keep_sockets = false}, error);
  ASSERT_NE(ring, nullptr) << error;
  const auto limit = static_cast<int>(router::open_files_limit());
  const auto reserved = static_cast<int>(router::reserved_open_files());
  EXPECT_EQ(ring->adopt(limit - reserved - 1), limit - reserved - 1);
  EXPECT_EQ(ring->adopt(limit - reserved), -EMFILE) << "what is left is for logs and the like";
}

}  // namespace
