// The least that reading a CAN interface with io_uring costs: a multishot receive into provided buffers, and nothing
// done with the frames. bench/can_bench.py compares the router with it.
//
// With "clocks" it reads both clocks whenever it wakes up, as all must that have timers and time stamps. On most
// machines that costs next to nothing; in a virtual machine without KVM it is a system call and an access to an
// emulated device.
//
// usage: can_reader DEVICE FRAMES [clocks]       writes "ready" when it listens, and after so many frames the CPU time
// in nanoseconds
#include <liburing.h>
#include <linux/can.h>
#include <linux/can/raw.h>
#include <net/if.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>

namespace {

constexpr unsigned kBuffers = 1024;  // a power of 2
constexpr unsigned kBufferBytes = 512;
constexpr int kGroup = 1;
constexpr int kReceiveBuffer = 8 << 20;

int fail(const char* what, int error) {
  std::fprintf(stderr, "can_reader: %s: error %d\n", what, error);
  return 1;
}

/// A socket with what the router asks for, too: time stamps and a count of losses.
int open_socket(const char* device) {
  const int socket = ::socket(AF_CAN, SOCK_RAW | SOCK_CLOEXEC, CAN_RAW);
  const int on = 1;
  setsockopt(socket, SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBuffer, sizeof(kReceiveBuffer));
  setsockopt(socket, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
  setsockopt(socket, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on));
  sockaddr_can address{};
  address.can_family = AF_CAN;
  address.can_ifindex = static_cast<int>(if_nametoindex(device));
  if (address.can_ifindex == 0) return -1;
  return bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 ? socket : -1;
}

long long cpu_ns() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto ns = [](const timeval& time) { return time.tv_sec * 1'000'000'000LL + time.tv_usec * 1000LL; };
  return ns(usage.ru_utime) + ns(usage.ru_stime);
}

void read_clocks() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  clock_gettime(CLOCK_REALTIME, &time);
}

class Reader {
 public:
  int open(int socket) {
    socket_ = socket;
    io_uring_params params{};
    params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE;
    params.cq_entries = 4 * kBuffers;
    if (const int error = io_uring_queue_init_params(64, &ring_, &params); error != 0) return error;
    memory_ = std::make_unique<char[]>(std::size_t{kBuffers} * kBufferBytes);
    io_uring_buf_reg registration{};
    buffers_ = static_cast<io_uring_buf_ring*>(std::aligned_alloc(4096, kBuffers * sizeof(io_uring_buf)));
    registration.ring_addr = reinterpret_cast<std::uintptr_t>(buffers_);
    registration.ring_entries = kBuffers;
    registration.bgid = kGroup;
    if (const int error = io_uring_register_buf_ring(&ring_, &registration, 0); error != 0) return error;
    io_uring_buf_ring_init(buffers_);
    for (unsigned i = 0; i < kBuffers; ++i) give_back(i);
    layout_.msg_namelen = sizeof(sockaddr_can);
    layout_.msg_controllen = 128;
    start();
    return 0;
  }

  /// Waits, and takes all that has come; returns how many frames.
  unsigned turn() {
    io_uring_submit_and_wait(&ring_, 1);
    io_uring_cqe* cqe = nullptr;
    unsigned head = 0;
    unsigned seen = 0;
    unsigned frames = 0;
    bool ended = false;
    io_uring_for_each_cqe(&ring_, head, cqe) {
      ++seen;
      if ((cqe->flags & IORING_CQE_F_BUFFER) != 0) {
        ++frames;
        give_back(cqe->flags >> IORING_CQE_BUFFER_SHIFT);
      }
      ended = ended || (cqe->flags & IORING_CQE_F_MORE) == 0;
    }
    io_uring_cq_advance(&ring_, seen);
    if (ended) start();
    return frames;
  }

 private:
  void give_back(unsigned number) {
    io_uring_buf_ring_add(buffers_, &memory_[std::size_t{number} * kBufferBytes], kBufferBytes,
                          static_cast<unsigned short>(number), kBuffers - 1, 0);
    io_uring_buf_ring_advance(buffers_, 1);
  }
  void start() {
    io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
    io_uring_prep_recvmsg_multishot(sqe, socket_, &layout_, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = kGroup;
  }

  io_uring ring_{};
  io_uring_buf_ring* buffers_ = nullptr;  // as long as the process
  std::unique_ptr<char[]> memory_;
  msghdr layout_{};
  int socket_ = -1;
};

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) return fail("usage: can_reader DEVICE FRAMES [clocks]", 0);
  const bool clocks = count > 3;
  const long wanted = std::strtol(arguments[2], nullptr, 10);
  const int socket = open_socket(arguments[1]);
  if (socket < 0) return fail(arguments[1], errno);
  Reader reader;
  if (const int error = reader.open(socket); error != 0) return fail("io_uring", error);
  std::printf("ready\n");
  std::fflush(stdout);
  const long long begin = cpu_ns();
  for (long frames = 0; frames < wanted;) {
    frames += reader.turn();
    if (clocks) read_clocks();
  }
  std::printf("%lld\n", cpu_ns() - begin);
  return 0;
}
