// Ports over real datagram sockets on one worker, whose turns the test takes itself.
#include "router/core/message_port.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <memory>
#include <tuple>
#include <string>
#include <vector>

#include "router/base/clock.h"
#include "router/io/uring_ring.h"

namespace router {
namespace {

constexpr std::uint64_t kLimitNs = 20'000'000'000;  // of a wait whose end is certain: fails instead of hanging
constexpr std::uint16_t kClass = 20;

std::pair<int, sockaddr_storage> open_udp() {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_storage address{};
  auto& ip = reinterpret_cast<sockaddr_in&>(address);
  ip.sin_family = AF_INET;
  ip.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(sockaddr_in);
  EXPECT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), size), 0);
  EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const int bytes = 4 << 20;
  EXPECT_EQ(::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)), 0);
  return {fd, address};
}

/// A datagram of two bytes is the type of an event, and the other way round.
class TypePort final : public MessagePort {
 public:
  TypePort(Router& router, Worker& worker, EventPortSettings settings, const sockaddr_storage* to)
      : MessagePort(router, worker, settings), to_(to) {}
  void start(int descriptor) { begin(descriptor); }
  void finish() { end(); }
  using EventPort::ask_outgoing;

  bool on_message(const Message& message) noexcept override {
    if (message.payload.size() != 2) return true;
    EventBuf* event = acquire();
    if (event == nullptr) {
      ++refused;
      return false;
    }
    event->event = {};
    std::memcpy(&event->event.vscp_type, message.payload.data(), 2);
    event->event.vscp_class = kClass;
    publish(event);
    return true;
  }
  void on_receive_error(int error) noexcept override {
    last_error = error;
    receive_again();
  }
  void on_sent(int result) noexcept override {
    results.push_back(result);
    if (sends_in_flight() == 0) ask_outgoing();
  }
  void on_closed() noexcept override { ++closed; }
  void on_outgoing() noexcept override {
    if (!has_socket() || is_ending() || sends_in_flight() > 0 || frozen) return;
    vscp::Event event;
    for (std::size_t i = 0; i < types_.size() && peek(event); ++i) {
      channels.push_back(event.obid);
      guids.push_back(event.guid);
      types_[i] = event.vscp_type;
      pop();
      send_to({reinterpret_cast<const char*>(&types_[i]), 2}, *to_);
    }
  }

  bool frozen = false;
  int refused = 0;
  int closed = 0;
  int last_error = 0;
  std::vector<int> results;
  std::vector<std::uint32_t> channels;
  std::vector<vscp::Guid> guids;

 private:
  const sockaddr_storage* to_;
  std::array<std::uint16_t, 16> types_{};
};

class Ports : public testing::Test {
 protected:
  explicit Ports(std::uint32_t input_per_round = 64U << 10U) {
    RouterSettings settings;
    settings.worker.input_per_round = input_per_round;
    settings.guid = *vscp::parse_guid("FF:FF:FF:FF:FF:FF:FF:F5:00:00:00:00:00:01:00:00");
    std::string error;
    router_ = Router::make(settings, clock_, [](std::string& why) { return make_uring_ring({}, why); }, error);
    EXPECT_NE(router_, nullptr) << error;
    std::tie(peer_, peer_address_) = open_udp();
  }
  ~Ports() override {
    for (auto& port : ports_) port->abort();
    EXPECT_TRUE(turn_until([&] { return worker().counters().remotes.value() == 0; }));
    ports_.clear();
    ::close(peer_);
  }
  Worker& worker() { return router_->worker(0); }
  TypePort& add(EventPortSettings settings = {}) {
    auto& port = *ports_.emplace_back(std::make_unique<TypePort>(*router_, worker(), settings, &peer_address_));
    EXPECT_TRUE(port.open());
    return port;
  }
  sockaddr_storage start(TypePort& port) {
    const auto [fd, address] = open_udp();
    worker().run_once(false);  // the ring belongs to this thread
    port.start(fd);
    return address;
  }
  void send(const sockaddr_storage& to, std::uint16_t type) {
    ASSERT_EQ(::sendto(peer_, &type, 2, 0, reinterpret_cast<const sockaddr*>(&to), sizeof(sockaddr_in)), 2);
  }
  bool turn_until(const std::function<bool()>& done) {
    const std::uint64_t deadline = clock_.monotonic_ns() + kLimitNs;
    while (!done()) {
      if (clock_.monotonic_ns() > deadline) return false;
      worker().run_once(false);
    }
    return true;
  }
  /// What the peer has got so far.
  std::vector<std::uint16_t> take() {
    std::vector<std::uint16_t> out;
    std::uint16_t type = 0;
    while (::recv(peer_, &type, 2, MSG_DONTWAIT) == 2) out.push_back(type);
    return out;
  }

