// An event port over one socket that carries messages (UDP, CAN): receives them, keeps those that cannot be taken in now, in order,
// and leaves the rest to the socket's own buffer; sends messages, several at a time, in order.
//
// Thread rule and ownership: as EventPort's. The descriptor is the port's from begin() on.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "router/core/event_port.h"
#include "router/core/timer_wheel.h"
#include "router/io/message.h"

namespace router {

class MessagePort : public EventPort, private OpOwner {
 public:
  MessagePort(Router& router, Worker& worker, const EventPortSettings& settings);
  ~MessagePort() override;

  /// Ends the socket, then the port. A derived class stops its own timers first.
  void abort() noexcept override;

 protected:
  bool has_socket() const noexcept { return descriptor_ >= 0; }
  int descriptor() const noexcept { return descriptor_; }
  /// Receives from now on. The descriptor is closed by the port. REQUIRES: !has_socket().
  void begin(int descriptor) noexcept;
  /// Stops; on_closed() is called when no operation is in flight any more. What was kept is forgotten.
  void end() noexcept;
  bool is_ending() const noexcept { return ending_; }

  /// A message came. False: acquire() gave nothing, the same message comes again later.
  virtual bool on_message(const Message& message) noexcept = 0;
  /// Receiving ended: an errno. receive_again(), or end().
  virtual void on_receive_error(int error) noexcept = 0;
  void receive_again() noexcept;
  /// A send is over: bytes, or -errno (-EAGAIN: the socket is full). In the order of the sends.
  virtual void on_sent(int result) noexcept = 0;
  /// The socket is closed; there may be another one.
  virtual void on_closed() noexcept = 0;
  /// Closes it, now or soon.
  virtual void close_descriptor(int descriptor) noexcept { worker().ring().close(descriptor); }
  /// Messages that came and have not been taken in.
  std::size_t kept() const noexcept { return held_.size() - held_first_; }

  /// on_writable() is called when the socket has room again, or is broken, or ends.
  void wait_writable() noexcept;
  virtual void on_writable() noexcept {}

  /// Both: the bytes (and the address) stay unchanged until on_sent().
  void send(std::span<const char> bytes) noexcept;
  void send_to(std::span<const char> bytes, const sockaddr_storage& address) noexcept;
  std::uint32_t sends_in_flight() const noexcept { return in_flight_; }

 private:
  struct Held {
    std::uint16_t buffer_id = 0;
    std::span<const char> bytes;
  };
  struct Retry final : Timer {
    explicit Retry(MessagePort& port_of) noexcept : port(&port_of) {}
    void on_timer(std::uint64_t) noexcept override { port->start_receiving(); }
    MessagePort* port;
  };

  void on_completion(const Completion& completion) noexcept final;
  void on_may_take() noexcept final;
  void on_received(const Completion& completion) noexcept;
  void start_receiving() noexcept;
  void hold(const Completion& completion) noexcept;
  void close_if_over() noexcept;

  int descriptor_ = -1;
  bool receiving_ = false;
  bool pausing_ = false;  ///< too much is kept: receiving was told to end
  bool ending_ = false;
  bool aborting_ = false;
  bool waiting_writable_ = false;
  std::uint32_t in_flight_ = 0;
  std::vector<Held> held_;       ///< from held_first_ on
  std::size_t held_first_ = 0;
  Retry retry_;
};

}  // namespace router
