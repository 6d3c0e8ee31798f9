#include "tools/vscpbench/floor/floor_ring.h"

#include <liburing.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <vector>

namespace bench::floor {
namespace {

constexpr unsigned kEntries = 4096;
constexpr unsigned kCompletions = 4 * kEntries;
constexpr int kBufferGroup = 1;
constexpr std::uint64_t kIgnored = 0;
// Younger than liburing 2.3.
constexpr unsigned kReceiveBundle = 1U << 4U;   // IORING_RECVSEND_BUNDLE
constexpr unsigned kFeatureBundle = 1U << 14U;  // IORING_FEAT_RECVSEND_BUNDLE

std::uint64_t tag(Op op, std::uint32_t connection) {
  return static_cast<std::uint64_t>(op) << 32U | connection;
}

}  // namespace

struct FloorRing::State {
  io_uring ring{};
  bool open = false;
  ReceiveMode receive = ReceiveMode::kMultishot;
  std::uint32_t buffer_bytes = 0;
  std::uint32_t mask = 0;
  io_uring_buf_ring* buffers = nullptr;
  char* memory = nullptr;
  std::size_t memory_bytes = 0;
  int pending = 0;  ///< released, not yet published
  // The order in which buffers were given to the kernel, for bundles.
  std::uint32_t added = 0;
  std::vector<std::uint16_t> order;
  std::vector<std::uint32_t> place;

