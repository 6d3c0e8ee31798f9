#include "router/io/sim_ring.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>

namespace {

using router::Completion;
using router::OpKind;
using router::SimFaults;
using router::SimNet;
using router::SimRing;
using router::Socket;

/// Sends back what it gets, in the order of the calls that the contract of Ring allows.
class Echo final : public router::OpOwner {
 public:
  Echo(SimRing& ring, Socket listener) : ring_(&ring), listener_(listener) { ring.start_accept(listener, *this); }

  void stop_accepting() { ring_->cancel(listener_, *this, OpKind::kAccept); }
  bool is_over() const { return over_ && accept_ended_; }
  std::uint32_t pieces() const { return pieces_; }
  std::uint32_t starved() const { return starved_; }
  std::uint32_t full() const { return full_; }

 private:
  void on_completion(const Completion& completion) noexcept override {
    switch (completion.kind) {
      case OpKind::kAccept:
        on_accept(completion);
        break;
      case OpKind::kRecv:
        on_recv(completion);
        break;
      case OpKind::kSend:
        sending_ = false;
        if (completion.result > 0) waiting_.erase(0, static_cast<std::size_t>(completion.result));
        if (completion.result == -EAGAIN) ++full_;
        if (waiting_.size() < lent_.size() || completion.result > 0) lent_.clear();
        if (completion.result < 0) {
          polling_ = true;
          ring_->start_wait_writable(socket_, *this);
        }
        break;
      case OpKind::kWritable:
        polling_ = false;
        break;
      case OpKind::kConnect:
      case OpKind::kEvent:
        break;
    }
    go_on();
  }

  void on_accept(const Completion& completion) {
    if (completion.result >= 0) {
      socket_ = completion.result;
      ring_->start_recv(socket_, *this);
    }
    if (completion.more) return;
    if (socket_ < 0) {
      ring_->start_accept(listener_, *this);
    } else {
      accept_ended_ = true;
    }
  }

  void on_recv(const Completion& completion) {
    if (completion.has_buffer) {
      waiting_.append(completion.bytes.data(), completion.bytes.size());
      ring_->release_buffer(completion.buffer_id);
      ++pieces_;
    }
    if (completion.result == -ENOBUFS) ++starved_;
    if (completion.result == 0) end_ = true;
    if (!completion.more && completion.result != 0) ring_->start_recv(socket_, *this);
  }

  void go_on() {
    if (sending_ || polling_ || socket_ < 0 || over_) return;
    if (!waiting_.empty()) {
      lent_ = waiting_;
      const std::size_t half = lent_.size() / 2;
      const iovec ranges[] = {{lent_.data(), half}, {lent_.data() + half, lent_.size() - half}};
      ring_->start_send(socket_, half == 0 ? std::span(ranges).subspan(1) : std::span(ranges), *this);
      sending_ = true;
    } else if (end_) {
      ring_->close(socket_);
      over_ = true;
    }
  }

  SimRing* ring_;
  Socket listener_;
  Socket socket_ = -1;
  std::string waiting_;
  std::string lent_;
  bool sending_ = false;
  bool polling_ = false;
  bool end_ = false;
  bool over_ = false;
  bool accept_ended_ = false;
  std::uint32_t pieces_ = 0;
  std::uint32_t starved_ = 0;
  std::uint32_t full_ = 0;
};

struct Result {
  std::string back;
  std::uint64_t trace = 0;
  std::uint32_t pieces = 0;
  std::uint32_t starved = 0;
  std::uint32_t full = 0;
};

Result echo(std::uint64_t seed, const std::string& text) {
  router::ManualClock clock;
  SimFaults faults;
  faults.socket_bytes = 500;
  SimNet net(seed, clock, faults);
  SimRing ring(net, {.buffer_count = 2, .buffer_bytes = 64}, nullptr);
  const Socket listener = net.listen();
  Echo owner(ring, listener);
  const Socket client = net.connect(listener);
  Result result;
  std::size_t written = 0;
  for (int turn = 0; turn < 100'000 && !owner.is_over(); ++turn) {
    if (written < text.size()) {
      const int sent =
          net.send(client, std::span(text).subspan(written, std::min<std::size_t>(text.size() - written, 90)));
      if (sent > 0) written += static_cast<std::size_t>(sent);
      if (written == text.size()) {
        net.shutdown_send(client);
        owner.stop_accepting();
      }
    }
    char room[70];
    const int count = turn % 5 == 0 ? net.recv(client, room) : 0;
    if (count > 0) result.back.append(room, static_cast<std::size_t>(count));
    for (int i = 0; i < 3; ++i) ring.progress();
    ring.submit_and_wait(turn % 3 == 0 ? 1'000'000 : 0);
    ring.reap(3);
  }
  EXPECT_TRUE(owner.is_over());
  for (char room[70];;) {
    const int count = net.recv(client, room);
    if (count <= 0) break;
    result.back.append(room, static_cast<std::size_t>(count));
  }
  result.trace = net.trace();
  result.pieces = owner.pieces();
  result.starved = owner.starved();
  result.full = owner.full();
  return result;
}

std::string some_text(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text.push_back(static_cast<char>('a' + i * 7 % 26));
  return text;
}

TEST(SimRing, CarriesEveryByteInOrderThroughEveryFault) {
  const std::string text = some_text(5000);
  std::uint32_t starved = 0;
  std::uint32_t full = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const Result result = echo(seed, text);
    EXPECT_EQ(result.back, text) << "seed " << seed;
    EXPECT_GE(result.pieces, text.size() / 64);
    starved += result.starved;
    full += result.full;
  }
  EXPECT_GT(starved, 0U);
  EXPECT_GT(full, 0U);
}

