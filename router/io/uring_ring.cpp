#include "router/io/uring_ring.h"

#include <liburing.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <thread>
#include <vector>

#include "router/base/check.h"
#include "router/base/fd.h"
#include "router/base/log.h"
#include "router/io/message.h"
#include "router/io/open_files.h"
#include "router/io/socket.h"
#include "router/io/uring_lane.h"

namespace router {
namespace {

constexpr std::uint64_t kKindMask = 7;

// Tags that are no owner: addresses of the process have a clear top bit.
constexpr std::uint64_t kOurs = std::uint64_t{1} << 63U;
constexpr std::uint64_t kWakeTag = kOurs;
constexpr std::uint64_t kShutdownTag = kOurs | std::uint64_t{1} << 62U;  // + slot

// A socket in a table: this bit, the lane, the slot. Descriptors are smaller (open_files.cpp).
constexpr unsigned kSlotBits = 20;
constexpr Socket kInTable = 1 << 30;
constexpr std::uint32_t kSlotsMax = 65'536;
constexpr std::size_t kLanesMax = 256;
constexpr std::uint32_t kMessageBuffers = 1024;
constexpr std::uint32_t kMessageFirst = 65'536 - kMessageBuffers;
constexpr std::uint32_t kBufferIds = kMessageFirst;  // of streams

class UringRing final : public Ring {
 public:
  UringRing() = default;
  ~UringRing() override = default;
  UringRing(const UringRing&) = delete;
  UringRing& operator=(const UringRing&) = delete;

  std::string open(const UringSettings& settings);

  Socket adopt(int descriptor) noexcept override;
  Socket open_socket(int family) noexcept override;
  void start_connect(Socket socket, const sockaddr_storage& address, OpOwner& owner) noexcept override {
    lane_of(socket).connect(file_of(socket), address, tag_of(owner, OpKind::kConnect));
  }
  void start_accept(Socket listener, OpOwner& owner) noexcept override {
    lane_of(listener).accept(file_of(listener), tag_of(owner, OpKind::kAccept));
  }
  void start_recv(Socket socket, OpOwner& owner) noexcept override {
    lane_of(socket).receive(file_of(socket), tag_of(owner, OpKind::kRecv));
  }
  void start_send(Socket socket, std::span<const iovec> ranges, OpOwner& owner) noexcept override {
    lane_of(socket).send(file_of(socket), ranges, tag_of(owner, OpKind::kSend));
  }
  void start_recv_messages(Socket socket, OpOwner& owner) noexcept override;
  void start_send_to(Socket socket, std::span<const iovec> ranges, const sockaddr_storage& address,
                     OpOwner& owner) noexcept override {
    lane_of(socket).send_to(file_of(socket), ranges, address, tag_of(owner, OpKind::kSend));
  }
  void start_wait_event(int descriptor, OpOwner& owner) noexcept override {
    main().wait_event({.number = descriptor}, tag_of(owner, OpKind::kEvent));
  }
  void start_wait_writable(Socket socket, OpOwner& owner) noexcept override {
    lane_of(socket).poll(file_of(socket), POLLOUT, false, tag_of(owner, OpKind::kWritable));
  }
  void cancel(Socket socket, OpOwner& owner, OpKind kind) noexcept override {
    lane_of(socket).cancel(tag_of(owner, kind));
  }
  void shutdown_send(Socket socket) noexcept override;
  void close(Socket socket) noexcept override;
  void release_buffer(std::uint16_t buffer_id) noexcept override {
    lane_of_buffer(buffer_id).buffers_of(buffer_id).release(buffer_id);
  }
  std::uint32_t buffers_free() const noexcept override;
  std::uint32_t buffers_max() const noexcept override;
  bool can_receive(Socket socket) const noexcept override { return lane_of(socket).buffers().free_count() > 0; }
  bool are_buffers_scarce(Socket socket) const noexcept override { return lane_of(socket).buffers().are_scarce(); }
  void submit_and_wait(std::uint64_t timeout_ns) noexcept override;
  std::uint32_t reap(std::uint32_t limit) noexcept override;
  void wake() noexcept override;