  io_uring_sqe* sqe() noexcept {
    auto* entry = io_uring_get_sqe(&ring);
    while (entry == nullptr) {
      io_uring_submit(&ring);
      entry = io_uring_get_sqe(&ring);
    }
    return entry;
  }
};

FloorRing::FloorRing() : state_(std::make_unique<State>()) {}

FloorRing::~FloorRing() {
  if (state_->open) io_uring_queue_exit(&state_->ring);
  if (state_->buffers != nullptr) munmap(state_->buffers, state_->memory_bytes);
}

std::string FloorRing::open(const FloorOptions& options) {
  auto& s = *state_;
  io_uring_params parameters{};
  parameters.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE |
                     IORING_SETUP_CLAMP | IORING_SETUP_SUBMIT_ALL;
  parameters.cq_entries = kCompletions;
  const int result = io_uring_queue_init_params(kEntries, &s.ring, &parameters);
  if (result < 0) return std::string("the kernel refuses an io_uring: ") + std::strerror(-result);
  s.open = true;
  const bool has_bundles = (parameters.features & kFeatureBundle) != 0;
  s.receive = options.receive != ReceiveMode::kAuto ? options.receive
              : has_bundles                         ? ReceiveMode::kBundle
                                                    : ReceiveMode::kMultishot;
  if (s.receive == ReceiveMode::kBundle && !has_bundles) return "receive bundles need Linux 6.10";

  s.buffer_bytes = options.buffer_bytes;
  s.mask = options.buffers - 1;
  s.order.resize(options.buffers);
  s.place.resize(options.buffers);
  const std::size_t ring_bytes = (options.buffers * sizeof(io_uring_buf) + 4095) / 4096 * 4096;
  s.memory_bytes = ring_bytes + std::size_t{options.buffers} * options.buffer_bytes;
  void* memory =
      mmap(nullptr, s.memory_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) return "no memory for the receive buffers";
  s.buffers = static_cast<io_uring_buf_ring*>(memory);
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uintptr_t>(memory);
  registration.ring_entries = options.buffers;
  registration.bgid = kBufferGroup;
  if (io_uring_register_buf_ring(&s.ring, &registration, 0) < 0) return "this kernel has no receive buffer rings";
  io_uring_buf_ring_init(s.buffers);
  s.memory = static_cast<char*>(memory) + ring_bytes;
  for (std::uint32_t id = 0; id < options.buffers; ++id) release(static_cast<std::uint16_t>(id));
  return {};
}

ReceiveMode FloorRing::receive_mode() const noexcept {
  return state_->receive;
}

void FloorRing::accept(int listener) noexcept {
  auto* sqe = state_->sqe();
  io_uring_prep_multishot_accept(sqe, listener, nullptr, nullptr, SOCK_CLOEXEC);
  sqe->user_data = tag(Op::kAccept, 0);
}

void FloorRing::receive(int fd, std::uint32_t connection) noexcept {
  auto* sqe = state_->sqe();
  if (state_->receive == ReceiveMode::kSingle) {
    io_uring_prep_recv(sqe, fd, nullptr, 0, 0);
  } else {
    io_uring_prep_recv_multishot(sqe, fd, nullptr, 0, 0);
    if (state_->receive == ReceiveMode::kBundle) sqe->ioprio |= kReceiveBundle;
  }
  sqe->flags |= IOSQE_BUFFER_SELECT;
  sqe->buf_group = kBufferGroup;
  sqe->user_data = tag(Op::kReceive, connection);
}

void FloorRing::send(int fd, std::uint32_t connection, std::string_view bytes, Sending sending) noexcept {
  auto* sqe = state_->sqe();
  const bool whole = sending == Sending::kChained || sending == Sending::kEndOfChain;
  const int flags = MSG_NOSIGNAL | (whole ? MSG_WAITALL : 0);
  if (sending == Sending::kZeroCopy) {
    io_uring_prep_send_zc(sqe, fd, bytes.data(), bytes.size(), flags, 0);
  } else {
    io_uring_prep_send(sqe, fd, bytes.data(), bytes.size(), flags);
  }
  if (sending == Sending::kChained) sqe->flags |= IOSQE_IO_LINK;
  sqe->user_data = tag(Op::kSend, connection);
}

void FloorRing::cancel_receive(std::uint32_t connection) noexcept {
  auto* sqe = state_->sqe();
  io_uring_prep_cancel64(sqe, tag(Op::kReceive, connection), 0);
  sqe->user_data = kIgnored;
}

void FloorRing::watch_signal(int fd) noexcept {
  auto* sqe = state_->sqe();
  io_uring_prep_poll_add(sqe, fd, POLLIN);
  sqe->user_data = tag(Op::kSignal, 0);
}

const char* FloorRing::buffer(std::uint16_t id) const noexcept {
  return state_->memory + std::size_t{id} * state_->buffer_bytes;
}

std::uint16_t FloorRing::next_buffer(std::uint16_t id) const noexcept {
  return state_->order[(state_->place[id] + 1) & state_->mask];
}

void FloorRing::release(std::uint16_t id) noexcept {
  auto& s = *state_;
  io_uring_buf_ring_add(s.buffers, s.memory + std::size_t{id} * s.buffer_bytes, s.buffer_bytes, id,
                        static_cast<int>(s.mask), s.pending);
  ++s.pending;
  s.place[id] = s.added & s.mask;
  s.order[s.added & s.mask] = id;
  ++s.added;
}

void FloorRing::turn() noexcept {
  auto& s = *state_;
  if (s.pending != 0) {
    io_uring_buf_ring_advance(s.buffers, s.pending);
    s.pending = 0;
  }
  io_uring_submit_and_wait(&s.ring, 1);
}

bool FloorRing::next(Completion& completion) noexcept {
  auto& s = *state_;
  for (;;) {
    io_uring_cqe* cqe = nullptr;
    if (io_uring_peek_cqe(&s.ring, &cqe) != 0 || cqe == nullptr) return false;
    const io_uring_cqe copy = *cqe;
    io_uring_cqe_seen(&s.ring, cqe);
    if (copy.user_data == kIgnored) continue;
    completion.op = static_cast<Op>(copy.user_data >> 32U);
    completion.connection = static_cast<std::uint32_t>(copy.user_data);
    completion.result = copy.res;
    completion.more = (copy.flags & IORING_CQE_F_MORE) != 0;
    completion.released = (copy.flags & IORING_CQE_F_NOTIF) != 0;
    completion.has_buffer = (copy.flags & IORING_CQE_F_BUFFER) != 0;
    completion.buffer = static_cast<std::uint16_t>(copy.flags >> IORING_CQE_BUFFER_SHIFT);
    return true;
  }
}

}  // namespace bench::floor
