// Messages and event descriptors on the kernel's io_uring, over loopback.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <functional>
#include <string>
#include <vector>

#include "router/base/clock.h"
#include "router/base/fd.h"
#include "router/io/message.h"
#include "router/io/uring_ring.h"

namespace {

using router::Completion;
using router::OpKind;
using router::UniqueFd;

constexpr std::uint64_t kLimitNs = 20'000'000'000;  // of a wait whose end is certain: fails instead of hanging

class Owner final : public router::OpOwner {
 public:
  explicit Owner(router::Ring& ring) : ring_(&ring) {}
  void on_completion(const Completion& completion) noexcept override {
    if (completion.kind == OpKind::kSend) sent.push_back(completion.result);
    if (completion.kind == OpKind::kEvent) ++events;
    if (completion.kind != OpKind::kRecv) return;
    if (!completion.more) end = completion.result;
    if (!completion.has_buffer) return;
    const router::Message message = router::split_message(completion.bytes);
    texts.emplace_back(message.payload.data(), message.payload.size());
    truncated = message.truncated;
    peer = router::address_of(message);
    router::for_each_control(message.control, [&](int level, int type, std::span<const char> data) {
      if (level == SOL_SOCKET && type == SO_TIMESTAMPNS) time_bytes = data.size();
    });
    if (keeps) {
      kept.push_back(completion.buffer_id);
    } else {
      ring_->release_buffer(completion.buffer_id);
    }
  }
  bool keeps = false;
  std::vector<std::uint16_t> kept;
  std::vector<std::string> texts;
  std::vector<int> sent;
  int events = 0;
  int end = 0;
  bool truncated = false;
  std::size_t time_bytes = 0;
  sockaddr_storage peer{};

 private:
  router::Ring* ring_;
};

class UringMessages : public testing::Test {
 protected:
  void SetUp() override {
    std::string error;
    ring = router::make_uring_ring({}, error);
    ASSERT_NE(ring, nullptr) << error;
  }
  static std::pair<int, sockaddr_storage> open_udp() {
    const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_storage address{};
    auto& ip = reinterpret_cast<sockaddr_in&>(address);
    ip.sin_family = AF_INET;
    ip.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(sockaddr_in);
    EXPECT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), size), 0);
    EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
    return {fd, address};
  }
  bool turn_until(const std::function<bool()>& done) {
    const router::SystemClock clock;
    const std::uint64_t deadline = clock.monotonic_ns() + kLimitNs;
    while (!done()) {
      if (clock.monotonic_ns() > deadline) return false;
      ring->submit_and_wait(1'000'000);
      while (ring->reap(64) > 0) {
      }
    }
    return true;
  }
  void end(int fd, Owner& owner) {
    owner.end = 0;
    ring->cancel(fd, owner, OpKind::kRecv);
    EXPECT_TRUE(turn_until([&] { return owner.end == -ECANCELED; }));
    ring->close(fd);
  }
  std::unique_ptr<router::Ring> ring;
};

TEST_F(UringMessages, ComeWholeInOrderWithSenderAndTime) {
  Owner owner(*ring);
  Owner sender(*ring);
  const auto [in, in_address] = open_udp();
  const auto [out, out_address] = open_udp();
  const int on = 1;
  ASSERT_EQ(::setsockopt(in, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)), 0);
  ring->start_recv_messages(in, owner);
  const std::array<std::string, 3> texts{"one", std::string(router::kMessagePayloadMax, 'x'), "three"};
  for (const std::string& text : texts) {
    const iovec range{const_cast<char*>(text.data()), text.size()};
    ring->start_send_to(out, {&range, 1}, in_address, sender);
  }
  ASSERT_TRUE(turn_until([&] { return owner.texts.size() == 3; }));
  EXPECT_EQ(owner.texts, std::vector<std::string>(texts.begin(), texts.end()));
  EXPECT_EQ(sender.sent, (std::vector<int>{3, static_cast<int>(router::kMessagePayloadMax), 5}));
  EXPECT_FALSE(owner.truncated);
  EXPECT_EQ(owner.time_bytes, sizeof(timespec));
  const auto port = [](const sockaddr_storage& address) { return reinterpret_cast<const sockaddr_in&>(address).sin_port; };
  EXPECT_EQ(port(owner.peer), port(out_address));
  end(in, owner);
  ring->close(out);
  ring->submit_and_wait(0);
}

