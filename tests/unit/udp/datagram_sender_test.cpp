// The sender against a ring whose socket takes what the test says.
#include "drivers/udp/datagram_sender.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cerrno>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "router/base/clock.h"
#include "router/core/router.h"
#include "router/io/ring.h"

namespace drivers::udp {
namespace {

class FakeRing final : public router::Ring {
 public:
  struct Send {
    std::uint8_t number;
    router::OpOwner* owner;
  };
  std::deque<Send> sends;
  router::OpOwner* waits_writable = nullptr;

  void start_send_to(router::Socket, std::span<const iovec> ranges, const sockaddr_storage&,
                     router::OpOwner& owner) noexcept override {
    sends.push_back({*static_cast<const std::uint8_t*>(ranges[0].iov_base), &owner});
  }
  void start_wait_writable(router::Socket, router::OpOwner& owner) noexcept override { waits_writable = &owner; }
  void cancel(router::Socket, router::OpOwner& owner, router::OpKind kind) noexcept override {
    EXPECT_EQ(kind, router::OpKind::kWritable);
    EXPECT_EQ(waits_writable, &owner);
  }
  /// The first send ends; its number.
  std::uint8_t complete(int result) {
    const Send send = sends.front();
    sends.pop_front();
    router::Completion completion;
    completion.kind = router::OpKind::kSend;
    completion.result = result;
    send.owner->on_completion(completion);
    return send.number;
  }
  void become_writable() {
    router::Completion completion;
    completion.kind = router::OpKind::kWritable;
    std::exchange(waits_writable, nullptr)->on_completion(completion);
  }

  router::Socket adopt(int) noexcept override { return -EMFILE; }
  router::Socket open_socket(int) noexcept override { return -EMFILE; }
  void start_connect(router::Socket, const sockaddr_storage&, router::OpOwner&) noexcept override {}
  void start_accept(router::Socket, router::OpOwner&) noexcept override {}
  void start_recv(router::Socket, router::OpOwner&) noexcept override {}
  void start_send(router::Socket, std::span<const iovec>, router::OpOwner&) noexcept override {}
  void start_recv_messages(router::Socket, router::OpOwner&) noexcept override {}
  void start_wait_event(int, router::OpOwner&) noexcept override {}
  void shutdown_send(router::Socket) noexcept override {}
  void close(router::Socket) noexcept override {}
  void release_buffer(std::uint16_t) noexcept override {}
  std::uint32_t buffers_free() const noexcept override { return 0; }
  std::uint32_t buffers_max() const noexcept override { return 0; }
  bool can_receive(router::Socket) const noexcept override { return false; }
  bool are_buffers_scarce(router::Socket) const noexcept override { return true; }
  void submit_and_wait(std::uint64_t) noexcept override {}
  std::uint32_t reap(std::uint32_t) noexcept override { return 0; }
  void wake() noexcept override {}
};

struct Waiter final : SendWaiter {
  void on_send_room() noexcept override { ++told; }
  int told = 0;
};

class DatagramSenderTest : public testing::Test, protected DatagramSender::Owner {
 protected:
  DatagramSenderTest() {
    std::string error;
    router_ = router::Router::make(
        {}, clock_,
        [this](std::string&) {
          auto ring = std::make_unique<FakeRing>();
          ring_ = ring.get();
          return ring;
        },
        error);
    EXPECT_NE(router_, nullptr) << error;
    sender_ = std::make_unique<DatagramSender>(router_->worker(0), static_cast<DatagramSender::Owner&>(*this),
                                               router::UniqueFd());
  }
  void on_sender_over() noexcept override { ++over_; }

  void send(std::uint8_t number) {
    ASSERT_TRUE(sender_->has_room());
    sender_->buffer()[0] = number;
    sender_->send(1, {});
  }
  /// As many as there is room for, numbered from `first`.
  std::uint8_t fill(std::uint8_t first) {
    std::uint8_t next = first;
    while (sender_->has_room()) send(next++);
    return next;
  }

