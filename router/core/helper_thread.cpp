#include "router/core/helper_thread.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <ctime>

namespace router {
namespace {

constexpr std::uint64_t kCreditWaitNs = 10'000'000;

// std::atomic::wait has no time limit.
void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t seen, std::uint64_t timeout_ns) noexcept {
  timespec limit{};
  limit.tv_sec = static_cast<std::time_t>(timeout_ns / 1'000'000'000ULL);
  limit.tv_nsec = static_cast<long>(timeout_ns % 1'000'000'000ULL);
  ::syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), FUTEX_WAIT_PRIVATE, seen,
            timeout_ns == ~std::uint64_t{0} ? nullptr : &limit, nullptr, 0);
}

}  // namespace

void HelperThread::start(const char* name) {
  thread_ = std::thread([this, name] {
    pthread_setname_np(pthread_self(), name);
    body();
  });
}

void HelperThread::wake() noexcept {
  wakes_.fetch_add(1, std::memory_order_release);
  ::syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&wakes_), FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

void HelperThread::sleep_and_run_tasks(std::uint64_t timeout_ns) noexcept {
  const std::uint32_t seen = wakes_.load(std::memory_order_acquire);
  if (timeout_ns > 0 && !is_stopping() && prepare_sleep()) {
    futex_wait(wakes_, seen, timeout_ns);
    finish_sleep();
  }
  while (auto task = inbox().pop_task()) task->run();
}

std::size_t HelperThread::take_events(std::span<EventBuf*> out) noexcept {
  std::array<std::uint64_t, kThreadsMax / 64> to_wake{};
  const std::size_t count = inbox().pop(out, to_wake);
  for (std::size_t word = 0; word < to_wake.size(); ++word) {
    for (std::uint64_t bits = to_wake[word]; bits != 0; bits &= bits - 1) {
      (*threads_)[static_cast<ThreadIndex>(word * 64 + static_cast<unsigned>(__builtin_ctzll(bits)))].nudge();
    }
  }
  return count;
}

bool HelperThread::publish(EventBuf* event) noexcept {
  while (!publisher_.is_ready()) {
    if (is_stopping()) {
      pool().give_back(event);
      return false;
    }
    publisher_.flush();
    if (!publisher_.is_ready()) sleep_and_run_tasks(kCreditWaitNs);
  }
  if (publisher_.publish(event)) {
    on_own_event(*event);
    publisher_.drop(event);
  }
  return true;
}

}  // namespace router
