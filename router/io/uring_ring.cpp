#include "router/io/uring_ring.h"

#include <liburing.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "router/base/check.h"
#include "router/base/fd.h"
#include "router/base/slab.h"

namespace router {
namespace {

constexpr int kBufferGroup = 1;
constexpr std::uint64_t kWakeUserData = ~std::uint64_t{0};
constexpr std::size_t kMessagesPerTurn = 4096;
constexpr std::size_t kRangesPerTurn = 16'384;
constexpr std::size_t kRangesPerSend = 1024;  // the kernel's UIO_MAXIOV
constexpr std::uint64_t kKindMask = 7;

class UringRing final : public Ring {
 public:
  UringRing() = default;
  ~UringRing() override;
  UringRing(const UringRing&) = delete;
  UringRing& operator=(const UringRing&) = delete;

  std::string open(const UringSettings& settings);

  void start_accept(Socket listener, OpOwner& owner) noexcept override;
  void start_recv(Socket socket, OpOwner& owner) noexcept override;
  void start_send(Socket socket, std::span<const iovec> ranges, OpOwner& owner) noexcept override;
  void start_wait_writable(Socket socket, OpOwner& owner) noexcept override;
  void cancel(OpOwner& owner, OpKind kind) noexcept override;
  void shutdown_send(Socket socket) noexcept override;
  void close(Socket socket) noexcept override;
  void release_buffer(std::uint16_t buffer_id) noexcept override;
  std::uint32_t buffers_free() const noexcept override { return buffers_free_; }
  void submit_and_wait(std::uint64_t timeout_ns) noexcept override;
  std::uint32_t reap(std::uint32_t limit) noexcept override;
  void wake() noexcept override;

 private:
  io_uring_sqe* next_sqe() noexcept;
  void enable() noexcept;
  void submit_now() noexcept;
  void reuse_arguments() noexcept;
  void arm_wake() noexcept;
  void dispatch(const io_uring_cqe& cqe) noexcept;
  static std::uint64_t user_data(OpOwner& owner, OpKind kind) noexcept {
    return reinterpret_cast<std::uintptr_t>(&owner) | static_cast<std::uint64_t>(kind);
  }

  io_uring ring_{};
  bool open_ = false;
  bool enabled_ = false;
  bool wake_armed_ = false;
  UniqueFd wake_fd_;
  io_uring_buf_ring* buffers_ = nullptr;
  std::size_t buffers_bytes_ = 0;
  char* buffer_memory_ = nullptr;
  UringSettings settings_;
  std::uint32_t buffers_free_ = 0;
  std::uint32_t buffers_pending_ = 0;  // added to the ring, not yet published to the kernel
  // Arguments of this turn's sendmsg calls; the kernel has copied them when the submission returns.
  std::array<msghdr, kMessagesPerTurn> messages_{};
  std::array<iovec, kRangesPerTurn> ranges_{};
  std::size_t messages_used_ = 0;
  std::size_t ranges_used_ = 0;
};

// liburing 2.3 declares io_uring_enable_rings() but does not export it.
bool enable_ring(const io_uring& ring) noexcept {
  return ::syscall(SYS_io_uring_register, ring.ring_fd, IORING_REGISTER_ENABLE_RINGS, nullptr, 0) == 0;
}

std::string explain_setup_error(int error_number) {
  if (error_number == ENOSYS) {
    return "this kernel has no io_uring; Linux 6.1 or newer is needed";
  }
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
  io_uring_params parameters{};
  parameters.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_R_DISABLED |
                     IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_SUBMIT_ALL;
  parameters.cq_entries = settings.entries * 4;
  const int result = io_uring_queue_init_params(settings.entries, &ring_, &parameters);
  if (result == -EINVAL) return "this kernel's io_uring is too old; Linux 6.1 or newer is needed";
  if (result < 0) return explain_setup_error(-result);
  open_ = true;
  wake_fd_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake_fd_.valid()) return explain_setup_error(errno);