  router::SystemClock clock_;
  FakeRing* ring_ = nullptr;
  std::unique_ptr<router::Router> router_;
  std::unique_ptr<DatagramSender> sender_;
  int over_ = 0;
};

TEST_F(DatagramSenderTest, SendsSomeAtATimeAndTellsOfRoom) {
  const std::uint8_t next = fill(0);
  EXPECT_EQ(next, 64);
  Waiter waiter;
  sender_->wait(waiter);
  sender_->wait(waiter);
  for (std::uint8_t number = 0; number < 10; ++number) EXPECT_EQ(ring_->complete(1), number);
  EXPECT_EQ(waiter.told, 1);
  EXPECT_EQ(fill(next), next + 10);
  while (!ring_->sends.empty()) ring_->complete(1);
  EXPECT_EQ(sender_->figures().sent, 74U);
  EXPECT_EQ(sender_->figures().failed, 0U);
}

TEST_F(DatagramSenderTest, WhatTheSystemRefusesIsLostAndCounted) {
  for (std::uint8_t number = 0; number < 4; ++number) send(number);
  ring_->complete(1);
  ring_->complete(-EMSGSIZE);
  ring_->complete(-ENETUNREACH);
  ring_->complete(1);
  EXPECT_EQ(sender_->figures().sent, 2U);
  EXPECT_EQ(sender_->figures().failed, 2U);
  EXPECT_EQ(sender_->figures().last_error, ENETUNREACH);
  EXPECT_TRUE(sender_->has_room());
}

TEST_F(DatagramSenderTest, WhatAFullSocketDoesNotTakeGoesFirstWhenItDoes) {
  for (std::uint8_t number = 0; number < 5; ++number) send(number);
  ring_->complete(1);
  ring_->complete(-EAGAIN);
  EXPECT_FALSE(sender_->has_room());
  EXPECT_EQ(ring_->waits_writable, nullptr) << "some are still under way";
  Waiter waiter;
  sender_->wait(waiter);
  ring_->complete(1);
  ring_->complete(-EAGAIN);
  ring_->complete(-EAGAIN);
  ASSERT_NE(ring_->waits_writable, nullptr);
  EXPECT_EQ(waiter.told, 0);
  ring_->become_writable();
  EXPECT_EQ(waiter.told, 1);
  send(9);
  ASSERT_EQ(ring_->sends.size(), 4U);
  for (const unsigned number : {1U, 3U, 4U, 9U}) EXPECT_EQ(ring_->complete(1), number);
  EXPECT_EQ(sender_->figures().sent, 6U);
  EXPECT_EQ(sender_->figures().waited, 3U);
  EXPECT_EQ(fill(0), 64) << "every place is free again";
  while (!ring_->sends.empty()) ring_->complete(1);
}

TEST_F(DatagramSenderTest, ASocketThatIsFullAgainWaitsAgain) {
  const std::uint8_t next = fill(0);
  while (!ring_->sends.empty()) ring_->complete(-EAGAIN);
  for (int round = 0; round < 3; ++round) {
    ASSERT_NE(ring_->waits_writable, nullptr);
    ring_->become_writable();
    ASSERT_EQ(ring_->sends.size(), 64U);
    EXPECT_FALSE(sender_->has_room());
    while (!ring_->sends.empty()) ring_->complete(-EAGAIN);
  }
  ring_->become_writable();
  for (std::uint8_t number = 0; number < next; ++number) EXPECT_EQ(ring_->complete(1), number);
  EXPECT_EQ(fill(0), 64);
  while (!ring_->sends.empty()) ring_->complete(1);
}

TEST_F(DatagramSenderTest, AFullDeviceIsTriedAgainAfterAWhile) {
  send(7);
  ring_->complete(-ENOBUFS);
  EXPECT_EQ(ring_->waits_writable, nullptr) << "a poll would not tell";
  EXPECT_FALSE(sender_->has_room());
  const std::uint64_t limit_ns = clock_.monotonic_ns() + 20'000'000'000;
  while (ring_->sends.empty() && clock_.monotonic_ns() < limit_ns) router_->worker(0).run_once(false);
  ASSERT_EQ(ring_->sends.size(), 1U);
  EXPECT_EQ(ring_->complete(1), 7);
  EXPECT_TRUE(sender_->has_room());
}

TEST_F(DatagramSenderTest, FinishingWaitsForWhatIsUnderWay) {
  send(1);
  send(2);
  sender_->finish();
  EXPECT_FALSE(sender_->has_room());
  ring_->complete(-EAGAIN);
  EXPECT_EQ(over_, 0);
  ring_->complete(1);
  EXPECT_EQ(over_, 1);
  EXPECT_EQ(ring_->waits_writable, nullptr);
}

TEST_F(DatagramSenderTest, FinishingEndsTheWaitForRoom) {
  send(1);
  ring_->complete(-EAGAIN);
  ASSERT_NE(ring_->waits_writable, nullptr);
  sender_->finish();
  EXPECT_EQ(over_, 0);
  ring_->become_writable();
  EXPECT_EQ(over_, 1);
  EXPECT_TRUE(ring_->sends.empty());
}

TEST_F(DatagramSenderTest, FinishingWithNothingIsOverAtOnce) {
  sender_->finish();
  EXPECT_EQ(over_, 1);
}

}  // namespace
}  // namespace drivers::udp
