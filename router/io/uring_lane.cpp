#include "router/io/uring_lane.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "router/base/check.h"
#include "router/base/slab.h"
#include "router/io/message.h"

namespace router {
namespace {

constexpr int kBufferGroup = 1;
constexpr int kMessageGroup = 2;
constexpr std::size_t kRangesPerMessage = 4;    // on average
constexpr std::size_t kRangesPerSend = 1024;    // the kernel's UIO_MAXIOV
constexpr std::uint32_t kCompletionsPerEntry = 4;

// liburing 2.3 declares io_uring_enable_rings() but does not export it.
bool enable_ring(const io_uring& ring) noexcept {
  return ::syscall(SYS_io_uring_register, ring.ring_fd, IORING_REGISTER_ENABLE_RINGS, nullptr, 0) == 0;
}

std::size_t message_count(const UringLaneSettings& settings) noexcept { return settings.entries; }
std::size_t range_count(const UringLaneSettings& settings) noexcept {
  return std::max(message_count(settings) * kRangesPerMessage, kRangesPerSend);
}
std::size_t argument_bytes(const UringLaneSettings& settings) noexcept {
  return message_count(settings) * sizeof(msghdr) + range_count(settings) * sizeof(iovec);
}
// How the kernel lays a received message out in its buffer. It takes the lengths only.
msghdr message_layout() noexcept {
  msghdr layout{};
  layout.msg_namelen = kMessageNameMax;
  layout.msg_controllen = kMessageControlMax;
  return layout;
}
static_assert(sizeof(io_uring_recvmsg_out) == kMessageHead);

}  // namespace

int UringLane::open(const UringLaneSettings& settings) noexcept {
  settings_ = settings;
  io_uring_params parameters{};
  parameters.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE |
                     IORING_SETUP_CLAMP | IORING_SETUP_SUBMIT_ALL;
  // A ring that is made before its thread is bound to it later. A side lane says in shared memory when it has work, so that
  // it costs no call while it has none.
  const bool side = settings.wake_fd >= 0;
  parameters.flags |= side ? IORING_SETUP_TASKRUN_FLAG : IORING_SETUP_R_DISABLED;
  parameters.cq_entries = settings.entries * kCompletionsPerEntry;
  if (const int result = io_uring_queue_init_params(settings.entries, &ring_, &parameters); result < 0) return result;
  open_ = true;
  enabled_ = side;
  if (side) {
    set_waking(false);
    if (const int result = io_uring_register_eventfd(&ring_, settings.wake_fd); result < 0) return result;
  }
  arguments_ = map_memory(argument_bytes(settings));
  messages_ = {static_cast<msghdr*>(arguments_), message_count(settings)};
  ranges_ = {reinterpret_cast<iovec*>(messages_.data() + messages_.size()), range_count(settings)};
  if (settings.table_slots > 0) {
    if (const int result = io_uring_register_files_sparse(&ring_, settings.table_slots); result < 0) return result;
    table_ = std::make_unique<SocketTable>(settings.table_slots);
  }
  return buffers_.open(ring_, kBufferGroup, settings.buffer_count, settings.buffer_bytes, settings.buffer_first);
}

int UringLane::open_messages(std::uint32_t count, std::uint32_t bytes, std::uint32_t first) noexcept {
  return messages_in_.open(ring_, kMessageGroup, count, bytes, first);
}

UringLane::~UringLane() {
  if (open_) io_uring_queue_exit(&ring_);
  if (arguments_ != nullptr) unmap_memory(arguments_, argument_bytes(settings_));
}

// ---- submission ---------------------------------------------------------------------------------------------------

io_uring_sqe* UringLane::next_sqe() noexcept {
  io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
  if (sqe == nullptr) {
    submit();
    sqe = io_uring_get_sqe(&ring_);
    VR_ASSERT(sqe != nullptr);
  }
  return sqe;
}

void UringLane::enable() noexcept {
  // Binds the ring to this thread (IORING_SETUP_SINGLE_ISSUER takes the thread that enables it).
  VR_ASSERT(enable_ring(ring_));
  enabled_ = true;
}

void UringLane::submit() noexcept {
  if (!enabled_) enable();
  for (;;) {
    const int result = io_uring_submit(&ring_);
    // EBUSY/EAGAIN: the completion side must be reaped first; what was not taken stays queued for the next call.
    if (result != -EINTR) break;
  }
  reuse_arguments();
}

// What the kernel has not taken yet still points into them.
void UringLane::reuse_arguments() noexcept {
  if (io_uring_sq_ready(&ring_) != 0) return;
  messages_used_ = 0;
  ranges_used_ = 0;
}

void UringLane::enter(std::uint64_t timeout_ns) noexcept {
  buffers_.publish();
  messages_in_.publish();
  if (!enabled_) enable();
  if (timeout_ns == 0) {
    // DEFER_TASKRUN: completions are only produced inside io_uring_enter with GETEVENTS.
    io_uring_submit_and_get_events(&ring_);
  } else {
    io_uring_cqe* cqe = nullptr;
    __kernel_timespec limit{};
    limit.tv_sec = static_cast<std::int64_t>(timeout_ns / 1'000'000'000ULL);
    limit.tv_nsec = static_cast<long long>(timeout_ns % 1'000'000'000ULL);
    const bool forever = timeout_ns == ~std::uint64_t{0};
    io_uring_submit_and_wait_timeout(&ring_, &cqe, 1, forever ? nullptr : &limit, nullptr);
  }
  reuse_arguments();
}

bool UringLane::wants_to_enter() const noexcept {
  const unsigned flags = std::atomic_ref<unsigned>(*ring_.sq.kflags).load(std::memory_order_relaxed);
  return (flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0 || io_uring_sq_ready(&ring_) > 0;
}

bool UringLane::take(io_uring_cqe& out) noexcept {
  io_uring_cqe* cqe = nullptr;
  unsigned available = 0;
  __io_uring_peek_cqe(&ring_, &cqe, &available);
  if (cqe == nullptr) return false;
  out = *cqe;
  // Seen before it is handled: a handler may submit, and needs the room.
  io_uring_cqe_seen(&ring_, cqe);
  return true;
}

// ---- operations ---------------------------------------------------------------------------------------------------

// The io_uring_prep_* calls clear the flags, so these come behind them.
void UringLane::finish(io_uring_sqe* sqe, LaneFile file, std::uint64_t tag) noexcept {
  if (file.fixed) sqe->flags |= IOSQE_FIXED_FILE;
  sqe->user_data = tag;
}

// Nobody waits for it; only an error completes.
void UringLane::finish_silent(io_uring_sqe* sqe) noexcept {
  sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
  sqe->user_data = 0;
}

void UringLane::accept(LaneFile file, std::uint64_t tag) noexcept {
  io_uring_sqe* sqe = next_sqe();
  io_uring_prep_multishot_accept(sqe, file.number, nullptr, nullptr, SOCK_CLOEXEC);
  finish(sqe, file, tag);
}

void UringLane::connect(LaneFile file, const sockaddr_storage& address, std::uint64_t tag) noexcept {
  io_uring_sqe* sqe = next_sqe();
  const socklen_t size = address.ss_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  io_uring_prep_connect(sqe, file.number, reinterpret_cast<const sockaddr*>(&address), size);
  finish(sqe, file, tag);
}

void UringLane::receive(LaneFile file, std::uint64_t tag) noexcept {
  io_uring_sqe* sqe = next_sqe();
  io_uring_prep_recv_multishot(sqe, file.number, nullptr, 0, 0);
  sqe->flags |= IOSQE_BUFFER_SELECT;
  sqe->buf_group = kBufferGroup;
  finish(sqe, file, tag);
}

void UringLane::receive_messages(LaneFile file, std::uint64_t tag) noexcept {
  static msghdr layout = message_layout();
  io_uring_sqe* sqe = next_sqe();
  io_uring_prep_recvmsg_multishot(sqe, file.number, &layout, 0);
  sqe->flags |= IOSQE_BUFFER_SELECT;
  sqe->buf_group = kMessageGroup;
  finish(sqe, file, tag);
}

// Room for the arguments of a sendmsg with these ranges.
msghdr& UringLane::next_message(std::span<const iovec> ranges) noexcept {
  VR_ASSERT(!ranges.empty() && ranges.size() <= kRangesPerSend);
  if (messages_used_ == messages_.size() || ranges_used_ + ranges.size() > ranges_.size()) {
    submit();
    VR_ASSERT(messages_used_ == 0);
  }
  iovec* copy = ranges_.data() + ranges_used_;
  std::copy(ranges.begin(), ranges.end(), copy);
  ranges_used_ += ranges.size();
  msghdr& message = messages_[messages_used_++];
  message = {};
  message.msg_iov = copy;
  message.msg_iovlen = ranges.size();
  return message;
}

void UringLane::send(LaneFile file, std::span<const iovec> ranges, std::uint64_t tag) noexcept {
  if (ranges.size() == 1) {
    io_uring_sqe* sqe = next_sqe();
    io_uring_prep_send(sqe, file.number, ranges[0].iov_base, ranges[0].iov_len, MSG_DONTWAIT | MSG_NOSIGNAL);
    finish(sqe, file, tag);
    return;
  }
  const msghdr& message = next_message(ranges);
  io_uring_sqe* sqe = next_sqe();
  io_uring_prep_sendmsg(sqe, file.number, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  finish(sqe, file, tag);
}

void UringLane::send_to(LaneFile file, std::span<const iovec> ranges, const sockaddr_storage& address,
                        std::uint64_t tag) noexcept {
  msghdr& message = next_message(ranges);
  message.msg_name = const_cast<sockaddr_storage*>(&address);
  message.msg_namelen = address.ss_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  io_uring_sqe* sqe = next_sqe();
  io_uring_prep_sendmsg(sqe, file.number, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  finish(sqe, file, tag);
}

void UringLane::wait_event(LaneFile file, std::uint64_t tag) noexcept {
  io_uring_sqe* sqe = next_sqe();
  io_uring_prep_read(sqe, file.number, &event_count_, sizeof(event_count_), 0);
  finish(sqe, file, tag);
}

void UringLane::poll(LaneFile file, unsigned events, bool multishot, std::uint64_t tag) noexcept {
  io_uring_sqe* sqe = next_sqe();
  if (multishot) {
    io_uring_prep_poll_multishot(sqe, file.number, events);
  } else {
    io_uring_prep_poll_add(sqe, file.number, events);
  }
  finish(sqe, file, tag);
}

void UringLane::cancel(std::uint64_t tag) noexcept {
  io_uring_sqe* sqe = next_sqe();
  io_uring_prep_cancel64(sqe, tag, 0);
  finish_silent(sqe);
}

void UringLane::close(LaneFile file) noexcept {
  io_uring_sqe* sqe = next_sqe();
  if (file.fixed) {
    // Operations are carried out in order: whoever gets the slot next comes behind this.
    io_uring_prep_close_direct(sqe, static_cast<unsigned>(file.number));
    table_->give(static_cast<std::uint32_t>(file.number));
  } else {
    io_uring_prep_close(sqe, file.number);
  }
  finish_silent(sqe);
}

void UringLane::shutdown(LaneFile file, std::uint64_t tag) noexcept {
  io_uring_sqe* sqe = next_sqe();
  io_uring_prep_shutdown(sqe, file.number, SHUT_WR);
  finish(sqe, file, tag);
}

std::uint32_t UringLane::move_in(int descriptor) noexcept {
  const std::uint32_t slot = table_->take(descriptor);
  // If this fails (memory), so does the first operation on the slot, with -EBADF.
  io_uring_sqe* sqe = next_sqe();
  io_uring_prep_files_update(sqe, table_->descriptor_at(slot), 1, static_cast<int>(slot));
  finish_silent(sqe);
  close({.number = descriptor, .fixed = false});
  return slot;
}

}  // namespace router