 private:
  static bool is_in_table(Socket socket) noexcept { return socket >= kInTable; }
  static LaneFile file_of(Socket socket) noexcept {
    if (!is_in_table(socket)) return {.number = socket, .fixed = false};
    return {.number = socket & ((1 << kSlotBits) - 1), .fixed = true};
  }
  UringLane& lane_of(Socket socket) const noexcept {
    return *lanes_[is_in_table(socket) ? static_cast<std::size_t>((socket - kInTable) >> kSlotBits) : 0];
  }
  UringLane& lane_of_buffer(std::uint32_t id) const noexcept {
    if (id >= kMessageFirst) return *lanes_.front();
    return *lanes_[id < settings_.buffer_count ? 0 : 1 + (id - settings_.buffer_count) / settings_.side_buffer_count];
  }
  static std::uint64_t tag_of(OpOwner& owner, OpKind kind) noexcept {
    return reinterpret_cast<std::uintptr_t>(&owner) | static_cast<std::uint64_t>(kind);
  }
  UringLane& main() noexcept { return *lanes_.front(); }
  bool add_lane() noexcept;
  void arm_wake() noexcept;
  bool enter_side_lanes() noexcept;
  bool set_waking(bool on) noexcept;
  std::uint32_t reap_lane(std::size_t index, std::uint32_t limit) noexcept;
  void dispatch(UringLane& lane, const io_uring_cqe& cqe) noexcept;
  void on_own_completion(UringLane& lane, const io_uring_cqe& cqe) noexcept;