  buffers_bytes_ = settings.buffer_count * sizeof(io_uring_buf);
  buffers_ = static_cast<io_uring_buf_ring*>(map_memory(buffers_bytes_));
  buffer_memory_ = static_cast<char*>(map_memory(std::size_t{settings.buffer_count} * settings.buffer_bytes));
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uintptr_t>(buffers_);
  registration.ring_entries = settings.buffer_count;
  registration.bgid = kBufferGroup;
  const int registered = io_uring_register_buf_ring(&ring_, &registration, 0);
  if (registered < 0) return "this kernel's io_uring has no receive buffer rings; Linux 6.1 or newer is needed";
  io_uring_buf_ring_init(buffers_);
  for (std::uint32_t id = 0; id < settings.buffer_count; ++id) release_buffer(static_cast<std::uint16_t>(id));
  io_uring_buf_ring_advance(buffers_, static_cast<int>(buffers_pending_));
  buffers_pending_ = 0;
  return {};
}

UringRing::~UringRing() {
  if (open_) io_uring_queue_exit(&ring_);
  if (buffers_ != nullptr) unmap_memory(buffers_, buffers_bytes_);
  if (buffer_memory_ != nullptr) unmap_memory(buffer_memory_, std::size_t{settings_.buffer_count} * settings_.buffer_bytes);
}

io_uring_sqe* UringRing::next_sqe() noexcept {
  io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
  if (sqe == nullptr) {
    submit_now();
    sqe = io_uring_get_sqe(&ring_);
    VR_ASSERT(sqe != nullptr);
  }
  return sqe;
}

void UringRing::enable() noexcept {
  // Binds the ring to this thread (IORING_SETUP_SINGLE_ISSUER takes the thread that enables it).
  VR_ASSERT(enable_ring(ring_));
  enabled_ = true;
}

void UringRing::submit_now() noexcept {
  if (!enabled_) enable();
  for (;;) {
    const int result = io_uring_submit(&ring_);
    // EBUSY/EAGAIN: the completion side must be reaped first; what was not taken stays queued for the next call.
    if (result != -EINTR) break;
  }
  reuse_arguments();
}

// What the kernel has not taken yet still points into them.
void UringRing::reuse_arguments() noexcept {
  if (io_uring_sq_ready(&ring_) != 0) return;
  messages_used_ = 0;
  ranges_used_ = 0;
}

void UringRing::arm_wake() noexcept {
  io_uring_sqe* sqe = next_sqe();
  io_uring_prep_poll_multishot(sqe, wake_fd_.get(), POLLIN);
  sqe->user_data = kWakeUserData;
  wake_armed_ = true;
}

void UringRing::start_accept(Socket listener, OpOwner& owner) noexcept {
  io_uring_sqe* sqe = next_sqe();
  io_uring_prep_multishot_accept(sqe, listener, nullptr, nullptr, SOCK_CLOEXEC);
  sqe->user_data = user_data(owner, OpKind::kAccept);
}

void UringRing::start_recv(Socket socket, OpOwner& owner) noexcept {
  io_uring_sqe* sqe = next_sqe();
  io_uring_prep_recv_multishot(sqe, socket, nullptr, 0, 0);
  sqe->flags |= IOSQE_BUFFER_SELECT;
  sqe->buf_group = kBufferGroup;
  sqe->user_data = user_data(owner, OpKind::kRecv);
}

void UringRing::start_send(Socket socket, std::span<const iovec> ranges, OpOwner& owner) noexcept {
  VR_ASSERT(!ranges.empty() && ranges.size() <= kRangesPerSend);
  if (ranges.size() > 1 &&
      (messages_used_ == kMessagesPerTurn || ranges_used_ + ranges.size() > kRangesPerTurn)) {
    submit_now();
    VR_ASSERT(messages_used_ == 0);
  }
  io_uring_sqe* sqe = next_sqe();
  if (ranges.size() == 1) {
    io_uring_prep_send(sqe, socket, ranges[0].iov_base, ranges[0].iov_len, MSG_DONTWAIT | MSG_NOSIGNAL);
  } else {
    iovec* copy = ranges_.data() + ranges_used_;
    std::copy(ranges.begin(), ranges.end(), copy);
    ranges_used_ += ranges.size();
    msghdr& message = messages_[messages_used_++];
    message = {};
    message.msg_iov = copy;
    message.msg_iovlen = ranges.size();
    io_uring_prep_sendmsg(sqe, socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  }
  sqe->user_data = user_data(owner, OpKind::kSend);
}

void UringRing::start_wait_writable(Socket socket, OpOwner& owner) noexcept {
  io_uring_sqe* sqe = next_sqe();
  io_uring_prep_poll_add(sqe, socket, POLLOUT);
  sqe->user_data = user_data(owner, OpKind::kWritable);
}

void UringRing::cancel(OpOwner& owner, OpKind kind) noexcept {
  io_uring_sqe* sqe = next_sqe();
  io_uring_prep_cancel64(sqe, user_data(owner, kind), 0);
  sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
  sqe->user_data = 0;
}

void UringRing::shutdown_send(Socket socket) noexcept {
  // A plain call: it happens once per session, and must not overtake nor be overtaken by queued operations.
  ::shutdown(socket, SHUT_WR);
}

void UringRing::close(Socket socket) noexcept {
  io_uring_sqe* sqe = next_sqe();
  io_uring_prep_close(sqe, socket);
  sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
  sqe->user_data = 0;
}

void UringRing::release_buffer(std::uint16_t buffer_id) noexcept {
  io_uring_buf_ring_add(buffers_, buffer_memory_ + std::size_t{buffer_id} * settings_.buffer_bytes,
                        settings_.buffer_bytes, buffer_id, io_uring_buf_ring_mask(settings_.buffer_count),
                        static_cast<int>(buffers_pending_));
  ++buffers_pending_;
  ++buffers_free_;
}

void UringRing::submit_and_wait(std::uint64_t timeout_ns) noexcept {
  if (buffers_pending_ > 0) {
    io_uring_buf_ring_advance(buffers_, static_cast<int>(buffers_pending_));
    buffers_pending_ = 0;
  }
  if (!enabled_) enable();
  if (!wake_armed_) arm_wake();
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

std::uint32_t UringRing::reap(std::uint32_t limit) noexcept {
  std::uint32_t count = 0;
  while (count < limit) {
    io_uring_cqe* cqe = nullptr;
    if (io_uring_peek_cqe(&ring_, &cqe) != 0 || cqe == nullptr) break;
    const io_uring_cqe copy = *cqe;
    // Seen before it is handled: a handler may submit, and needs the room.
    io_uring_cqe_seen(&ring_, cqe);
    ++count;
    dispatch(copy);
  }
  return count;
}

void UringRing::dispatch(const io_uring_cqe& cqe) noexcept {
  if (cqe.user_data == 0) return;
  if (cqe.user_data == kWakeUserData) {
    std::uint64_t ignored = 0;
    [[maybe_unused]] const auto bytes = ::read(wake_fd_.get(), &ignored, sizeof(ignored));
    if ((cqe.flags & IORING_CQE_F_MORE) == 0) arm_wake();
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
    --buffers_free_;
    completion.bytes = {buffer_memory_ + std::size_t{completion.buffer_id} * settings_.buffer_bytes,
                        cqe.res > 0 ? static_cast<std::size_t>(cqe.res) : 0};
  }
  owner->on_completion(completion);
}

void UringRing::wake() noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto bytes = ::write(wake_fd_.get(), &one, sizeof(one));
}

}  // namespace

std::unique_ptr<Ring> make_uring_ring(const UringSettings& settings, std::string& error) {
  auto ring = std::make_unique<UringRing>();
  error = ring->open(settings);
  if (!error.empty()) return nullptr;
  return ring;
}

}  // namespace router
