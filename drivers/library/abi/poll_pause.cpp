#include "drivers/library/abi/poll_pause.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <chrono>
#include <ctime>

namespace drivers::library {
namespace {

constexpr std::uint64_t kShortNs = 100'000;
constexpr std::uint64_t kLongNs = 5'000'000;
constexpr unsigned kShortWaits = 100;  // 10 ms of short waits after an event
constexpr unsigned kDoublings = 6;

}  // namespace

PollPause::PollPause() : wake_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

std::uint64_t PollPause::now_ns() noexcept {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

void PollPause::wait(std::uint64_t latest_ns) noexcept {
  const std::uint64_t now = now_ns();
  if (latest_ns <= now) return;
  const unsigned doublings = quiet_ < kShortWaits ? 0 : std::min(quiet_ - kShortWaits + 1, kDoublings);
  const std::uint64_t pause = std::min({kShortNs << doublings, kLongNs, latest_ns - now});
  if (doublings < kDoublings) ++quiet_;
  pollfd wanted{.fd = wake_fd_.get(), .events = POLLIN, .revents = 0};
  const timespec time{.tv_sec = 0, .tv_nsec = static_cast<long>(pause)};
  // A wake() between here and ppoll() finds the flag set and leaves its mark in the eventfd.
  waiting_.store(true, std::memory_order_seq_cst);
  if (::ppoll(&wanted, 1, &time, nullptr) > 0) {
    eventfd_t count = 0;
    ::eventfd_read(wake_fd_.get(), &count);
    reset();
  }
  waiting_.store(false, std::memory_order_seq_cst);
}

void PollPause::wake() noexcept {
  if (waiting_.load(std::memory_order_seq_cst)) ::eventfd_write(wake_fd_.get(), 1);
}

}  // namespace drivers::library
