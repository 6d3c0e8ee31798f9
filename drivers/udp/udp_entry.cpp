#include "drivers/udp/udp_entry.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "router/base/check.h"
#include "router/base/log.h"
#include "router/base/random.h"
#include "router/base/stable_sort.h"
#include "router/io/socket.h"

namespace drivers::udp {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr std::uint64_t kLookNs = 10'000'000;         // while it leaves
constexpr std::uint64_t kErrorPauseNs = 100'000'000;  // before it receives again
constexpr std::uint32_t kTypeUdp = 5;                 // spec: vscp_tcpiplink.md#tcpip-interface-list

router::EventPortSettings settings_of(const LaneConfig& config, const std::string& name, bool sends) {
  return {.name = name,
          .type = kTypeUdp,
          .guid = config.guid,
          .send = sends,
          .out_filter = config.out_filter,
          .queue = config.queue};
}

std::optional<router::FrameCipher> cipher_of(const LaneConfig& config) {
  return router::FrameCipher::make(config.encryption.encryption, config.encryption.key);
}

}  // namespace

UdpEntry::UdpEntry(router::Router& router, router::Worker& worker, const EntryConfig& config)
    : LaneOf(router, worker,
             settings_of(config.others, "udp " + config.name, config.others.target && config.others.send),
             config.others, cipher_of(config.others)),
      config_(&config),
      router_(&router),
      clock_(*this) {
  rates_.emplace(config.max_source_rate, router::SystemRandom().next());
}

UdpEntry::~UdpEntry() = default;

std::string UdpEntry::open_all() {
  auto sockets = open_sockets(*config_);
  if (!sockets) return sockets.error();
  sockets_ = std::move(*sockets);
  address_ = router::address_text(router::local_address(sockets_.receive.get()));
  sender_ =
      std::make_unique<DatagramSender>(worker(), static_cast<DatagramSender::Owner&>(*this), std::move(sockets_.send));
  if (config_->group) {
    own_host_ = find_own_host(sockets_.target, sender_->descriptor());
    set_sender(*sender_, sockets_.target);
  } else {
    set_sender(*sender_, {});
  }
  if (!open()) return "udp " + config_->name + ": there is no channel left";
  return open_peers();
}

std::string UdpEntry::open_peers() {
  for (const LaneConfig& config : config_->peers) {
    const std::string name = "udp " + config_->name + " " + config.name;
    auto& peer = *peers_.emplace_back(std::make_unique<UdpPeer>(
        *router_, worker(), settings_of(config, name, config.send), config, cipher_of(config)));
    if (!peer.open()) return name + ": there is no channel left";
    peer.set_sender(*sender_, for_family(config.target->address, sockets_.family));
    sources_.push_back({router::PeerAddress(config.target->address).host(), port_of(config.target->address), &peer});
  }
  // Of several peers with one address the first one of the configuration gets what comes from other ports.
  router::stable_sort(sources_, [](const Source& left, const Source& right) { return left.host < right.host; });
  return {};
}

std::uint16_t UdpEntry::port() const noexcept {
  return port_of(router::local_address(has_socket() ? descriptor() : sockets_.receive.get()));
}

// ---- life -----------------------------------------------------------------------------------------------------------

void UdpEntry::start(std::vector<vscp::Event> heartbeats) {
  heartbeats_ = std::move(heartbeats);
  begin(sockets_.receive.release());
  if (!heartbeats_.empty()) announce();
}

void UdpEntry::drain() noexcept {
  stop_receiving();
  for (auto& peer : peers_) peer->stop_receiving();
}

void UdpEntry::leave(std::uint64_t patience_ns) noexcept {
  drain();
  leaving_ = true;
  leave_until_ns_ = worker().now_ns() + patience_ns;
  on_clock(worker().now_ns());
}

bool UdpEntry::has_waiting() noexcept {
  const auto waits = [](auto& port) { return port.figures().waiting > 0 || port.has_unconfirmed(); };
  return waits(*this) || std::ranges::any_of(peers_, [&](auto& peer) { return waits(*peer); });
}

