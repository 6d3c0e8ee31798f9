// Sends datagrams over one socket: some at a time, in order. What the socket does not take waits here and goes first
// when it does.
//
// Thread rule: one worker. Takes memory only when it is made. Ownership: the descriptor is its own.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "drivers/udp/datagram.h"
#include "router/base/fd.h"
#include "router/base/intrusive_list.h"
#include "router/core/timer_wheel.h"
#include "router/core/worker.h"

namespace drivers::udp {

struct SendFigures {
  std::uint64_t sent = 0;
  std::uint64_t failed = 0;  ///< the system refused them; lost
  std::uint64_t waited = 0;  ///< times the socket was full
  int last_error = 0;        ///< errno of the last one that failed
};

struct SendWaitTag;

/// Who wants to send and found no room.
class SendWaiter : public router::ListNode<SendWaitTag> {
 public:
  /// There is some. Once; it may not last.
  virtual void on_send_room() noexcept = 0;

 protected:
  ~SendWaiter() = default;
};

class DatagramSender final : private router::OpOwner, private router::Timer {
 public:
  class Owner {
   public:
    /// Everything has ended after finish().
    virtual void on_sender_over() noexcept = 0;

   protected:
    ~Owner() = default;
  };
  using Buffer = std::span<std::uint8_t, kDatagramMax>;

  DatagramSender(router::Worker& worker, Owner& owner, router::UniqueFd socket);
  ~DatagramSender() override;
  DatagramSender(const DatagramSender&) = delete;
  DatagramSender& operator=(const DatagramSender&) = delete;

  bool has_room() const noexcept { return !full_ && !finishing_ && used_ < slots_.size(); }
  /// Where the next datagram is to be written. REQUIRES: has_room().
  Buffer buffer() noexcept { return slots_[(first_ + used_) % kSlots].bytes; }
  /// Sends `size` bytes of buffer().
  void send(std::size_t size, const sockaddr_storage& to) noexcept;
  /// Tells the waiter when there is room. REQUIRES: !has_room().
  void wait(SendWaiter& waiter) noexcept;
  int descriptor() const noexcept { return socket_; }
  const SendFigures& figures() const noexcept { return figures_; }

  /// Sends nothing more; what is under way ends, then Owner::on_sender_over() is called, at once if nothing is.
  void finish() noexcept;

 private:
  static constexpr std::size_t kSlots = 64;
  enum class State : std::uint8_t { kSending, kWaiting, kDone };
  struct Slot {
    sockaddr_storage to{};
    std::uint16_t size = 0;
    State state = State::kDone;
    std::array<std::uint8_t, kDatagramMax> bytes;  ///< indeterminate beyond size
  };

  void on_completion(const router::Completion& completion) noexcept override;
  void on_timer(std::uint64_t now_ns) noexcept override;
  void on_sent(int result) noexcept;
  void start(Slot& slot) noexcept;
  void send_waiting() noexcept;
  void wait_for_room() noexcept;
  void go_on() noexcept;

  router::Worker* worker_;
  Owner* owner_;
  router::Socket socket_;
  router::IntrusiveList<SendWaiter, SendWaitTag> waiting_;
  std::vector<Slot> slots_;  ///< a ring: `used_` of them from first_ on
  std::size_t first_ = 0;
  std::size_t used_ = 0;
  std::size_t next_done_ = 0;  ///< of those in use, the first that may be in flight
  std::size_t in_flight_ = 0;
  bool full_ = false;  ///< some wait for the socket
  bool polling_ = false;
  bool no_memory_ = false;  ///< the device's queue was full, which no poll tells
  bool finishing_ = false;
  SendFigures figures_;
};

}  // namespace drivers::udp