  UringSettings settings_;
  std::vector<std::unique_ptr<UringLane>> lanes_;  ///< the main one first
  std::size_t lanes_max_ = 1;
  std::size_t reap_first_ = 0;  ///< the lane whose turn it is to be reaped first
  bool wake_armed_ = false;
  UniqueFd wake_fd_;
  int descriptors_max_ = 0;  ///< sockets beyond this one are in the reserve
};

std::string explain_setup_error(int error_number) {
  if (error_number == ENOSYS) {
    return "this kernel has no io_uring; Linux 6.1 or newer is needed";
  }
  if (error_number == EINVAL) return "this kernel's io_uring is too old; Linux 6.1 or newer is needed";
  if (error_number == EPERM || error_number == EACCES) {
    std::ifstream file("/proc/sys/kernel/io_uring_disabled");
    int disabled = 0;
    if (file >> disabled && disabled != 0) {
      return "io_uring is switched off by the system: set it on with `sysctl kernel.io_uring_disabled=0`";
    }
    return "io_uring is refused (in a container, its seccomp profile does that: run it with a profile that allows "
           "io_uring_setup, io_uring_enter and io_uring_register, for Docker `--security-opt seccomp=unconfined`)";
  }
  if (error_number == ENOMEM) {
    rlimit limit{};
    getrlimit(RLIMIT_MEMLOCK, &limit);
    return "io_uring cannot lock its memory (limit " + std::to_string(limit.rlim_cur / 1024) +
           " KiB): raise it with `ulimit -l` or LimitMEMLOCK=";
  }
  if (error_number == EMFILE || error_number == ENFILE) {
    return "too many open files for an io_uring: raise the limit with `ulimit -n` or LimitNOFILE=";
  }
  return std::string("io_uring cannot be set up: ") + std::strerror(error_number);
}

std::string UringRing::open(const UringSettings& settings) {
  settings_ = settings;
  if (settings_.table_slots == 0) settings_.table_slots = std::min(open_files_limit(), kSlotsMax);
  if (!settings_.keep_sockets || !keeps_sockets_in_tables()) settings_.table_slots = 0;
  if (settings_.table_slots > 0) {
    const std::size_t ids = (kBufferIds - settings_.buffer_count) / settings_.side_buffer_count;
    lanes_max_ = std::min(kLanesMax, 1 + ids);
  }
  descriptors_max_ = static_cast<int>(open_files_limit() - reserved_open_files());
  lanes_.reserve(kLanesMax);
  lanes_.push_back(std::make_unique<UringLane>());
  const int result = main().open({.entries = settings_.entries,
                                  .buffer_count = settings_.buffer_count,
                                  .buffer_bytes = settings_.buffer_bytes,
                                  .table_slots = settings_.table_slots});
  if (result < 0) return explain_setup_error(-result);
  wake_fd_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake_fd_.valid()) return explain_setup_error(errno);
  return {};
}

// ---- sockets ------------------------------------------------------------------------------------------------------

Socket UringRing::adopt(int descriptor) noexcept {
  std::size_t index = 0;
  while (index < lanes_.size() && !lanes_[index]->has_room()) ++index;
  if (index == lanes_.size() && !add_lane()) return descriptor < descriptors_max_ ? descriptor : -EMFILE;
  return kInTable + (static_cast<Socket>(index) << kSlotBits) + static_cast<Socket>(lanes_[index]->move_in(descriptor));
}

// Without O_NONBLOCK: on such a socket io_uring gives a connect up at once instead of waiting for it. Not by the library's call: the ring closes the
// descriptor, which ThreadSanitizer does not see, so that it would take the next opener of the number for a race.
Socket UringRing::open_socket(int family) noexcept {
  const auto descriptor = static_cast<int>(::syscall(SYS_socket, family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (descriptor < 0) return -errno;
  set_stream_options(descriptor);
  const Socket socket = adopt(descriptor);
  if (socket < 0) ::close(descriptor);
  return socket;
}

bool UringRing::add_lane() noexcept {
  if (settings_.table_slots == 0 || lanes_.size() == lanes_max_) return false;
  auto lane = std::make_unique<UringLane>();
  const auto side = static_cast<std::uint32_t>(lanes_.size() - 1);
  const int result = lane->open({.entries = settings_.side_entries,
                                 .buffer_count = settings_.side_buffer_count,
                                 .buffer_bytes = settings_.side_buffer_bytes,
                                 .buffer_first = settings_.buffer_count + side * settings_.side_buffer_count,
                                 .table_slots = settings_.table_slots,
                                 .wake_fd = wake_fd_.get()});
  if (result < 0) {
    logf(LogLevel::kError, LogKind::kResource, "no further table of sockets: %s", explain_setup_error(-result).c_str());
    return false;
  }
  lanes_.push_back(std::move(lane));
  return true;
}

void UringRing::shutdown_send(Socket socket) noexcept {
  if (!is_in_table(socket)) {
    // A plain call: it happens once per session, and must not overtake nor be overtaken by queued operations.
    ::shutdown(socket, SHUT_WR);
    return;
  }
  const LaneFile file = file_of(socket);
  const auto slot = static_cast<std::uint32_t>(file.number);
  lane_of(socket).table().begin_shutdown(slot);
  lane_of(socket).shutdown(file, kShutdownTag + slot);
}

void UringRing::close(Socket socket) noexcept {
  const LaneFile file = file_of(socket);
  UringLane& lane = lane_of(socket);
  if (file.fixed && lane.table().is_shutting_down(static_cast<std::uint32_t>(file.number))) {
    lane.table().close_later(static_cast<std::uint32_t>(file.number));
  } else {
    lane.close(file);
  }
}

void UringRing::start_recv_messages(Socket socket, OpOwner& owner) noexcept {
  VR_ASSERT(!is_in_table(socket));
  if (!main().has_messages()) {
    const int result = main().open_messages(kMessageBuffers, kMessageBuffer, kMessageFirst);
    VR_ASSERT(result == 0);  // as the buffers of streams, which were made
  }
  main().receive_messages(file_of(socket), tag_of(owner, OpKind::kRecv));
}

// ---- receive buffers ----------------------------------------------------------------------------------------------

std::uint32_t UringRing::buffers_free() const noexcept {
  std::uint32_t count = 0;
  for (const auto& lane : lanes_) count += lane->buffers().free_count();
  return count;
}

std::uint32_t UringRing::buffers_max() const noexcept {
  return settings_.buffer_count + static_cast<std::uint32_t>(lanes_max_ - 1) * settings_.side_buffer_count;
}

// ---- turn ---------------------------------------------------------------------------------------------------------

void UringRing::arm_wake() noexcept {
  main().poll({.number = wake_fd_.get()}, POLLIN, true, kWakeTag);
  wake_armed_ = true;
}

void UringRing::submit_and_wait(std::uint64_t timeout_ns) noexcept {
  if (!wake_armed_) arm_wake();
  if (lanes_.size() == 1) {
    main().enter(timeout_ns);
    return;
  }
  const bool may_sleep = !enter_side_lanes() && timeout_ns > 0;
  if (may_sleep && !set_waking(true)) timeout_ns = 0;
  main().enter(may_sleep ? timeout_ns : 0);
  if (!may_sleep) return;
  set_waking(false);
  enter_side_lanes();
}

// True if there is something to be reaped.
bool UringRing::enter_side_lanes() noexcept {
  bool ready = false;
  for (std::size_t i = 1; i < lanes_.size(); ++i) {
    if (lanes_[i]->wants_to_enter()) lanes_[i]->enter(0);
    ready = ready || lanes_[i]->has_completions();
  }
  return ready;
}

// The worker sleeps in one place: while it does, work of the side lanes signals its wake-up descriptor. False if there is some
// already: it was there before the kernel could know that it has to signal.
bool UringRing::set_waking(bool on) noexcept {
  for (std::size_t i = 1; i < lanes_.size(); ++i) lanes_[i]->set_waking(on);
  if (!on) return true;
  std::atomic_thread_fence(std::memory_order_seq_cst);
  return std::none_of(lanes_.begin() + 1, lanes_.end(), [](const auto& lane) { return lane->wants_to_enter(); });
}

std::uint32_t UringRing::reap(std::uint32_t limit) noexcept {
  if (lanes_.size() == 1) return reap_lane(0, limit);
  std::uint32_t count = 0;
  for (std::size_t i = 0; i < lanes_.size() && count < limit; ++i) {
    count += reap_lane((reap_first_ + i) % lanes_.size(), limit - count);
  }
  reap_first_ = (reap_first_ + 1) % lanes_.size();
  return count;
}

std::uint32_t UringRing::reap_lane(std::size_t index, std::uint32_t limit) noexcept {
  UringLane& lane = *lanes_[index];
  std::uint32_t count = 0;
  io_uring_cqe cqe;
  while (count < limit && lane.take(cqe)) {
    ++count;
    dispatch(lane, cqe);
  }
  return count;
}

void UringRing::dispatch(UringLane& lane, const io_uring_cqe& cqe) noexcept {
  if (cqe.user_data == 0) return;
  if ((cqe.user_data & kOurs) != 0) {
    on_own_completion(lane, cqe);
    return;
  }
  auto* owner = reinterpret_cast<OpOwner*>(cqe.user_data & ~kKindMask);
  Completion completion;
  completion.kind = static_cast<OpKind>(cqe.user_data & kKindMask);
  completion.more = (cqe.flags & IORING_CQE_F_MORE) != 0;
  completion.result = cqe.res;
  if ((cqe.flags & IORING_CQE_F_BUFFER) != 0) {
    completion.has_buffer = true;
    completion.buffer_id = static_cast<std::uint16_t>(cqe.flags >> IORING_CQE_BUFFER_SHIFT);
    UringBuffers& buffers = lane.buffers_of(completion.buffer_id);
    buffers.note_taken();
    completion.bytes = buffers.bytes_of(completion.buffer_id, cqe.res);
  }
  owner->on_completion(completion);
}

void UringRing::on_own_completion(UringLane& lane, const io_uring_cqe& cqe) noexcept {
  if (cqe.user_data == kWakeTag) {
    std::uint64_t ignored = 0;
    [[maybe_unused]] const auto bytes = ::read(wake_fd_.get(), &ignored, sizeof(ignored));
    if ((cqe.flags & IORING_CQE_F_MORE) == 0) arm_wake();
  } else {
    const auto slot = static_cast<std::uint32_t>(cqe.user_data - kShutdownTag);
    if (lane.table().end_shutdown(slot)) lane.close({.number = static_cast<int>(slot), .fixed = true});
  }
}

void UringRing::wake() noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto bytes = ::write(wake_fd_.get(), &one, sizeof(one));
}

// Closes one socket of a table while a receive waits on another, and looks whether its peer is told.
bool try_table() noexcept {
  UringLane lane;
  if (lane.open({.entries = 4, .buffer_count = 1, .buffer_bytes = 64, .table_slots = 2}) < 0) return false;
  std::array<int, 2> waiting{-1, -1};
  std::array<int, 2> closed{-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, waiting.data()) != 0) return false;
  const UniqueFd waiting_peer(waiting[1]);
  const LaneFile busy{.number = static_cast<int>(lane.move_in(waiting[0])), .fixed = true};
  lane.receive(busy, kOurs);
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, closed.data()) != 0) return false;
  const UniqueFd closed_peer(closed[1]);
  const LaneFile gone{.number = static_cast<int>(lane.move_in(closed[0])), .fixed = true};
  lane.enter(0);
  lane.close(gone);
  lane.enter(0);
  char byte = 0;
  return ::recv(closed_peer.get(), &byte, 1, MSG_DONTWAIT) == 0;  // its end was told that we have closed
}

}  // namespace

std::unique_ptr<Ring> make_uring_ring(const UringSettings& settings, std::string& error) {
  auto ring = std::make_unique<UringRing>();
  error = ring->open(settings);
  if (!error.empty()) return nullptr;
  return ring;
}

bool keeps_sockets_in_tables() noexcept {
  // On a thread of its own: the kernel interrupts the thread that a ring belonged to when it tidies up after it.
  static const bool keeps = [] {
    bool result = false;
    std::thread([&result] { result = try_table(); }).join();
    return result;
  }();
  return keeps;
}

}  // namespace router
