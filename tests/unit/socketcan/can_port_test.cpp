// Ports whose bus is the other end of a socket pair: it gives and takes the messages that a CAN socket would.
#include "drivers/socketcan/can_port.h"

#include <gtest/gtest.h>
#include <linux/can.h>
#include <linux/can/error.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "router/base/clock.h"
#include "router/core/router.h"
#include "router/io/uring_ring.h"

namespace drivers::socketcan {
namespace {

constexpr std::uint64_t kLimitNs = 20'000'000'000;  // of a wait whose end is certain: fails instead of hanging
const vscp::Guid kGuid = *vscp::parse_guid("25:00:00:00:00:00:00:00:00:00:00:00:00:07:00:00");

class Keeper final : public LinkKeeper {
 public:
  void give_back(std::size_t, int socket) override {
    ::close(socket);
    ++given_back;
  }
  void restart(std::size_t, std::function<void(int)> done) override {
    ++restarts;
    done(answer);
  }
  int given_back = 0;
  int restarts = 0;
  int answer = 0;
};

/// Sends, but fails the next times as it is told.
class Sender final : public FrameSender {
 public:
  int send(int socket, std::span<const WaitingFrame* const> frames) noexcept override {
    if (room == 0) return -error;
    const int sent = sender_.send(socket, frames.first(std::min<std::size_t>(frames.size(), room)));
    if (sent > 0) room -= static_cast<std::size_t>(sent);
    return sent;
  }
  std::size_t room = ~std::size_t{0};
  int error = ENOBUFS;

 private:
  SocketSender sender_;
};

class CanPorts : public testing::Test {
 protected:
  CanPorts() {
    router::RouterSettings settings;
    settings.guid = *vscp::parse_guid("FF:FF:FF:FF:FF:FF:FF:F5:00:00:00:00:00:01:00:00");
    std::string error;
    router_ = router::Router::make(
        settings, clock_, [](std::string& why) { return router::make_uring_ring({}, why); }, error);
    EXPECT_NE(router_, nullptr) << error;
  }
  ~CanPorts() override {
    for (auto& port : ports_) port->abort();
    EXPECT_TRUE(turn_until([&] { return worker().counters().remotes.value() == 0; }));
    ports_.clear();
    for (const int peer : peers_) ::close(peer);
  }
  router::Worker& worker() { return router_->worker(0); }
  CanPort& add(CanConfig config = {}) {
    if (config.device.empty()) config.device = "can0";
    auto& port = *ports_.emplace_back(
        std::make_unique<CanPort>(*router_, worker(), config, ports_.size(), segments_, keeper_, sender_));
    EXPECT_TRUE(port.open());
    segments_.push_back(port.guid());
    return port;
  }
  static LinkInfo up() { return {.index = 4, .name = "can0", .is_can = true, .up = true, .running = true, .fd = true}; }
  /// Gives the port a socket; returns the other end.
  int connect(CanPort& port) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    peers_.push_back(ends[1]);
    port.on_link({.link = up(), .socket = ends[0], .problem = {}});
    worker().run_once(false);
    return ends[1];
  }
  static canfd_frame frame_of(std::uint32_t id, std::uint8_t size) {
    canfd_frame frame{};
    frame.can_id = id;
    frame.len = size;
    for (std::uint8_t i = 0; i < size; ++i) frame.data[i] = static_cast<std::uint8_t>(i + 1);
    return frame;
  }
  void put(int bus, std::uint32_t id, std::uint8_t size = 2, bool fd = false) {
    const canfd_frame frame = frame_of(id, size);
    ASSERT_GT(::send(bus, &frame, fd ? CANFD_MTU : CAN_MTU, 0), 0);
  }
  void put_error(int bus, std::uint32_t id, std::uint8_t controller = 0) {
    canfd_frame frame{};
    frame.can_id = id | CAN_ERR_FLAG;
    frame.len = CAN_ERR_DLC;
    frame.data[1] = controller;
    ASSERT_GT(::send(bus, &frame, CAN_MTU, 0), 0);
  }
  /// What the bus has got so far.
  static std::vector<canfd_frame> take(int bus) {
    std::vector<canfd_frame> out;
    for (;;) {
      canfd_frame frame{};
      if (::recv(bus, &frame, sizeof(frame), MSG_DONTWAIT) <= 0) return out;
      out.push_back(frame);
    }
  }
  bool turn_until(const std::function<bool()>& done) {
    const std::uint64_t deadline = clock_.monotonic_ns() + kLimitNs;
    while (!done()) {
      if (clock_.monotonic_ns() > deadline) return false;
      worker().run_once(false);
    }
    return true;
  }
  void publish(std::uint16_t vscp_class, std::uint16_t type, std::uint8_t priority, std::vector<std::uint8_t> data = {},
               const vscp::Guid& guid = {}) {
    router::EventBuf* buffer = worker().publisher().try_acquire();
    ASSERT_NE(buffer, nullptr);
    buffer->event = {};
    buffer->event.vscp_class = vscp_class;
    buffer->event.vscp_type = type;
    buffer->event.head = static_cast<std::uint16_t>(priority << 5U);
    buffer->event.guid = guid;
    buffer->event.data_size = static_cast<std::uint16_t>(data.size());
    std::copy(data.begin(), data.end(), buffer->event.data.begin());
    buffer->skip_channel = router::kNoChannel;
    buffer->only_channel = worker().channels().destination_of(buffer->event);
    worker().publish(buffer);
  }

