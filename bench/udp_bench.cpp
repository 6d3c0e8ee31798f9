// Events through UDP beside programs that do nothing but recvmmsg and sendmmsg: CPU time of the thread that receives
// (and sends) per datagram, in batches as they come under load. Loopback: what the kernel does to deliver a datagram is
// done by its sender, so that "in" has none of it and "in and out" has that of one.
#include <benchmark/benchmark.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "drivers/udp/udp_entry.h"
#include "protocol/frame.h"
#include "router/base/clock.h"
#include "router/base/fd.h"
#include "router/io/uring_ring.h"

namespace bench {
namespace {

constexpr std::size_t kBatch = 256;
constexpr int kBuffer = 8 << 20U;
constexpr std::size_t kRoom = 2048;
constexpr std::uint32_t kSinkHost = INADDR_LOOPBACK + 1;  // a peer is told by its address

void check(bool good) {
  if (!good) std::abort();
}

double thread_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// A socket on 127.0.0.1 that sends and receives many datagrams with one call.
class Datagrams {
 public:
  explicit Datagrams(std::uint32_t host = INADDR_LOOPBACK)
      : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)), bytes_(kBatch), ranges_(kBatch), messages_(kBatch) {
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(host);
    check(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&any), sizeof(any)) == 0);
    // The system may allow less; a batch fits into what it gives by default.
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kBuffer, sizeof(kBuffer));
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDBUFFORCE, &kBuffer, sizeof(kBuffer));
    for (std::size_t i = 0; i < kBatch; ++i) {
      ranges_[i] = {bytes_[i].data(), kRoom};
      messages_[i].msg_hdr.msg_iov = &ranges_[i];
      messages_[i].msg_hdr.msg_iovlen = 1;
    }
  }

  sockaddr_storage address() const { return router::local_address(socket_.get()); }
  /// Sends each of the batch's buffers, `size` bytes.
  void send(const sockaddr_storage& to, std::size_t size) {
    for (std::size_t i = 0; i < kBatch; ++i) {
      ranges_[i].iov_len = size;
      messages_[i].msg_hdr.msg_name = const_cast<sockaddr_storage*>(&to);
      messages_[i].msg_hdr.msg_namelen = sizeof(sockaddr_in);
    }
    for (std::size_t sent = 0; sent < kBatch;) {
      const int count = ::sendmmsg(socket_.get(), &messages_[sent], static_cast<unsigned>(kBatch - sent), 0);
      check(count > 0);
      sent += static_cast<std::size_t>(count);
    }
  }
  void receive() {
    for (std::size_t i = 0; i < kBatch; ++i) {
      ranges_[i].iov_len = kRoom;
      messages_[i].msg_hdr.msg_name = nullptr;
      messages_[i].msg_hdr.msg_namelen = 0;
    }
    for (std::size_t got = 0; got < kBatch;) {
      const int count =
          ::recvmmsg(socket_.get(), &messages_[got], static_cast<unsigned>(kBatch - got), MSG_WAITFORONE, nullptr);
      check(count > 0);
      got += static_cast<std::size_t>(count);
    }
  }
  std::array<std::uint8_t, kRoom>& buffer(std::size_t index) { return bytes_[index]; }

 private:
  router::UniqueFd socket_;
  std::vector<std::array<std::uint8_t, kRoom>> bytes_;
  std::vector<iovec> ranges_;
  std::vector<mmsghdr> messages_;
};

/// A router of one worker whose turns the benchmark takes itself.
class UdpRouter {
 public:
  UdpRouter(const sockaddr_storage* to, router::FrameEncryption encryption) {
    router::RouterSettings settings;
    settings.guid = *vscp::parse_guid("FF:FF:FF:FF:FF:FF:FF:F5:00:00:00:00:00:01:00:00");
    std::string error;
    router_ = router::Router::make(
        settings, clock_, [](std::string& why) { return router::make_uring_ring({}, why); }, error);
    check(router_ != nullptr);
    config_.name = "bench";
    config_.interface = *router::parse_listen_address("127.0.0.1:0");
    config_.max_source_rate = 0;
    config_.receive_buffer = kBuffer;
    config_.allow.emplace_back();
    config_.others.encryption = {encryption, key(), true};
    if (to != nullptr) {
      drivers::udp::LaneConfig& peer = config_.peers.emplace_back();
      peer.name = "out";
      peer.target = drivers::udp::Target{*to, "out"};
      peer.encryption = config_.others.encryption;
    }
    entry_ = std::make_unique<drivers::udp::UdpEntry>(*router_, worker(), config_);
    check(entry_->open_all().empty());
    worker().post(router::make_task([this] { entry_->start({}); }));
    for (int turn = 0; turn < 4; ++turn) worker().run_once(false);
  }
  ~UdpRouter() {
    entry_->abort();
    while (worker().counters().remotes.value() != 0) worker().run_once(false);
  }

