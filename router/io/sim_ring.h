// The Ring on a simulated network (sim_net.h): the contract of ring.h with every liberty that it leaves taken at
// random, from the network's seeded generator: pieces of any size, short sends, full sockets, no receive buffer,
// multishot operations that end, completions that come late and in another order (never within one stream), cancels
// that win or lose.
//
// What it checks (assertions): one operation of a kind per owner; bytes lent to a send stay unchanged until its
// completion; a socket is closed only when no operation is on it; a buffer is released once, and its bytes are
// overwritten then; nobody completes inside a start_* call.
//
// Thread rule: one thread, wake() included.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "router/io/ring.h"
#include "router/io/sim_net.h"

namespace router {

class SimRing;

/// What runs while a ring sleeps: returns when the ring is_ready(), the time has come, or (a spurious end of sleep,
/// which callers must stand) earlier.
class SimSleeper {
 public:
  virtual void sleep(SimRing& ring, std::uint64_t deadline_ns) noexcept = 0;

 protected:
  ~SimSleeper() = default;
};

struct SimRingSettings {
  std::uint32_t buffer_count = 16;
  std::uint32_t buffer_bytes = 4096;
};

class SimRing final : public Ring {
 public:
  /// `sleeper` may be null: then a sleep moves the clock to the next thing that happens on this ring.
  SimRing(SimNet& net, const SimRingSettings& settings, SimSleeper* sleeper);
  SimRing(const SimRing&) = delete;
  SimRing& operator=(const SimRing&) = delete;

  Socket adopt(int descriptor) noexcept override;
  Socket open_socket(int) noexcept override { return net_->open(); }
  void start_connect(Socket socket, const sockaddr_storage& address, OpOwner& owner) noexcept override;
  void start_accept(Socket listener, OpOwner& owner) noexcept override;
  void start_recv(Socket socket, OpOwner& owner) noexcept override;
  void start_send(Socket socket, std::span<const iovec> ranges, OpOwner& owner) noexcept override;
  // No such sockets here: whoever needs one is tested with the kernel.
  void start_recv_messages(Socket socket, OpOwner& owner) noexcept override;
  void start_send_to(Socket socket, std::span<const iovec> ranges, const sockaddr_storage& address,
                     OpOwner& owner) noexcept override;
  void start_wait_event(int descriptor, OpOwner& owner) noexcept override;
  void start_wait_writable(Socket socket, OpOwner& owner) noexcept override;
  void cancel(Socket socket, OpOwner& owner, OpKind kind) noexcept override;
  void shutdown_send(Socket socket) noexcept override { net_->shutdown_send(socket); }
  void close(Socket socket) noexcept override;
  void release_buffer(std::uint16_t buffer_id) noexcept override;
  std::uint32_t buffers_free() const noexcept override { return buffers_announced_; }
  std::uint32_t buffers_max() const noexcept override { return settings_.buffer_count; }
  bool can_receive(Socket) const noexcept override { return buffers_announced_ > 0; }
  bool are_buffers_scarce(Socket) const noexcept override { return buffers_announced_ * 4 < settings_.buffer_count; }
  void submit_and_wait(std::uint64_t timeout_ns) noexcept override;
  std::uint32_t reap(std::uint32_t limit) noexcept override;
  void wake() noexcept override { wake_pending_ = true; }

  // For the simulation.
  /// What the kernel does meanwhile: completes some of what can complete now.
  void progress() noexcept;
  /// A sleep would end.
  bool is_ready() const noexcept { return wake_pending_ || !completions_.empty(); }
  bool is_wake_pending() const noexcept { return wake_pending_; }
  /// When progress() can next do something, UINT64_MAX if never by itself.
  std::uint64_t next_progress_ns() const noexcept;
  std::size_t operation_count() const noexcept { return operations_.size(); }
  bool has_operation(const OpOwner& owner) const noexcept;
  std::uint64_t completion_count() const noexcept { return completions_seen_; }

 private:
  enum class BufferState : std::uint8_t { kReleased, kWithKernel, kFilled, kLent };
  struct Operation {
    OpOwner* owner = nullptr;
    OpKind kind = OpKind::kRecv;
    Socket socket = -1;
    bool submitted = false;
    bool cancelled = false;
    bool over = false;
    std::uint64_t ready_ns = 0;
    std::uint64_t hash = 0;
    std::vector<iovec> ranges;
    const sockaddr_storage* address = nullptr;
  };
  struct Queued {
    OpOwner* owner = nullptr;
    Completion completion;
  };
  static constexpr std::uint16_t kNoBuffer = 0xffff;

  Operation& start(OpKind kind, Socket socket, OpOwner& owner) noexcept;
  void submit() noexcept;
  void sleep(std::uint64_t deadline_ns) noexcept;
  void try_complete(Operation& operation) noexcept;
  bool can_complete(const Operation& operation) const noexcept;
  void complete(Operation& operation, int result, bool more, std::uint16_t buffer_id = kNoBuffer) noexcept;
  void complete_accept(Operation& operation) noexcept;
  void complete_connect(Operation& operation) noexcept;
  void complete_recv(Operation& operation) noexcept;
  void complete_send(Operation& operation) noexcept;
  std::uint64_t some_delay() noexcept;
  char* memory_of(std::uint16_t buffer_id) noexcept {
    return memory_.data() + std::size_t{buffer_id} * settings_.buffer_bytes;
  }

  SimNet* net_;
  SimRingSettings settings_;
  SimSleeper* sleeper_;
  std::vector<char> memory_;
  std::vector<BufferState> buffers_;
  std::vector<std::uint16_t> buffers_free_;  ///< with the kernel
  std::uint32_t buffers_announced_;          ///< as far as the worker knows
  std::vector<Operation> operations_;        ///< in the order of their start
  std::deque<Queued> completions_;
  bool wake_pending_ = false;
  std::uint64_t completions_seen_ = 0;
};

}  // namespace router