  router::SystemClock clock_;
  std::unique_ptr<router::Router> router_;
  Keeper keeper_;
  Sender sender_;
  std::vector<vscp::Guid> segments_;
  std::vector<std::unique_ptr<CanPort>> ports_;
  std::vector<int> peers_;
};

TEST_F(CanPorts, FramesBecomeEventsAndNothingElseDoes) {
  CanConfig first_config;
  first_config.guid = kGuid;
  CanPort& first = add(first_config);
  CanConfig second_config;
  second_config.device = "can1";
  CanPort& second = add(second_config);
  const int from = connect(first);
  const int to = connect(second);
  put(from, 0x0c0a0609 | CAN_EFF_FLAG, 3);
  put(from, 0x123);
  put(from, 0x0c0a0609 | CAN_EFF_FLAG | CAN_RTR_FLAG);
  put(from, 0x0c0a060a | CAN_EFF_FLAG, 9);
  ASSERT_EQ(::send(from, "short", 5, 0), 5);
  put(from, 0x1fffffff | CAN_EFF_FLAG, 8);
  ASSERT_TRUE(turn_until([&] { return second.status().figures.frames_out == 2; }));
  const auto got = take(to);
  ASSERT_EQ(got.size(), 2U);
  EXPECT_EQ(got[0].can_id, 0x0c0a0609 | CAN_EFF_FLAG);
  EXPECT_EQ(got[0].len, 3);
  EXPECT_EQ(got[0].data[2], 3);
  EXPECT_EQ(got[1].can_id, 0x1fffffff | CAN_EFF_FLAG);
  const CanStatus status = first.status();
  EXPECT_EQ(status.figures.frames_in, 2U);
  EXPECT_EQ(status.figures.not_vscp, 2U);
  EXPECT_EQ(status.figures.malformed, 2U);
  EXPECT_TRUE(take(from).empty()) << "nothing comes back";
  EXPECT_EQ(status.state, "up");
}

TEST_F(CanPorts, OnlyWhatABusCanCarryGoesOut) {
  CanConfig config;
  config.guid = kGuid;
  CanPort& port = add(config);
  const int bus = connect(port);
  std::vector<std::uint8_t> here(kGuid.bytes.begin(), kGuid.bytes.end());
  here[15] = 9;  // a node
  here.push_back(0x42);
  std::vector<std::uint8_t> elsewhere(17, 0x33);
  publish(1040, 6, 3, {1, 2, 3});
  publish(1060, 6, 3);
  publish(65535, 1, 3);
  publish(20, 300, 3);
  publish(20, 3, 3, std::vector<std::uint8_t>(9));
  publish(20, 3, 3, std::vector<std::uint8_t>(12));
  publish(522, 6, 2, elsewhere);
  publish(522, 6, 2, here);
  publish(10, 6, 2, {7}, *vscp::parse_guid("FF:00:00:00:00:00:00:00:00:00:00:00:00:00:00:42"));
  publish(508, 33, 1, {0, 255, 255, 0}, kGuid);  // what an interface tells of itself is not for the bus
  ASSERT_TRUE(turn_until([&] { return port.status().figures.frames_out == 2; }));
  const auto got = take(bus);
  ASSERT_EQ(got.size(), 2U);
  EXPECT_EQ(got[0].can_id, 0x080a0600 | CAN_EFF_FLAG);
  EXPECT_EQ(got[0].len, 1);
  EXPECT_EQ(got[0].data[0], 0x42);
  EXPECT_EQ(got[1].can_id, 0x080a0642 | CAN_EFF_FLAG);
  EXPECT_EQ(port.status().figures.not_level1, 6U);
  EXPECT_EQ(port.status().figures.foreign, 1U);
}

TEST_F(CanPorts, FdFramesBothWays) {
  CanConfig config;
  config.fd = true;
  CanPort& first = add(config);
  config.device = "can1";
  CanPort& second = add(config);
  const int from = connect(first);
  const int to = connect(second);
  put(from, 0x0c0a0609 | CAN_EFF_FLAG, 64, true);
  put(from, 0x0c0a0609 | CAN_EFF_FLAG, 8, true);
  ASSERT_TRUE(turn_until([&] { return second.status().figures.frames_out == 2; }));
  const auto got = take(to);
  EXPECT_EQ(got[0].len, 64);
  EXPECT_EQ(got[0].data[63], 64);
  EXPECT_EQ(got[0].flags & CANFD_BRS, CANFD_BRS);
  EXPECT_EQ(got[1].len, 8);
  EXPECT_EQ(got[1].flags, 0) << "what fits goes as a classic frame";
  publish(20, 3, 3, std::vector<std::uint8_t>(9));
  ASSERT_TRUE(turn_until([&] { return second.status().figures.not_level1 == 1; }));
}

TEST_F(CanPorts, AFullDeviceKeepsTheOrderOfPriorities) {
  CanPort& port = add();
  const int bus = connect(port);
  sender_.room = 2;
  for (std::uint16_t type = 0; type < 20; ++type) publish(20, type, 5);
  ASSERT_TRUE(turn_until([&] { return port.status().figures.frames_out == 2; }));
  publish(20, 100, 0);
  publish(20, 101, 7);
  publish(20, 102, 0);
  worker().run_once(false);
  EXPECT_EQ(port.status().waiting, 21U);
  sender_.room = ~std::size_t{0};
  ASSERT_TRUE(turn_until([&] { return port.status().figures.frames_out == 23; }));
  std::vector<unsigned> types;
  for (const canfd_frame& frame : take(bus)) types.push_back(frame.can_id >> 8U & 0xffU);
  std::vector<unsigned> want{0, 1, 100, 102};
  for (unsigned type = 2; type < 20; ++type) want.push_back(type);
  want.push_back(101);
  EXPECT_EQ(types, want);
}

TEST_F(CanPorts, WhatTheQueueHasNoRoomForIsLostByPriorityAndTold) {
  CanConfig config;
  config.max_out_queue = 16;
  CanPort& port = add(config);
  CanConfig other;
  other.device = "can1";
  other.receive = false;
  const int bus = connect(port);
  sender_.room = 0;
  for (std::uint16_t type = 0; type < 100; ++type) publish(20, type, static_cast<std::uint8_t>(type % 8));
  ASSERT_TRUE(turn_until([&] { return port.status().dropped == 84; }));
  sender_.room = ~std::size_t{0};
  ASSERT_TRUE(turn_until([&] { return port.status().figures.frames_out == 16; }));
  for (const canfd_frame& frame : take(bus)) EXPECT_LE(frame.can_id >> 26U & 7U, 1U);
  EXPECT_EQ(port.status().waiting, 0U);
}

TEST_F(CanPorts, WhatWaitsForTooLongIsNotSent) {
  CanConfig config;
  config.max_age_s = 1;
  CanPort& port = add(config);
  const int bus = connect(port);
  sender_.room = 0;
  publish(20, 1, 3);
  ASSERT_TRUE(turn_until([&] { return port.status().expired == 1; }));
  EXPECT_EQ(port.status().waiting, 0U);
  sender_.room = ~std::size_t{0};
  publish(20, 2, 3);
  ASSERT_TRUE(turn_until([&] { return port.status().figures.frames_out == 1; }));
  EXPECT_EQ(take(bus).size(), 1U);
}

TEST_F(CanPorts, AFullSocketIsWaitedFor) {
  CanPort& port = add();
  const int bus = connect(port);
  for (std::uint16_t type = 0; type < 3000; ++type) publish(20, type % 256, 3);
  // A socket pair takes only so much until the other end reads.
  std::size_t got = 0;
  ASSERT_TRUE(turn_until([&] {
    for (const canfd_frame& frame : take(bus)) {
      EXPECT_EQ(frame.can_id >> 8U & 0xffU, got % 256);
      ++got;
    }
    return got == 3000;
  }));
}

TEST_F(CanPorts, WhatTheKernelRefusesIsCountedAndPassedOver) {
  CanPort& port = add();
  connect(port);
  sender_.room = 0;
  sender_.error = EINVAL;
  for (std::uint16_t type = 0; type < 5; ++type) publish(20, type, 3);
  ASSERT_TRUE(turn_until([&] { return port.status().figures.refused == 5; }));
  EXPECT_EQ(port.status().waiting, 0U);
}

TEST_F(CanPorts, NothingIsSentWhileTheBusIsOffAndTheControllerIsRestarted) {
  CanPort& port = add();
  const int bus = connect(port);
  put_error(bus, CAN_ERR_CRTL, CAN_ERR_CRTL_TX_PASSIVE);
  put_error(bus, CAN_ERR_BUSOFF);
  ASSERT_TRUE(turn_until([&] { return port.status().state == "bus off"; }));
  publish(20, 1, 3);
  ASSERT_TRUE(turn_until([&] { return keeper_.restarts == 2; })) << "as long as it is off";
  EXPECT_TRUE(take(bus).empty());
  EXPECT_EQ(port.status().waiting, 1U);
  put_error(bus, CAN_ERR_RESTARTED);
  ASSERT_TRUE(turn_until([&] { return port.status().figures.frames_out == 1; }));
  const CanStatus status = port.status();
  EXPECT_EQ(status.bus, "error active");
  EXPECT_EQ(status.bus_figures.bus_offs, 1U);
  EXPECT_EQ(status.bus_figures.restarts, 1U);
  EXPECT_EQ(status.bus_figures.passives, 1U);
  EXPECT_EQ(status.bus_figures.error_frames, 3U);
}

TEST_F(CanPorts, ARestartThatIsNotPermittedIsNotAskedForAgain) {
  keeper_.answer = EPERM;
  CanPort& port = add();
  const int bus = connect(port);
  for (int round = 0; round < 3; ++round) {
    put_error(bus, CAN_ERR_BUSOFF);
    ASSERT_TRUE(turn_until([&] { return port.status().state == "bus off" && keeper_.restarts == 1; }));
    put_error(bus, CAN_ERR_RESTARTED);  // the operator did it
    ASSERT_TRUE(turn_until([&] { return port.status().state == "up"; }));
  }
  EXPECT_EQ(keeper_.restarts, 1);
}

TEST_F(CanPorts, TheKernelRestartsWhatItWasToldTo) {
  CanPort& port = add();
  const int bus = connect(port);
  LinkInfo link = up();
  link.restart_ms = 100;
  port.on_link({.link = link, .problem = {}});
  put_error(bus, CAN_ERR_BUSOFF);
  ASSERT_TRUE(turn_until([&] { return port.status().state == "bus off"; }));
  const std::uint64_t begin = clock_.monotonic_ns();
  ASSERT_TRUE(turn_until([&] { return clock_.monotonic_ns() - begin > 300'000'000; }));
  EXPECT_EQ(keeper_.restarts, 0);
}

TEST_F(CanPorts, AnInterfaceGoesAndComesBack) {
  CanPort& port = add();
  connect(port);
  LinkInfo down = up();
  down.up = down.running = false;
  port.on_link({.link = down, .problem = {}});
  EXPECT_EQ(port.status().state, "down");
  publish(20, 1, 3);
  worker().run_once(false);
  port.on_link({.link = {}, .give_back = true, .problem = {}});
  ASSERT_TRUE(turn_until([&] { return keeper_.given_back == 1; }));
  EXPECT_EQ(port.status().state, "absent");
  EXPECT_EQ(port.status().waiting, 1U);
  const int bus = connect(port);
  ASSERT_TRUE(turn_until([&] { return port.status().figures.frames_out == 1; }));
  EXPECT_EQ(take(bus).size(), 1U);
}

TEST_F(CanPorts, ASocketThatBreaksIsGivenBack) {
  CanPort& port = add();
  const int bus = connect(port);
  put(bus, 0x0c0a0609 | CAN_EFF_FLAG);
  ASSERT_TRUE(turn_until([&] { return port.status().figures.frames_in == 1; }));
  port.on_link({.link = {}, .problem = "it is no CAN interface"});
  EXPECT_EQ(port.status().state, "no socket");
}

TEST_F(CanPorts, LeavesWhenAllIsOut) {
  CanPort& port = add();
  const int bus = connect(port);
  sender_.room = 0;
  for (std::uint16_t type = 0; type < 10; ++type) publish(20, type, 3);
  worker().run_once(false);
  port.leave(kLimitNs);
  sender_.room = ~std::size_t{0};
  ASSERT_TRUE(turn_until([&] { return worker().counters().remotes.value() == 0; }));
  EXPECT_EQ(take(bus).size(), 10U);
  EXPECT_EQ(keeper_.given_back, 1);
}

TEST_F(CanPorts, ErrorsOfTheBusAreTheSitesNews) {
  CanConfig config;
  config.guid = kGuid;
  CanPort& port = add(config);
  const int bus = connect(port);
  const std::uint64_t before = port.figures().events_in;
  put_error(bus, CAN_ERR_BUSOFF);
  ASSERT_TRUE(turn_until([&] { return port.figures().events_in > before; }));
}

}  // namespace
}  // namespace drivers::socketcan
