// What exchanges events with a worker without being a stream session: a CAN interface, a datagram socket, a driver library.
// It has a channel, a GUID, a place in the fan-out for what goes out, and the worker's back-pressure for what comes in.
//
// In: acquire(), fill in the event, publish(). When acquire() gives nothing (other threads have no room, a reader holds the senders back,
// or this port has had its share of the turn), the port keeps what it has and on_may_take() is called in a later turn.
// Out: on_outgoing() is called at the end of a turn in which something came up; peek() and pop() take events from the log, where
// those wait that are not taken, under the port's limit; ask_outgoing() brings the call about when there is room again.
//
// Thread rule: open() and the end by the supervisor while no worker runs, figures() by tasks; everything else on its worker.
// Ownership: the driver's; it outlives the worker's thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/filter.h"
#include "router/base/intrusive_list.h"
#include "router/core/channel_owner.h"
#include "router/core/router.h"
#include "router/core/slow_consumer.h"
#include "router/core/worker.h"

namespace router {

struct EventPortSettings {
  std::string name;            ///< for the log, INTERFACE and operators: "can can0"
  std::uint32_t type = 0;      ///< of the interface, as INTERFACE lists it (vscp_tcpiplink.md)
  vscp::Guid guid;             ///< zero: the channel's
  bool send = true;            ///< takes events out
  vscp::Filter out_filter;     ///< of those
  QueueLimits queue;           ///< how many of them may wait; hold_producers_ms is not used: nobody waits for a port
};

struct EventPortFigures {
  std::uint64_t events_in = 0;   ///< published
  std::uint64_t events_out = 0;  ///< popped
  std::uint64_t waiting = 0;     ///< to go out
  std::uint64_t dropped = 0;     ///< by the limit of what may wait
};

class EventPort : public ChannelOwner, public ListNode<PortTakeTag>, public ListNode<PortOutTag> {
 public:
  EventPort(Router& router, Worker& worker, const EventPortSettings& settings);
  ~EventPort() override;
  EventPort(const EventPort&) = delete;
  EventPort& operator=(const EventPort&) = delete;

  /// Takes a channel, becomes an interface with its GUID, and joins the fan-out. False: there is no channel left.
  bool open();
  /// Gives the channel and its place up, when the port has no operation in flight any more: the last thing that it does on its
  /// worker. What waits is forgotten.
  void close() noexcept;
  bool is_open() const noexcept { return channel != kNoChannel; }

  Worker& worker() noexcept { return *worker_; }
  const vscp::Guid& guid() const noexcept { return guid_; }
  const std::string& name() const noexcept { return settings_.name; }
  EventPortFigures figures() noexcept;

 protected:
  /// Null: not now; on_may_take() will be called. What is acquired must be published or given back.
  EventBuf* acquire() noexcept;
  /// Takes the buffer over. The event's obid becomes the port's channel, a zero GUID its GUID. An event of the classes 512-1023 goes to the
  /// interface that its first 16 bytes name, if there is one.
  void publish(EventBuf* event) noexcept;
  void give_back(EventBuf* event) noexcept { worker_->pool().give_back(event); }
  /// Something that was kept may be taken in now, with acquire(). Once per turn at most.
  virtual void on_may_take() noexcept = 0;
  /// Calls on_may_take() in the next turn in which that is possible.
  void ask_to_take() noexcept { worker_->mark_taking(*this); }

  /// Events wait, or ask_outgoing() was called.
  virtual void on_outgoing() noexcept = 0;
  void ask_outgoing() noexcept { worker_->mark_outgoing(*this); }
  /// The next event as a frame of type 1 (protocol/frame.h), valid until the next call on the fan-out; empty: there is none.
  std::span<const std::uint8_t> peek_frame() noexcept;
  /// The same, decoded. obid is 0.
  bool peek(vscp::Event& event) noexcept;
  void pop() noexcept;

 private:
  friend class Worker;
  // Reader, ChannelOwner.
  void on_events_waiting() noexcept override { ask_outgoing(); }
  void on_overrun() noexcept override;
  void on_behind() noexcept override {}
  void take_rest_of_line(std::span<const char>) noexcept override {}
  bool has_caught_up() const noexcept override { return true; }
  std::uint64_t bytes_taken() const noexcept override { return events_out_; }
  void on_hold_over(bool) noexcept override {}

  Router* router_;
  Worker* worker_;
  EventPortSettings settings_;
  SlowConsumer policy_;
  vscp::Guid guid_;
  std::uint64_t events_in_ = 0;
  std::uint64_t events_out_ = 0;
  std::uint64_t share_turn_ = 0;  ///< the worker's turn in which share_left_ holds
  std::size_t share_left_ = 0;    ///< bytes that may still be taken in it
};

}  // namespace router
