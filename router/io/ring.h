// One worker's window on the outside: sockets, time to sleep, wake-ups. Production uses io_uring (uring_ring.h), tests a
// seeded simulation (sim_ring.h), so that the same worker code runs on both.
//
// Thread rule: everything but wake() belongs to the worker's thread.
//
// Life of an operation: a start_* call names an owner and a kind; the owner's on_completion() is called from reap() for every
// completion. `more` false ends the operation. An owner must stay alive until every operation it started has ended.
// Nothing calls an owner from inside a start_* call.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "protocol/errc.h"

namespace router {

/// A socket as the ring knows it: a descriptor of the process, or what adopt() gave for one. Negative is none.
using Socket = int;

/// What an owner can have in flight; one of each per owner at a time, but for sends of messages. Fits in the 3 low bits of an owner's address.
enum class OpKind : std::uint8_t { kAccept = 0, kRecv = 1, kSend = 2, kWritable = 3, kConnect = 4, kEvent = 5 };

struct Completion {
  OpKind kind = OpKind::kRecv;
  bool more = false;            ///< the operation goes on and will complete again
  bool has_buffer = false;      ///< `bytes` lies in the receive buffer `buffer_id`, which the receiver must release
  std::uint16_t buffer_id = 0;
  int result = 0;               ///< bytes, a new socket, 0 of a connect, or -errno
  std::span<const char> bytes;  ///< received bytes, valid until release_buffer(buffer_id)
};

/// Whoever starts operations. Alignment leaves room for the OpKind in its address.
class alignas(8) OpOwner {
 public:
  virtual void on_completion(const Completion& completion) noexcept = 0;

 protected:
  ~OpOwner() = default;
};

class Ring {
 public:
  virtual ~Ring() = default;

  /// Takes a connected socket over: what is returned stands for it in all other calls, until close(). The descriptor is the
  /// ring's from then on; the ring may keep the socket in a table of its own, where it does not count against the
  /// process's limit of open files. -EMFILE: no room; the descriptor stays the caller's. May take memory.
  virtual Socket adopt(int descriptor) noexcept = 0;

  /// A new stream socket for start_connect(), as if it had been adopted; -errno if there is none to be had.
  virtual Socket open_socket(int family) noexcept = 0;
  /// Connects a socket of open_socket(). Completes once: 0 or -errno. `address` must stay unchanged until then. How long it may take is
  /// the caller's business: a timer, and cancel(). A socket whose connect has failed is good for close() only.
  virtual void start_connect(Socket socket, const sockaddr_storage& address, OpOwner& owner) noexcept = 0;
  /// Completes once per new connection with its descriptor; -errno and `more` false ends it.
  virtual void start_accept(Socket listener, OpOwner& owner) noexcept = 0;
  /// Completes once per piece received, in order. 0 = end of stream. -ENOBUFS: no receive buffer was free; start it again
  /// after buffers have been released.
  virtual void start_recv(Socket socket, OpOwner& owner) noexcept = 0;
  /// Non-blocking send of the ranges, in order; the ranges' memory must stay unchanged until the completion; the span
  /// itself may go. Result: bytes taken (possibly fewer than asked for), -EAGAIN if the socket is full, or another -errno.
  virtual void start_send(Socket socket, std::span<const iovec> ranges, OpOwner& owner) noexcept = 0;

  // Sockets that carry messages (UDP, CAN) are descriptors of the process, and not adopted; several sends of one owner may be in flight there, and
  // complete in the order in which they were started. The simulated ring has none.
  /// Completes once per message; `bytes` is for split_message() (router/io/message.h). -ENOBUFS as above: 1024 buffers for all such sockets.
  virtual void start_recv_messages(Socket socket, OpOwner& owner) noexcept = 0;
  /// A send of one message to this IPv4 or IPv6 address, which must stay unchanged until the completion like the ranges' memory.
  virtual void start_send_to(Socket socket, std::span<const iovec> ranges, const sockaddr_storage& address,
                             OpOwner& owner) noexcept = 0;
  /// Completes once, when the eventfd (a blocking one, of this process) is not 0; its count is taken then.
  virtual void start_wait_event(int descriptor, OpOwner& owner) noexcept = 0;

  /// Completes once, when the socket takes bytes again or is broken.
  virtual void start_wait_writable(Socket socket, OpOwner& owner) noexcept = 0;
  /// Asks the owner's operation of this kind on the socket to end; its last completion still comes (-ECANCELED or its result).
  virtual void cancel(Socket socket, OpOwner& owner, OpKind kind) noexcept = 0;
  /// Says "no more bytes from us" to the peer.
  virtual void shutdown_send(Socket socket) noexcept = 0;
  /// Closes; every operation on the socket has ended before.
  virtual void close(Socket socket) noexcept = 0;

  virtual void release_buffer(std::uint16_t buffer_id) noexcept = 0;
  /// Receive buffers that are with the kernel, ready to be filled.
  virtual std::uint32_t buffers_free() const noexcept = 0;
  /// All that there can be at a time.
  virtual std::uint32_t buffers_max() const noexcept = 0;
  /// Whether one of them can take bytes of this socket.
  virtual bool can_receive(Socket socket) const noexcept = 0;
  /// Fewer than a quarter of those that this socket's bytes can go to: who keeps one keeps it from others.
  virtual bool are_buffers_scarce(Socket socket) const noexcept = 0;

  /// Hands started operations to the kernel and, if nothing has completed, sleeps until something does, wake() is
  /// called, or `timeout_ns` has passed (0: does not sleep; UINT64_MAX: no limit).
  virtual void submit_and_wait(std::uint64_t timeout_ns) noexcept = 0;
  /// Calls owners for at most `limit` completions; returns how many there were.
  virtual std::uint32_t reap(std::uint32_t limit) noexcept = 0;

  /// Any thread: ends a sleep in submit_and_wait, now or the next one.
  virtual void wake() noexcept = 0;
};

}  // namespace router