TEST_F(UringMessages, TooLongOnesSayThatTheyWereCut) {
  Owner owner(*ring);
  const auto [in, in_address] = open_udp();
  const auto [out, out_address] = open_udp();
  ring->start_recv_messages(in, owner);
  const std::string text(router::kMessagePayloadMax + 1, 'x');
  ASSERT_GT(::sendto(out, text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&in_address), sizeof(sockaddr_in)), 0);
  ASSERT_TRUE(turn_until([&] { return owner.texts.size() == 1; }));
  EXPECT_TRUE(owner.truncated);
  end(in, owner);
  ::close(out);
}

TEST_F(UringMessages, WithoutAFreeBufferReceivingEndsAndGoesOnLater) {
  Owner owner(*ring);
  owner.keeps = true;
  const auto [in, in_address] = open_udp();
  const auto [out, out_address] = open_udp();
  const int bytes = 4 << 20;
  ASSERT_EQ(::setsockopt(in, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)), 0);
  ring->start_recv_messages(in, owner);
  std::size_t sent = 0;
  const auto send = [&, out_fd = out, to = in_address] {
    const char byte = static_cast<char>(sent);
    ASSERT_EQ(::sendto(out_fd, &byte, 1, 0, reinterpret_cast<const sockaddr*>(&to), sizeof(sockaddr_in)), 1);
    ++sent;
  };
  while (owner.end == 0 && sent < 5000) {
    send();
    ring->submit_and_wait(0);
    ring->reap(64);
  }
  ASSERT_EQ(owner.end, -ENOBUFS);
  for (const std::uint16_t id : owner.kept) ring->release_buffer(id);
  owner.keeps = false;
  ring->start_recv_messages(in, owner);
  ASSERT_TRUE(turn_until([&] { return owner.texts.size() == sent; }));
  for (std::size_t i = 0; i < sent; ++i) ASSERT_EQ(owner.texts[i], std::string(1, static_cast<char>(i)));
  end(in, owner);
  ::close(out);
}

TEST_F(UringMessages, AnEventDescriptorIsTakenOncePerWait) {
  Owner owner(*ring);
  const UniqueFd event(::eventfd(0, EFD_CLOEXEC));
  const std::uint64_t one = 1;
  ring->start_wait_event(event.get(), owner);
  ring->submit_and_wait(0);
  ring->reap(64);
  EXPECT_EQ(owner.events, 0);
  ASSERT_EQ(::write(event.get(), &one, sizeof(one)), 8);
  ASSERT_TRUE(turn_until([&] { return owner.events == 1; }));
  ASSERT_EQ(::write(event.get(), &one, sizeof(one)), 8);  // before it is waited for
  ring->start_wait_event(event.get(), owner);
  ASSERT_TRUE(turn_until([&] { return owner.events == 2; }));
  ring->start_wait_event(event.get(), owner);
  ring->cancel(event.get(), owner, OpKind::kEvent);
  ASSERT_TRUE(turn_until([&] { return owner.events == 3; }));
}

TEST(SplitMessage, BytesThatAreTooFewAreAMessageThatWasCut) {
  const std::vector<char> bytes(router::kMessageHead + router::kMessageNameMax, 0);
  EXPECT_TRUE(router::split_message(bytes).truncated);
  EXPECT_TRUE(router::split_message({}).truncated);
}

TEST(ForEachControl, DamagedLengthsEndIt) {
  std::vector<char> control(64, 0);
  int visits = 0;
  const auto visit = [&](int, int, std::span<const char>) { ++visits; };
  router::for_each_control(control, visit);
  control[0] = 65;
  router::for_each_control(control, visit);
  EXPECT_EQ(visits, 0);
  control[0] = 64;
  router::for_each_control(control, visit);
  EXPECT_EQ(visits, 1);
}

}  // namespace
