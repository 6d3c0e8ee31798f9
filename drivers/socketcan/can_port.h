// One CAN interface on its worker: frames from the bus become events, events become frames, in the order of a
// TransmitQueue.
//
// The socket comes from the thread that watches interfaces (link_watch.h) and goes back to it. Without one, or while
// the interface is down or bus-off, frames wait in the queue.
//
// Thread rule: open() and the end by the supervisor while no worker runs; everything else on its worker. Ownership: the
// driver's; it outlives the worker's thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "drivers/socketcan/bus_monitor.h"
#include "drivers/socketcan/can_socket.h"
#include "drivers/socketcan/link_watch.h"
#include "drivers/socketcan/socketcan_config.h"
#include "drivers/socketcan/transmit_queue.h"
#include "router/core/message_port.h"
#include "router/core/timer_wheel.h"

namespace drivers::socketcan {

struct CanFigures {
  std::uint64_t frames_in = 0;   ///< that became events
  std::uint64_t frames_out = 0;  ///< that the kernel took
  std::uint64_t not_vscp = 0;    ///< 11-bit and remote frames
  std::uint64_t malformed = 0;   ///< messages that are no frames
  std::uint64_t not_level1 = 0;  ///< events that CAN cannot carry: class, type or data
  std::uint64_t foreign = 0;     ///< events for another destination interface
  std::uint64_t refused = 0;     ///< frames that the kernel would not take
};

/// One row for operators.
struct CanStatus {
  std::string device;
  std::string state;
  std::string bus;
  CanFigures figures;
  BusFigures bus_figures;
  std::uint64_t lost_in = 0;  ///< frames that the socket's buffer had no room for
  std::uint64_t waiting = 0;
  std::uint64_t dropped = 0;
  std::uint64_t expired = 0;
  std::uint32_t bit_rate = 0;
  std::string problem;
};

class CanPort final : public router::MessagePort, private router::Timer {
 public:
  /// `segments`: GUIDs of all CAN interfaces, complete before workers run.
  CanPort(router::Router& router, router::Worker& worker, const CanConfig& config, std::size_t entry,
          const std::vector<vscp::Guid>& segments, LinkKeeper& keeper, FrameSender& sender);

  const CanConfig& config() const noexcept { return config_; }
  CanStatus status();

  void on_link(const LinkNews& news) noexcept;
  void on_restarted(int error) noexcept;
  /// Nothing new from the bus is taken in; what has come still is.
  void stop_receiving() noexcept;
  /// Sends what waits, for at most so long, and ends.
  void leave(std::uint64_t patience_ns) noexcept;
  void abort() noexcept override;

 private:
  enum class Sending : std::uint8_t { kReady, kWaitsWritable, kWaitsTime };

  // MessagePort, Timer.
  bool on_message(const router::Message& message) noexcept override;
  void on_receive_error(int error) noexcept override;
  void on_sent(int) noexcept override {}  // frames are not sent by the ring
  void on_writable() noexcept override;
  void on_closed() noexcept override {}
  void close_descriptor(int descriptor) noexcept override { keeper_->give_back(entry_, descriptor); }
  void on_outgoing() noexcept override;
  void on_timer(std::uint64_t now_ns) noexcept override;

  bool take_in(const vscp::CanFrame& frame, const MessageNotes& notes) noexcept;
  void note_lost(std::uint32_t count) noexcept;
  void plan_telling() noexcept;

  // Out.
  /// Takes at most so many events into the queue; returns how many.
  std::uint32_t move_out(std::uint32_t most) noexcept;
  void send_waiting(std::uint32_t most) noexcept;
  void on_send_error(int error) noexcept;
  bool tells_of_segment(const vscp::Event& event) const noexcept;
  bool may_send() const noexcept;
  std::uint32_t now_ms() noexcept;

  // Life.
  void take_socket(int socket) noexcept;
  void lose_socket() noexcept;
  void review_bus() noexcept;
  void plan_restart(std::uint64_t now_ns) noexcept;
  void tell() noexcept;
  void arm() noexcept;
  void finish() noexcept;
  std::string state_text() const;

  static constexpr std::uint64_t kNever = ~std::uint64_t{0};

  CanConfig config_;
  std::size_t entry_;
  const std::vector<vscp::Guid>* segments_;
  LinkKeeper* keeper_;
  FrameSender* sender_;
  TransmitQueue queue_;
  BusMonitor monitor_;
  CanFigures figures_;
  LinkInfo link_;
  std::string problem_;

  bool may_receive_ = true;  ///< until the process stops
  bool leaving_ = false;
  bool ended_ = false;
  Sending sending_ = Sending::kReady;
  std::uint64_t send_pause_ns_ = 0;
  LossCount lost_in_;

  bool bus_off_ = false;
  bool restart_asked_ = false;    ///< of the keeper, or of the operator
  bool restart_refused_ = false;  ///< we may not
  std::uint32_t restarts_in_row_ = 0;
  std::uint64_t last_restart_ns_ = 0;

  // When something is to be done; kNever: nothing.
  std::uint64_t receive_due_ns_ = kNever;
  std::uint64_t send_due_ns_ = kNever;
  std::uint64_t restart_due_ns_ = kNever;
  std::uint64_t tell_due_ns_ = kNever;
  std::uint64_t leave_due_ns_ = kNever;
  std::uint64_t leave_until_ns_ = 0;
};

}  // namespace drivers::socketcan
