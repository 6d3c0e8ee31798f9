// One far side: its channel in this router, its place in the fan-out, its connections, and what operators see of it.
//
// Events from there are published with the remote's channel, so that none goes back to where it came from. Events to
// there wait in the fan-out log like those of a slow reader while the far side is away, under the same limits; or in a
// spool (spool_writer.h), and then the remote is no reader of the log.
//
// Thread rule: open() and the end by the supervisor while no worker runs; everything else on its worker. Ownership: the
// driver's; it outlives the worker's thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "drivers/link_client/fanout_source.h"
#include "drivers/link_client/lane.h"
#include "drivers/link_client/link_client_config.h"
#include "protocol/wire_format.h"
#include "router/base/random.h"
#include "router/core/channel_owner.h"
#include "router/core/router.h"
#include "router/core/worker.h"
#include "router/io/tls_context.h"

namespace drivers::link_client {

struct RemoteFigures {
  std::uint64_t events_in = 0;   ///< published
  std::uint64_t events_out = 0;  ///< answered with +OK
  std::uint64_t duplicates = 0;  ///< had come before, over another way
  std::uint64_t echoes = 0;      ///< our own, sent back
  std::uint64_t filtered = 0;    ///< not let in by the in-filter
  std::uint64_t bad = 0;         ///< lines that are no events
  std::uint64_t refused = 0;     ///< answered with -OK
  std::uint64_t connects = 0;
};

/// One row for operators.
struct RemoteStatus {
  std::string name;
  std::string address;
  std::string state;
  std::uint64_t since_utc_ns = 0;
  RemoteFigures figures;
  std::uint64_t resent = 0;
  std::uint64_t queued = 0;
  std::uint64_t dropped = 0;
  std::string last_error;
  std::uint64_t last_error_utc_ns = 0;
};

class Remote final : public router::ChannelOwner, public router::Timer {
 public:
  Remote(router::Router& router, router::Worker& worker, const RemoteConfig& config, AddressSource& addresses,
         std::uint64_t seed);
  ~Remote() override;
  Remote(const Remote&) = delete;
  Remote& operator=(const Remote&) = delete;

  /// Before open(): what goes out comes from this source, which outlives the workers, and not from the fan-out.
  /// `channel` is that of the interface, of which the GUID comes back.
  vscp::Guid send_from(OutSource& source, std::uint32_t channel);
  /// Takes a channel and joins the fan-out, so that nothing is missed from here on. False: there is no channel left.
  bool open();
  /// Before start(), if the configuration wants TLS; later on the worker, for connections from then on.
  void set_tls(std::shared_ptr<router::TlsContext> context) { tls_ = std::move(context); }
  void start();
  /// Takes nothing more in, where another connection takes events out.
  void stop_receiving() noexcept;
  /// Takes nothing more in; what waits goes out for at most `patience_ns`, then the channel is released.
  void drain(std::uint64_t patience_ns);
  void abort() noexcept override;
  RemoteStatus status() noexcept;

  // For lanes and sessions.
  router::Worker& worker() noexcept { return *worker_; }
  const router::Worker& worker() const noexcept { return *worker_; }
  const RemoteConfig& config() const noexcept { return config_; }
  AddressSource& addresses() noexcept { return *addresses_; }
  router::Random& random() noexcept { return random_; }
  RemoteFigures& figures() noexcept { return figures_; }
  OutSource& source() noexcept { return *source_; }
  const vscp::Guid& guid() const noexcept { return guid_; }
  bool is_ending() const noexcept { return ending_; }
  const std::shared_ptr<router::TlsContext>& tls() const noexcept { return tls_; }
  /// Channel of our receiving connection over there, 0 if not known.
  std::uint32_t far_channel() const noexcept { return far_channel_; }
  /// False while the receiving connection is logged in but its channel not yet known: what we sent now would come back
  /// by it.
  bool may_send() noexcept;
  /// Of an event that came in: whether it is to be published. The event is completed as the router needs it.
  bool admit(vscp::Event& event, std::uint32_t own_channel) noexcept;
  /// An event line is about to go out: if it came from a driver, it is noted so that it is known when it comes back.
  void note_sent(std::string_view bytes) noexcept;

  void on_receiving(std::uint32_t far_channel) noexcept;
  void on_no_loop() noexcept;
  void on_sender_ready(bool is_ours) noexcept;
  void on_sender_gone() noexcept;
  void on_visit_over(std::uint64_t begun_ns) noexcept;
  void on_failure(Ending ending, std::string_view why) noexcept;
  void on_change() noexcept;
  void on_session_made(RemoteSession& session) noexcept;
  void on_session_gone(RemoteSession& session) noexcept;
  void on_all_sent() noexcept;
  /// source() may have more.
  void on_more() noexcept { on_events_waiting(); }
  std::uint32_t window(bool is_ours) const noexcept;
  /// Of what source() gives.
  vscp::WireFormat format() const noexcept {
    return config_.binary ? vscp::WireFormat::kFrame : vscp::WireFormat::kLegacyLine;
  }

 private:
  // Reader, ChannelOwner, Timer.
  void on_events_waiting() noexcept override;
  void on_overrun() noexcept override;
  void on_behind() noexcept override;
  void take_rest_of_line(std::span<const char>) noexcept override {}
  bool has_caught_up() const noexcept override;
  std::uint64_t bytes_taken() const noexcept override { return figures_.events_out; }
  void on_hold_over(bool caught_up) noexcept override;
  void on_timer(std::uint64_t now_ns) noexcept override;

  Lane& receiver() noexcept { return lanes_[0]; }
  Lane& sender() noexcept { return lanes_[1]; }
  /// The session that sends, if there is one now.
  RemoteSession* sending_session() noexcept;
  std::string_view state_text() noexcept;
  void end(bool at_once) noexcept;
  void release_if_over() noexcept;
  void update_pace() noexcept;
  std::uint64_t waiting_events() noexcept;
  bool has_spool() const noexcept { return source_ != &fanout_source_; }
  /// What events that came in by it carry.
  std::uint32_t interface_channel() const noexcept { return has_spool() ? spool_channel_ : channel; }

  router::Router* router_;
  router::Worker* worker_;
  RemoteConfig config_;
  AddressSource* addresses_;
  std::shared_ptr<router::TlsContext> tls_;  ///< null: none
  router::SeededRandom random_;
  FanoutSource fanout_source_;
  OutSource* source_ = &fanout_source_;
  std::uint32_t spool_channel_ = router::kNoChannel;
  std::array<Lane, 2> lanes_;
  vscp::Guid guid_;
  RemoteFigures figures_;
  router::SlowConsumer policy_;
  std::uint32_t hold_ms_;
  std::uint32_t far_channel_ = 0;
  std::vector<RemoteSession*> sessions_;  ///< that live, closing ones included
  bool visits_ = false;                   ///< persistent, but the far side has no RCVLOOP: one connection does all
  bool sender_ready_ = false;
  bool ending_ = false;
  bool ended_ = false;
  bool holding_ = false;
  bool slow_ = false;  ///< had a hold in vain; gets none until it has caught up
  bool trusted_ = false;
  bool paced_ = false;
  std::uint64_t drain_from_ns_ = 0;
  std::uint64_t drain_until_ns_ = 0;
  std::string_view state_;
  std::uint64_t since_utc_ns_ = 0;
  std::string told_;  ///< the failure that is in the log since the far side was last there
  std::string last_error_;
  std::uint64_t last_error_utc_ns_ = 0;
};

}  // namespace drivers::link_client