void UdpEntry::finish() noexcept {
  if (std::exchange(finished_, true)) return;
  worker().timers().stop(clock_);
  stop();
  for (auto& peer : peers_) peer->abort();
  sender_->finish();
}

void UdpEntry::on_sender_over() noexcept {
  MessagePort::abort();
}

void UdpEntry::on_clock(std::uint64_t now_ns) noexcept {
  if (std::exchange(receive_pauses_, false)) receive_again();
  if (leaving_) {
    if (now_ns >= leave_until_ns_ || !has_waiting()) {
      finish();
    } else {
      worker().timers().start(clock_, now_ns + kLookNs);
    }
    return;
  }
  if (!heartbeats_.empty() && now_ns >= beat_at_ns_) announce();
  if (!heartbeats_.empty()) worker().timers().start(clock_, beat_at_ns_);
}

void UdpEntry::announce() noexcept {
  own_host_ = find_own_host(sockets_.target, sender_->descriptor());
  router::stamp_heartbeats(heartbeats_, worker().utc_ns());
  for (const vscp::Event& event : heartbeats_) send_event(event);
  beat_at_ns_ = worker().now_ns() + config_->group->announce_interval_s * kSecondNs;
  worker().timers().start(clock_, beat_at_ns_);
}

// ---- in -------------------------------------------------------------------------------------------------------------

UdpPeer* UdpEntry::find_peer(const Host& host, std::uint16_t port) noexcept {
  const auto [first, last] = std::ranges::equal_range(sources_, host, {}, &Source::host);
  if (first == last) return nullptr;
  const auto exact = std::find_if(first, last, [&](const Source& source) { return source.port == port; });
  return (exact != last ? exact : first)->peer;
}

bool UdpEntry::is_own(const Host& host, std::uint16_t port) const noexcept {
  return config_->group && port == sockets_.own_port && own_host_ && host == *own_host_;
}

Lane* UdpEntry::find_lane(const sockaddr_storage& from, Refusal& why) noexcept {
  const Host host = router::PeerAddress(from).host();
  const std::uint16_t port = port_of(from);
  if (UdpPeer* peer = find_peer(host, port); peer != nullptr) return peer;
  why = Refusal::kNotAllowed;
  if (std::ranges::none_of(config_->allow, [&](const Network& network) { return network.contains(host); }))
    return nullptr;
  why = Refusal::kOwn;
  if (is_own(host, port)) return nullptr;
  why = Refusal::kRateLimited;
  if (!is_again_ && !rates_->take(host, worker().now_ns())) return nullptr;
  return this;
}

bool UdpEntry::on_message(const router::Message& message) noexcept {
  const sockaddr_storage from = router::address_of(message);
  Refusal why = Refusal::kNotAllowed;
  Lane* lane = find_lane(from, why);
  is_again_ = false;
  if (lane == nullptr) {
    lane_figures().refuse(why);
    return true;
  }
  if (message.truncated) {
    lane->lane_figures().refuse(Refusal::kOversized);
    return true;
  }
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(message.payload.data());
  is_again_ = !lane->take({bytes, message.payload.size()}, from);
  return !is_again_;
}

// Of a socket that is not connected nothing ends by what a peer does; what the system says now may be over soon.
void UdpEntry::on_receive_error(int error) noexcept {
  ++receive_errors_;
  router::logf(router::LogLevel::kWarn, router::LogKind::kResource, "%s: receiving failed with error %d",
               name().c_str(), error);
  receive_pauses_ = true;
  worker().timers().start(clock_, worker().now_ns() + kErrorPauseNs);
}

// ---- for operators --------------------------------------------------------------------------------------------------

EntryStatus UdpEntry::status() noexcept {
  EntryStatus out;
  out.lanes.push_back({&config(), figures(), lane_figures(), waits_for_confirmation()});
  for (auto& peer : peers_) {
    out.lanes.push_back({&peer->config(), peer->figures(), peer->lane_figures(), peer->waits_for_confirmation()});
  }
  if (sender_) out.sending = sender_->figures();
  if (has_socket()) out.kernel_dropped = kernel_drops(descriptor());
  out.receive_errors = receive_errors_;
  return out;
}

}  // namespace drivers::udp
