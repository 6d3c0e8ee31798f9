// No heap allocation and no lock on a worker while datagrams come and go: encrypted, confirmed, sent again, refused.
// The worker's turns are taken by the test, and every call of the allocator and of pthread's locks in them is counted.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "drivers/udp/udp_entry.h"
#include "router/base/clock.h"
#include "router/base/fd.h"
#include "router/io/uring_ring.h"
#include "tests/stress/worker_calls.h"

namespace {

using drivers::udp::LaneConfig;
using router::FrameEncryption;

constexpr std::uint64_t kBatch = 64;
constexpr std::uint64_t kWarmUp = 20 * kBatch;
constexpr std::uint64_t kCounted = 200 * kBatch;
constexpr std::uint64_t kLimitNs = 20'000'000'000;  // of a wait whose end is certain: fails instead of hanging

class Peer {
 public:
  explicit Peer(std::uint32_t host) : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(host);
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&any), sizeof(any)), 0);
  }
  sockaddr_storage address() const { return router::local_address(socket_.get()); }
  void send(std::span<const std::uint8_t> bytes, const sockaddr_storage& to) const {
    EXPECT_EQ(::sendto(socket_.get(), bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr*>(&to),
                       sizeof(sockaddr_in)),
              static_cast<ssize_t>(bytes.size()));
  }
  /// Everything that has come; how many.
  std::uint64_t drain() const {
    std::array<std::uint8_t, 2048> bytes;
    std::uint64_t count = 0;
    while (::recv(socket_.get(), bytes.data(), bytes.size(), 0) >= 0) ++count;
    return count;
  }

 private:
  router::UniqueFd socket_;
};

class UdpAllocation : public ::testing::Test {
 protected:
  UdpAllocation() : source_(INADDR_LOOPBACK), sinks_{Peer(INADDR_LOOPBACK + 1), Peer(INADDR_LOOPBACK + 2)} {
    router::RouterSettings settings;
    settings.guid.bytes[0] = 1;
    std::string error;
    router_ = router::Router::make(
        settings, clock_, [](std::string& why) { return router::make_uring_ring({}, why); }, error);
    EXPECT_NE(router_, nullptr) << error;
    router_->seen().activate();
    config_.name = "test";
    config_.interface = *router::parse_listen_address("127.0.0.1:0");
    config_.peers = {lane(source_, FrameEncryption::kAes256), lane(sinks_[0], FrameEncryption::kAes128),
                     lane(sinks_[1], FrameEncryption::kNone)};
    config_.peers[0].send = false;
    config_.peers[1].frame_type = vscp::FrameType::kEvent0;
    config_.peers[2].acknowledge = false;
    entry_ = std::make_unique<drivers::udp::UdpEntry>(*router_, worker(), config_);
    EXPECT_EQ(entry_->open_all(), "");
    to_ = router::parse_listen_address(entry_->address())->storage;
    worker().post(router::make_task([this] { entry_->start({}); }));
    cipher_ = router::FrameCipher::make(FrameEncryption::kAes256, key());
  }
  ~UdpAllocation() override {
    entry_->abort();
    EXPECT_TRUE(turn_until([&] { return worker().counters().remotes.value() == 0; }));
  }

  static std::vector<std::uint8_t> key() { return std::vector<std::uint8_t>(32, 9); }
  static LaneConfig lane(const Peer& peer, FrameEncryption encryption) {
    LaneConfig out;
    out.name = router::address_text(peer.address());
    out.target = drivers::udp::Target{peer.address(), out.name};
    out.encryption = {encryption, key(), true};
    out.acknowledge = true;
    out.deduplicate = true;
    out.resend_ms = 10;
    out.attempts = 2;
    out.queue.max_out_queue = 256;
    return out;
  }
  router::Worker& worker() { return router_->worker(0); }
  template <typename Condition>
  bool turn_until(const Condition& is_met) {
    const std::uint64_t limit_ns = clock_.monotonic_ns() + kLimitNs;
    while (!is_met()) {
      if (clock_.monotonic_ns() > limit_ns) return false;
      const std::uint64_t before = worker_calls::count_here();
      worker().run_once(false);
      calls_ += worker_calls::count_here() - before;
    }
    return true;
  }

  /// Events and junk come in, in batches.
  void pass(std::uint64_t events) {
    for (std::uint64_t sent = 0; sent < events; sent += kBatch) {
      for (std::uint64_t i = 0; i < kBatch; ++i) {
        event_.time_ns = time_ns_ += 1000;  // what is alike to the microsecond is a repetition
        event_.data_size = static_cast<std::uint16_t>(time_ns_ / 1000 % vscp::kEventDataMax);
        std::array<std::uint8_t, vscp::kEventFrameMax> frame;
        const std::size_t size = vscp::encode_event_frame(event_, vscp::FrameType::kEvent1, frame.data());
        std::array<std::uint8_t, drivers::udp::kDatagramMax> datagram;
        const std::size_t length = drivers::udp::write_datagram({frame.data(), size}, &*cipher_, datagram);
        source_.send(std::span(datagram).first(length), to_);
        if (i % 8 == 0) source_.send(std::span(datagram).first(length - 16), to_);  // junk
      }
      events_ += kBatch;
      ASSERT_TRUE(turn_until([&] { return worker().counters().events_in.value() >= events_; }))
          << "events that came in";
      confirmations_ += source_.drain();
      for (const Peer& sink : sinks_) outgoing_ += sink.drain();
    }
  }

  router::SystemClock clock_;
  std::unique_ptr<router::Router> router_;
  Peer source_;
  std::array<Peer, 2> sinks_;
  drivers::udp::EntryConfig config_;
  std::unique_ptr<drivers::udp::UdpEntry> entry_;
  std::optional<router::FrameCipher> cipher_;
  sockaddr_storage to_{};
  vscp::Event event_{};
  std::uint64_t time_ns_ = 1'795'000'000'000'000'000;
  std::uint64_t events_ = 0;
  std::uint64_t calls_ = 0;
  std::uint64_t confirmations_ = 0;
  std::uint64_t outgoing_ = 0;
};

TEST_F(UdpAllocation, DatagramsTakeNoMemoryAndNoLock) {
  worker_calls::watch_this_thread(true);
  ASSERT_NO_FATAL_FAILURE(pass(kWarmUp));
  worker_calls::start_counting();
  calls_ = confirmations_ = outgoing_ = 0;
  ASSERT_NO_FATAL_FAILURE(pass(kCounted));
  const std::uint64_t calls = calls_;
  worker_calls::stop_counting();
  EXPECT_EQ(calls, 0U) << worker_calls::first_call();
  EXPECT_GT(confirmations_, kCounted / 2);
  EXPECT_GT(outgoing_, kCounted / 2);
  const auto status = entry_->status();
  EXPECT_GT(status.lanes[2].lane.resent, 0U);
  EXPECT_GT(status.lanes[2].lane.unconfirmed, 0U);
  EXPECT_GT(status.lanes[2].port.dropped, 0U);
  EXPECT_GT(status.lanes[1].lane.refused[static_cast<std::size_t>(drivers::udp::Refusal::kUndecipherable)], 0U);
  worker_calls::watch_this_thread(false);
}

}  // namespace
