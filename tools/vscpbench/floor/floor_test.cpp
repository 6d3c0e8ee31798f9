// The floor in each of its modes: it must lose nothing and change nothing, or its figures mean nothing.
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <future>
#include <thread>

#include "protocol/frame.h"
#include "tools/vscpbench/engine.h"
#include "tools/vscpbench/floor/relay.h"

namespace bench::floor {
namespace {

/// A floor in a thread of its own, as io_uring's single issuer wants it.
class Running {
 public:
  explicit Running(const FloorOptions& options) : stop_(eventfd(0, EFD_CLOEXEC)) {
    std::promise<std::pair<std::string, std::uint16_t>> started;
    auto future = started.get_future();
    thread_ = std::thread([this, options, &started] {
      Relay relay(options);
      const auto error = relay.open();
      started.set_value({error, relay.port()});
      if (error.empty()) relay.run(stop_.get());
    });
    std::tie(error_, port_) = future.get();
  }
  ~Running() {
    const std::uint64_t one = 1;
    EXPECT_EQ(write(stop_.get(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
    thread_.join();
  }
  const std::string& error() const { return error_; }
  Target target() const { return {{"127.0.0.1", port_, ""}, "bench", "any"}; }

 private:
  Fd stop_;
  std::thread thread_;
  std::string error_;
  std::uint16_t port_ = 0;
};

Outcome load_on(const Target& target, const Wire& wire, std::uint64_t events, std::size_t payload) {
  Load load;
  load.producers = 2;
  load.consumers = 3;
  load.events = events;
  load.warmup_seconds = 0;
  load.window = 4096;
  load.stall_seconds = 30;
  load.verify = true;
  EventShape shape;
  shape.payload_bytes = payload;
  const std::atomic<bool> stop{false};
  auto outcome = run_load(target, load, shape, wire, 0, stop);
  EXPECT_TRUE(outcome.has_value()) << outcome.error();
  return outcome ? std::move(*outcome) : Outcome{};
}

struct Mode {
  const char* name;
  ReceiveMode receive;
  SendMode send;
  std::uint32_t buffer_bytes = 64U << 10U;
  std::uint32_t buffers = 64;
  std::size_t log_bytes = 4U << 20U;
};

class FloorModes : public testing::TestWithParam<Mode> {};

TEST_P(FloorModes, BringEveryEventToEveryConsumer) {
  FloorOptions options;
  options.receive = GetParam().receive;
  options.send = GetParam().send;
  options.buffer_bytes = GetParam().buffer_bytes;
  options.buffers = GetParam().buffers;
  options.log_bytes = GetParam().log_bytes;
  const Running floor(options);
  if (floor.error() == "receive bundles need Linux 6.10") GTEST_SKIP() << floor.error();
  ASSERT_EQ(floor.error(), "");
  // A tiny buffer makes a system call of every few bytes.
  const std::uint64_t events = options.buffer_bytes < 1024 ? 2000 : 10000;
  for (const auto* wire : {"text", "binary"}) {
    for (const std::size_t payload : {0U, 487U}) {
      const auto outcome = load_on(floor.target(), *make_wire(wire), events, payload);
      EXPECT_TRUE(outcome.faultless()) << wire << payload;
      EXPECT_EQ(outcome.deliveries, 3 * events) << wire << payload;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, FloorModes,
    testing::Values(Mode{"Default", ReceiveMode::kAuto, SendMode::kPlain},
                    Mode{"Single", ReceiveMode::kSingle, SendMode::kPlain},
                    Mode{"Multishot", ReceiveMode::kMultishot, SendMode::kPlain},
                    Mode{"Bundle", ReceiveMode::kBundle, SendMode::kPlain},
                    Mode{"ZeroCopy", ReceiveMode::kAuto, SendMode::kZeroCopy},
                    Mode{"Blocks", ReceiveMode::kAuto, SendMode::kBlocks},
                    // Lines in many parts, and a log that is always full: producers wait for consumers.
                    Mode{"TinySingle", ReceiveMode::kSingle, SendMode::kPlain, 128, 8, 64U << 10U},
                    Mode{"TinyMultishot", ReceiveMode::kMultishot, SendMode::kPlain, 128, 8, 64U << 10U},
                    Mode{"TinyBundle", ReceiveMode::kBundle, SendMode::kBlocks, 128, 8, 64U << 10U}),
    [](const auto& parameter) { return parameter.param.name; });

LinkSession session_of(const Target& target) {
  auto session = LinkSession::open(target);
  EXPECT_TRUE(session.has_value()) << session.error();
  return std::move(*session);
}

/// Bytes that arrived with the last reply, then from the socket, until there are `wanted`.
std::string read_bytes(LinkSession& session, std::size_t wanted) {
  auto bytes = session.take_rest();
  while (bytes.size() < wanted) {
    std::array<char, 65536> part;
    const auto got = recv(session.fd(), part.data(), std::min(part.size(), wanted - bytes.size()), 0);
    if (got <= 0) break;
    bytes.append(part.data(), static_cast<std::size_t>(got));
  }
  return bytes;
}

TEST(Floor, StopsReadingProducersWhenAConsumerDoesNotRead) {
  FloorOptions options;
  options.log_bytes = 64U << 10U;
  const Running floor(options);
  ASSERT_EQ(floor.error(), "");
  auto consumer = session_of(floor.target());
  ASSERT_TRUE(consumer.command("RCVLOOP"));
  auto producer = session_of(floor.target());

  // Far more than the socket buffers and the log hold together: what does not fit must wait.
  constexpr std::size_t kEvents = 40000;
  std::string line = "SEND 0,10,6,0,2026-01-02T03:04:05Z,1000,00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:01";
  for (int i = 0; i < 500; ++i) line += ",255";
  line += "\r\n";
  const std::jthread sender([&] {
    for (std::size_t i = 0; i < kEvents; ++i) {
      ASSERT_EQ(send(producer.fd(), line.data(), line.size(), MSG_NOSIGNAL), static_cast<ssize_t>(line.size()));
    }
  });
  // The line comes back with the obid of the producer, which has one digit, and without "SEND ".
  const auto expected = "0,10,6,2" + line.substr(std::string_view("SEND 0,10,6,0").size());
  std::string bytes = consumer.take_rest();
  for (std::size_t lines = 0; lines < kEvents;) {
    std::array<char, 65536> part;
    const auto got = recv(consumer.fd(), part.data(), part.size(), 0);
    ASSERT_GT(got, 0) << lines;
    bytes.append(part.data(), static_cast<std::size_t>(got));
    std::size_t used = 0;
    for (; bytes.size() - used >= expected.size(); used += expected.size(), ++lines) {
      ASSERT_EQ(bytes.compare(used, expected.size(), expected), 0) << lines;
    }
    bytes.erase(0, used);
  }
  EXPECT_EQ(bytes, "");
}

TEST(Floor, CopiesFramesAsTheyAre) {
  const Running floor({});
  ASSERT_EQ(floor.error(), "");
  auto consumer = session_of(floor.target());
  auto producer = session_of(floor.target());
  ASSERT_TRUE(consumer.command("BINARY"));
  ASSERT_TRUE(producer.command("BINARY"));

  std::array<std::uint8_t, 16> command;
  const auto size = vscp::encode_command_frame({vscp::FrameType::kCommand, 7, 0, {}}, std::span(command));
  ASSERT_TRUE(size.has_value());
  ASSERT_EQ(send(consumer.fd(), command.data(), *size, MSG_NOSIGNAL), static_cast<ssize_t>(*size));
  const auto answer = read_bytes(consumer, 7);
  ASSERT_EQ(answer.size(), 7U);
  const auto reply = vscp::decode_command_frame({reinterpret_cast<const std::uint8_t*>(answer.data()), answer.size()});
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->type, vscp::FrameType::kReply);
  EXPECT_EQ(reply->code, 7);
  EXPECT_EQ(reply->error, 0);

  std::string frames;
  for (std::uint16_t data = 0; data <= 512; ++data) {
    vscp::Event event{};
    event.vscp_type = data;
    event.data_size = data;
    std::array<std::uint8_t, vscp::kEventFrameMax> frame;
    const auto bytes = vscp::encode_event_frame(event, vscp::FrameType::kEvent1, frame.data());
    frames.append(reinterpret_cast<const char*>(frame.data()), bytes);
  }
  // In parts of every size, so that frames are cut everywhere.
  for (std::size_t at = 0, part = 1; at < frames.size(); at += part, part = part % 997 + 1) {
    const auto bytes = std::string_view(frames).substr(at, part);
    ASSERT_EQ(send(producer.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  EXPECT_TRUE(read_bytes(consumer, frames.size()) == frames);
}

TEST(Floor, SaysWhatIsWrongWithItsSizes) {
  FloorOptions options;
  options.buffers = 3;
  const Running floor(options);
  EXPECT_NE(floor.error(), "");
}

}  // namespace
}  // namespace bench::floor