  SystemClock clock_;
  std::unique_ptr<Router> router_;
  std::vector<std::unique_ptr<TypePort>> ports_;
  int peer_ = -1;
  sockaddr_storage peer_address_{};
};

class SmallShares : public Ports {
 protected:
  SmallShares() : Ports(256) {}  // four events a turn
};

TEST_F(Ports, EventsGoFromOneToAllOthersAndNotBack) {
  TypePort& first = add();
  EventPortSettings settings;
  settings.guid = *vscp::parse_guid("01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:00:00");
  TypePort& second = add(settings);
  const sockaddr_storage to_first = start(first);
  start(second);
  for (std::uint16_t type = 0; type < 100; ++type) send(to_first, type);
  ASSERT_TRUE(turn_until([&] { return second.results.size() == 100; }));
  std::vector<std::uint16_t> want;
  for (std::uint16_t type = 0; type < 100; ++type) want.push_back(type);
  EXPECT_EQ(take(), want);
  EXPECT_TRUE(first.results.empty());
  EXPECT_EQ(second.guids.front(), first.guid());  // the event had none
  EXPECT_EQ(first.figures().events_in, 100U);
  EXPECT_EQ(second.figures().events_out, 100U);
  EXPECT_EQ(router_->interfaces().size(), 2U);
  EXPECT_EQ(worker().channels().find(second.guid()), second.channel);
}

TEST_F(Ports, AnInterfaceGetsWhatNamesIt) {
  TypePort& first = add();
  TypePort& second = add();
  TypePort& third = add();
  start(second);
  const sockaddr_storage to_first = start(first);
  start(third);
  EventBuf* event = worker().publisher().try_acquire();
  event->event = {};
  event->event.vscp_class = 512 + kClass;
  event->event.vscp_type = 7;
  event->event.data_size = 17;
  std::copy_n(second.guid().bytes.begin(), 16, event->event.data.begin());
  event->event.data[15] = 9;  // a node there
  event->skip_channel = kNoChannel;
  event->only_channel = worker().channels().destination_of(event->event);
  EXPECT_EQ(event->only_channel, second.channel);
  worker().publish(event);
  send(to_first, 8);
  ASSERT_TRUE(turn_until([&] { return second.results.size() == 2 && third.results.size() == 1; }));
  EXPECT_EQ(third.figures().events_out, 1U);
}

TEST_F(SmallShares, WhatHasNoPlaceInATurnIsKeptInOrder) {
  TypePort& first = add();
  TypePort& second = add();
  const sockaddr_storage to_first = start(first);
  start(second);
  constexpr std::uint16_t kCount = 3000;  // more than the ring has buffers
  for (std::uint16_t type = 0; type < kCount; ++type) send(to_first, type);
  ASSERT_TRUE(turn_until([&] { return second.results.size() == kCount; }));
  const std::vector<std::uint16_t> got = take();
  ASSERT_EQ(got.size(), kCount);
  for (std::uint16_t type = 0; type < kCount; ++type) ASSERT_EQ(got[type], type);
  EXPECT_GT(first.refused, 0);
}

TEST_F(Ports, WhatIsNotTakenWaitsUpToItsLimit) {
  TypePort& first = add();
  EventPortSettings settings;
  settings.queue.max_out_queue = 100;
  TypePort& second = add(settings);
  second.frozen = true;
  const sockaddr_storage to_first = start(first);
  start(second);
  for (std::uint16_t type = 0; type < 500; ++type) send(to_first, type);
  ASSERT_TRUE(turn_until([&] { return first.figures().events_in == 500; }));
  const EventPortFigures figures = second.figures();
  EXPECT_LE(figures.waiting, 100U);
  EXPECT_EQ(figures.waiting + figures.dropped, 500U);
  second.frozen = false;
  second.ask_outgoing();
  ASSERT_TRUE(turn_until([&] { return second.results.size() == figures.waiting; }));
  EXPECT_EQ(take().back(), 499);
}

TEST_F(SmallShares, EndsWhileMessagesAreKeptAndBeginsAnew) {
  TypePort& first = add();
  TypePort& second = add();
  sockaddr_storage to_first = start(first);
  start(second);
  for (int round = 1; round <= 3; ++round) {
    for (std::uint16_t type = 0; type < 1000; ++type) send(to_first, type);
    const int before = first.refused;
    ASSERT_TRUE(turn_until([&] { return first.refused > before; }));
    first.finish();
    ASSERT_TRUE(turn_until([&] { return first.closed == round; }));
    to_first = start(first);
  }
  const std::size_t before = second.results.size();
  send(to_first, 1);
  ASSERT_TRUE(turn_until([&] { return second.results.size() > before; }));
}

}  // namespace
}  // namespace router