TEST(SimRing, SameSeedSameTrace) {
  const std::string text = some_text(2000);
  EXPECT_EQ(echo(7, text).trace, echo(7, text).trace);
  EXPECT_NE(echo(7, text).trace, echo(8, text).trace);
}

class SimRingPair : public ::testing::Test {
 protected:
  struct Owner final : router::OpOwner {
    void on_completion(const Completion& completion) noexcept override { last = completion; }
    Completion last;
  };
  SimRingPair() : net_(1, clock_, quiet()), ring_(net_, {.buffer_count = 2, .buffer_bytes = 64}, nullptr) {
    const Socket listener = net_.listen();
    client_ = net_.connect(listener);
    server_ = net_.accept(listener);
  }
  static SimFaults quiet() {
    return {.short_recv = 0, .short_send = 0, .multishot_end = 0, .delay = 0, .delay_max_ns = 0, .accept_error = 0};
  }
  void turn() {
    ring_.submit_and_wait(0);
    ring_.reap(100);
  }

  router::ManualClock clock_;
  SimNet net_;
  SimRing ring_;
  Owner owner_;
  Socket client_ = -1;
  Socket server_ = -1;
};

TEST_F(SimRingPair, ResetIsToldToReceiverAndSender) {
  net_.reset(client_);
  ring_.start_recv(server_, owner_);
  turn();
  EXPECT_EQ(owner_.last.result, -ECONNRESET);
  char byte = 'x';
  const iovec range{&byte, 1};
  ring_.start_send(server_, {&range, 1}, owner_);
  turn();
  EXPECT_EQ(owner_.last.result, -EPIPE);
}

TEST_F(SimRingPair, WithoutBuffersReceivingEnds) {
  net_.faults().short_recv = 0;
  ASSERT_EQ(net_.send(client_, some_text(200)), 200);
  ring_.start_recv(server_, owner_);
  for (int i = 0; i < 4; ++i) turn();
  EXPECT_EQ(owner_.last.result, -ENOBUFS);
  EXPECT_FALSE(owner_.last.more);
  EXPECT_EQ(ring_.buffers_free(), 0U);
}

TEST_F(SimRingPair, CancelledReceiveEnds) {
  ring_.start_recv(server_, owner_);
  turn();
  ring_.cancel(server_, owner_, OpKind::kRecv);
  turn();
  EXPECT_EQ(owner_.last.result, -ECANCELED);
  EXPECT_FALSE(ring_.has_operation(owner_));
}

TEST_F(SimRingPair, ConnectReachesAListenerOrIsRefusedOrCancelled) {
  const Socket listener = net_.listen();
  sockaddr_storage address = net_.address_of(listener);
  const Socket first = ring_.open_socket(AF_INET);
  ring_.start_connect(first, address, owner_);
  turn();
  EXPECT_EQ(owner_.last.kind, OpKind::kConnect);
  EXPECT_EQ(owner_.last.result, 0);
  const Socket far = net_.accept(listener);
  ASSERT_EQ(net_.send(far, some_text(10)), 10);
  ring_.start_recv(first, owner_);
  turn();
  EXPECT_EQ(owner_.last.result, 10);

  net_.set_silent(listener, true);
  const Socket second = ring_.open_socket(AF_INET);
  ring_.start_connect(second, address, owner_);
  owner_.last = {};
  turn();
  EXPECT_EQ(owner_.last.kind, OpKind::kRecv);
  ring_.cancel(second, owner_, OpKind::kConnect);
  turn();
  EXPECT_EQ(owner_.last.result, -ECANCELED);
  ring_.close(second);

  net_.set_silent(listener, false);
  net_.close(listener);
  const Socket third = ring_.open_socket(AF_INET);
  ring_.start_connect(third, address, owner_);
  turn();
  EXPECT_EQ(owner_.last.result, -ECONNREFUSED);
}

TEST_F(SimRingPair, WakeEndsASleepAndOnlyOne) {
  ring_.wake();
  ring_.submit_and_wait(1'000'000);
  EXPECT_EQ(clock_.monotonic_ns(), 1U);
  ring_.reap(10);
  ring_.submit_and_wait(1'000'000);
  EXPECT_EQ(clock_.monotonic_ns(), 1'000'001U);
}

using SimRingDeath = SimRingPair;

TEST_F(SimRingDeath, LentBytesThatChangeAreFound) {
  std::string text = some_text(100);
  const iovec range{text.data(), text.size()};
  ring_.start_send(server_, {&range, 1}, owner_);
  text[50] = '!';
  EXPECT_DEATH(turn(), "hash");
}

TEST_F(SimRingDeath, ClosingUnderAnOperationIsFound) {
  ring_.start_recv(server_, owner_);
  EXPECT_DEATH(ring_.close(server_), "socket");
}

TEST_F(SimRingDeath, TwoReceivesOfOneOwnerAreFound) {
  ring_.start_recv(server_, owner_);
  EXPECT_DEATH(ring_.start_recv(server_, owner_), "owner");
}

TEST_F(SimRingDeath, BufferReleasedTwiceIsFound) {
  ASSERT_EQ(net_.send(client_, some_text(10)), 10);
  ring_.start_recv(server_, owner_);
  turn();
  ASSERT_TRUE(owner_.last.has_buffer);
  ring_.release_buffer(owner_.last.buffer_id);
  EXPECT_DEATH(ring_.release_buffer(owner_.last.buffer_id), "kLent");
}

}  // namespace
