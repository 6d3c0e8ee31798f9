// One io_uring with its receive buffers and its table of sockets. A worker has one, and further ones when the tables of the
// earlier ones are full (uring_ring.cpp). Internal to router/io.
//
// Thread rule: open() by the thread that makes it, everything else by the worker. Ownership: sockets in the table are the lane's.
#pragma once

#include <liburing.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "router/io/ring.h"
#include "router/io/socket_table.h"
#include "router/io/uring_buffers.h"

namespace router {

struct UringLaneSettings {
  std::uint32_t entries = 4096;
  std::uint32_t buffer_count = 64;
  std::uint32_t buffer_bytes = 65'536;
  std::uint32_t buffer_first = 0;  ///< id of the first buffer: ids are unique among the lanes of a worker
  std::uint32_t table_slots = 0;   ///< 0 = no table
  int wake_fd = -1;                ///< a side lane's: an eventfd that the worker's main lane looks at
};

/// A socket as the kernel knows it.
struct LaneFile {
  int number = -1;     ///< descriptor of the process or slot of the table
  bool fixed = false;  ///< a slot
};

class UringLane {
 public:
  UringLane() = default;
  ~UringLane();
  UringLane(const UringLane&) = delete;
  UringLane& operator=(const UringLane&) = delete;

  /// A side lane is made on its worker's thread, the main one on any. 0 or -errno.
  int open(const UringLaneSettings& settings) noexcept;

  // Operations; `tag` comes back as the completion's user_data. 0: no completion unless it fails, and nobody looks at it.
  void accept(LaneFile file, std::uint64_t tag) noexcept;
  void connect(LaneFile file, const sockaddr_storage& address, std::uint64_t tag) noexcept;
  void receive(LaneFile file, std::uint64_t tag) noexcept;
  /// Messages (router/io/message.h), into buffers of their own, which open_messages() has made.
  void receive_messages(LaneFile file, std::uint64_t tag) noexcept;
  void send(LaneFile file, std::span<const iovec> ranges, std::uint64_t tag) noexcept;
  void send_to(LaneFile file, std::span<const iovec> ranges, const sockaddr_storage& address, std::uint64_t tag) noexcept;
  /// Takes the count of an eventfd, as soon as it is not 0.
  void wait_event(LaneFile file, std::uint64_t tag) noexcept;
  void poll(LaneFile file, unsigned events, bool multishot, std::uint64_t tag) noexcept;
  void cancel(std::uint64_t tag) noexcept;
  void close(LaneFile file) noexcept;
  void shutdown(LaneFile file, std::uint64_t tag) noexcept;
  /// Moves the socket into the table and closes the descriptor. Only if has_room().
  std::uint32_t move_in(int descriptor) noexcept;
  bool has_room() const noexcept { return table_ != nullptr && table_->has_room(); }
  SocketTable& table() noexcept { return *table_; }

  /// Hands over what was started and takes what has completed; sleeps for at most `timeout_ns` if nothing has.
  void enter(std::uint64_t timeout_ns) noexcept;
  /// A side lane: something was started, or has happened.
  bool wants_to_enter() const noexcept;
  bool has_completions() const noexcept { return io_uring_cq_ready(&ring_) > 0; }
  /// A side lane: work that comes from now on ends the sleep of the main one, or no longer does.
  void set_waking(bool on) noexcept { io_uring_cq_eventfd_toggle(&ring_, on); }
  /// The oldest completion, taken out; false if there is none.
  bool take(io_uring_cqe& out) noexcept;

  /// Buffers for messages, with ids from `first` on. 0 or -errno.
  int open_messages(std::uint32_t count, std::uint32_t bytes, std::uint32_t first) noexcept;
  bool has_messages() const noexcept { return messages_in_.is_open(); }

  UringBuffers& buffers_of(std::uint32_t id) noexcept { return buffers_.has(id) ? buffers_ : messages_in_; }
  /// Those of streams.
  const UringBuffers& buffers() const noexcept { return buffers_; }

 private:
  io_uring_sqe* next_sqe() noexcept;
  static void finish(io_uring_sqe* sqe, LaneFile file, std::uint64_t tag) noexcept;
  static void finish_silent(io_uring_sqe* sqe) noexcept;
  msghdr& next_message(std::span<const iovec> ranges) noexcept;
  void enable() noexcept;
  void submit() noexcept;
  void reuse_arguments() noexcept;

  io_uring ring_{};
  bool open_ = false;
  bool enabled_ = false;
  UringLaneSettings settings_;
  UringBuffers buffers_;
  UringBuffers messages_in_;
  std::uint64_t event_count_ = 0;  ///< nobody reads it
  std::unique_ptr<SocketTable> table_;
  // Arguments of this turn's sendmsg calls; the kernel has copied them when the submission returns.
  void* arguments_ = nullptr;
  std::span<msghdr> messages_;
  std::span<iovec> ranges_;
  std::size_t messages_used_ = 0;
  std::size_t ranges_used_ = 0;
};

}  // namespace router