  static std::vector<std::uint8_t> key() { return std::vector<std::uint8_t>(32, 7); }
  sockaddr_storage address() const { return router::parse_listen_address(entry_->address())->storage; }
  router::Worker& worker() { return router_->worker(0); }
  void take(std::uint64_t events_in, std::uint64_t datagrams_out) {
    while (worker().counters().events_in.value() < events_in || entry_->sending().sent < datagrams_out)
      worker().run_once(false);
  }

 private:
  router::SystemClock clock_;
  std::unique_ptr<router::Router> router_;
  drivers::udp::EntryConfig config_;
  std::unique_ptr<drivers::udp::UdpEntry> entry_;
};

/// Fills the batch; returns the length of its datagrams.
std::size_t make_datagrams(Datagrams& source, std::size_t bytes, router::FrameEncryption encryption) {
  auto cipher = router::FrameCipher::make(encryption, UdpRouter::key());
  vscp::Event event;
  event.vscp_class = 10;
  event.vscp_type = 6;
  event.time_ns = 1'795'000'000'000'000'000;
  event.data_size = static_cast<std::uint16_t>(bytes);
  event.data.fill(1);
  std::size_t size = 0;
  for (std::size_t i = 0; i < kBatch; ++i) {
    std::array<std::uint8_t, vscp::kEventFrameMax> frame;
    const std::size_t length = vscp::encode_event_frame(event, vscp::FrameType::kEvent1, frame.data());
    size = drivers::udp::write_datagram({frame.data(), length}, cipher ? &*cipher : nullptr,
                                        std::span(source.buffer(i)).first<drivers::udp::kDatagramMax>());
  }
  return size;
}

void finish(benchmark::State& state) {
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(kBatch));
}

void bare(benchmark::State& state) {
  const bool goes_out = state.range(1) != 0;
  Datagrams source;
  Datagrams relay;
  Datagrams sink(kSinkHost);
  const std::size_t size =
      make_datagrams(source, static_cast<std::size_t>(state.range(0)), router::FrameEncryption::kNone);
  const sockaddr_storage to = sink.address();
  for (auto _ : state) {
    source.send(relay.address(), size);
    const double begin = thread_seconds();
    relay.receive();
    if (goes_out) relay.send(to, size);
    state.SetIterationTime(thread_seconds() - begin);
    if (goes_out) sink.receive();
  }
  finish(state);
}

void through_router(benchmark::State& state) {
  const bool goes_out = state.range(1) != 0;
  const auto encryption = static_cast<router::FrameEncryption>(state.range(2));
  Datagrams source;
  Datagrams sink(kSinkHost);
  const sockaddr_storage to = sink.address();
  UdpRouter router(goes_out ? &to : nullptr, encryption);
  const std::size_t size = make_datagrams(source, static_cast<std::size_t>(state.range(0)), encryption);
  const sockaddr_storage in = router.address();
  std::uint64_t count = 0;
  for (auto _ : state) {
    source.send(in, size);
    count += kBatch;
    const double begin = thread_seconds();
    router.take(count, goes_out ? count : 0);
    state.SetIterationTime(thread_seconds() - begin);
    if (goes_out) sink.receive();
  }
  finish(state);
}

BENCHMARK(bare)->ArgNames({"bytes", "out"})->ArgsProduct({{8, 487}, {0, 1}})->UseManualTime();
BENCHMARK(through_router)
    ->ArgNames({"bytes", "out", "encryption"})
    ->ArgsProduct({{8, 487}, {0, 1}, {0, 1, 3}})
    ->UseManualTime();

}  // namespace
}  // namespace bench

BENCHMARK_MAIN();
