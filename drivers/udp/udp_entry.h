// One entry of "udp" on its worker: the socket (or the two of a multicast group), the lanes of its peers, and that of
// everybody else who is allowed.
//
// What comes is given to the peer with that address and port, else to the first peer with that address (many devices
// send from any port), else, if "allow" has it, to the entry's own lane. A group has only that one.
//
// Thread rule: open() by the supervisor; status() by tasks; everything else on its worker. The driver owns it; it
// outlives the worker's thread.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "drivers/udp/datagram_sender.h"
#include "drivers/udp/lane.h"
#include "drivers/udp/source_filter.h"
#include "drivers/udp/udp_config.h"
#include "drivers/udp/udp_sockets.h"
#include "router/core/message_port.h"

namespace drivers::udp {

/// As operators see a lane.
struct LaneStatus {
  const LaneConfig* config = nullptr;
  router::EventPortFigures port;
  LaneFigures lane;
  std::uint64_t unanswered_frames = 0;  ///< sent, and not confirmed yet
};

struct EntryStatus {
  std::vector<LaneStatus> lanes;  ///< the entry's own, then the peers'
  SendFigures sending;
  std::uint64_t kernel_dropped = 0;
  std::uint64_t receive_errors = 0;
};

class UdpPeer final : public LaneOf<router::EventPort> {
 public:
  using LaneOf::LaneOf;
  void abort() noexcept override {
    stop();
    if (is_open()) close();
  }

 private:
  // A datagram that could not be taken comes again from the entry.
  void on_may_take() noexcept override {}
};

class UdpEntry final : public LaneOf<router::MessagePort>, private DatagramSender::Owner {
 public:
  UdpEntry(router::Router& router, router::Worker& worker, const EntryConfig& config);
  ~UdpEntry() override;

  /// Opens the sockets and takes the channels. Empty, or what is wrong.
  std::string open_all();
  /// "127.0.0.1:33333", or the group.
  const std::string& address() const noexcept { return address_; }
  std::uint16_t port() const noexcept;

  /// `heartbeats`: what a group that announces sends.
  void start(std::vector<vscp::Event> heartbeats);
  /// Takes no more events in; confirmations still count.
  void drain() noexcept;
  /// What waits goes out, for at most `patience_ns`; then everything ends.
  void leave(std::uint64_t patience_ns) noexcept;
  void abort() noexcept override { finish(); }
  EntryStatus status() noexcept;
  const SendFigures& sending() const noexcept { return sender_->figures(); }

 private:
  struct Source {
    Host host{};
    std::uint16_t port = 0;
    UdpPeer* peer = nullptr;
  };
  struct Clock final : router::Timer {
    explicit Clock(UdpEntry& entry_of) noexcept : entry(&entry_of) {}
    void on_timer(std::uint64_t now_ns) noexcept override { entry->on_clock(now_ns); }
    UdpEntry* entry;
  };

  bool on_message(const router::Message& message) noexcept override;
  void on_receive_error(int error) noexcept override;
  void on_sent(int) noexcept override {}  // sends go through sender_
  void on_closed() noexcept override {}
  void on_sender_over() noexcept override;

  std::string open_peers();
  /// The lane for a sender; null: none, and why not.
  Lane* find_lane(const sockaddr_storage& from, Refusal& why) noexcept;
  UdpPeer* find_peer(const Host& host, std::uint16_t port) noexcept;
  bool is_own(const Host& host, std::uint16_t port) const noexcept;
  void announce() noexcept;
  void on_clock(std::uint64_t now_ns) noexcept;
  bool has_waiting() noexcept;
  void finish() noexcept;

  const EntryConfig* config_;
  router::Router* router_;
  std::vector<std::unique_ptr<UdpPeer>> peers_;
  std::vector<Source> sources_;  ///< by host, then by port
  std::optional<SourceRates> rates_;
  std::unique_ptr<DatagramSender> sender_;
  UdpSockets sockets_;
  std::string address_;
  std::optional<Host> own_host_;
  std::vector<vscp::Event> heartbeats_;
  Clock clock_;
  bool is_again_ = false;  ///< the next message was refused for lack of room, and has been counted
  bool leaving_ = false;
  bool finished_ = false;
  bool receive_pauses_ = false;
  std::uint64_t leave_until_ns_ = 0;
  std::uint64_t beat_at_ns_ = 0;
  std::uint64_t receive_errors_ = 0;
};

}  // namespace drivers::udp
