#include "tests/stress/worker_calls.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <pthread.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>

// glibc's own names of what is replaced below.
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
void __libc_free(void* memory);
}

namespace {

constexpr int kFramesMax = 24;

// Zero-initialised, so that all are usable by the first malloc of the program.
thread_local bool watched = false;
thread_local bool inside = false;
thread_local std::uint64_t calls_here = 0;
std::atomic<bool> counting{false};
std::atomic<std::uint64_t> calls{0};
std::array<void*, kFramesMax> first_frames{};
std::atomic<int> first_frame_count{0};
std::atomic<const char*> first_name{nullptr};

void note(const char* name) noexcept {
  if (!watched || inside || !counting.load(std::memory_order_acquire)) return;
  ++calls_here;
  if (calls.fetch_add(1, std::memory_order_relaxed) > 0) return;
  inside = true;
  first_frame_count.store(backtrace(first_frames.data(), kFramesMax), std::memory_order_relaxed);
  first_name.store(name, std::memory_order_release);
  inside = false;
}

/// The function that would have been called without ours. The lookup itself may allocate and lock.
template <typename Function>
Function real(std::atomic<Function>& cache, const char* name) noexcept {
  Function function = cache.load(std::memory_order_relaxed);
  if (function == nullptr) {
    function = reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
    if (function == nullptr) std::abort();
    cache.store(function, std::memory_order_relaxed);
  }
  return function;
}

}  // namespace

namespace worker_calls {

void watch_this_thread(bool on) noexcept {
  watched = on;
}

void start_counting() noexcept {
  // The first backtrace loads a library.
  std::array<void*, 2> frames{};
  backtrace(frames.data(), 2);
  calls.store(0);
  first_name.store(nullptr);
  counting.store(true, std::memory_order_release);
}

void stop_counting() noexcept {
  counting.store(false, std::memory_order_release);
}

std::uint64_t count() noexcept {
  return calls.load();
}

std::uint64_t count_here() noexcept {
  return calls_here;
}

std::string first_call() {
  const char* name = first_name.load(std::memory_order_acquire);
  if (name == nullptr) return {};
  std::string text = name;
  const int frames = first_frame_count.load();
  char** symbols = backtrace_symbols(first_frames.data(), frames);
  for (int i = 0; symbols != nullptr && i < frames; ++i) text += std::string("\n  ") + symbols[i];
  std::free(symbols);
  return text;
}

}  // namespace worker_calls

extern "C" {

void* malloc(std::size_t size) {
  note("malloc");
  return __libc_malloc(size);
}

void* calloc(std::size_t count, std::size_t size) {
  note("calloc");
  return __libc_calloc(count, size);
}

void* realloc(void* memory, std::size_t size) {
  note("realloc");
  return __libc_realloc(memory, size);
}

void free(void* memory) {
  if (memory != nullptr) note("free");
  __libc_free(memory);
}

void* memalign(std::size_t alignment, std::size_t size) {
  note("memalign");
  return __libc_memalign(alignment, size);
}

void* aligned_alloc(std::size_t alignment, std::size_t size) {
  note("aligned_alloc");
  return __libc_memalign(alignment, size);
}

int posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
  note("posix_memalign");
  *memory = __libc_memalign(alignment, size);
  return *memory == nullptr ? ENOMEM : 0;
}

int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  static std::atomic<int (*)(pthread_mutex_t*)> found{nullptr};
  note("pthread_mutex_lock");
  return real(found, "pthread_mutex_lock")(mutex);
}

int pthread_mutex_trylock(pthread_mutex_t* mutex) noexcept {
  static std::atomic<int (*)(pthread_mutex_t*)> found{nullptr};
  note("pthread_mutex_trylock");
  return real(found, "pthread_mutex_trylock")(mutex);
}

int pthread_rwlock_rdlock(pthread_rwlock_t* lock) noexcept {
  static std::atomic<int (*)(pthread_rwlock_t*)> found{nullptr};
  note("pthread_rwlock_rdlock");
  return real(found, "pthread_rwlock_rdlock")(lock);
}

int pthread_rwlock_wrlock(pthread_rwlock_t* lock) noexcept {
  static std::atomic<int (*)(pthread_rwlock_t*)> found{nullptr};
  note("pthread_rwlock_wrlock");
  return real(found, "pthread_rwlock_wrlock")(lock);
}

int pthread_cond_wait(pthread_cond_t* condition, pthread_mutex_t* mutex) {
  static std::atomic<int (*)(pthread_cond_t*, pthread_mutex_t*)> found{nullptr};
  note("pthread_cond_wait");
  return real(found, "pthread_cond_wait")(condition, mutex);
}

int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex, const timespec* until) {
  static std::atomic<int (*)(pthread_cond_t*, pthread_mutex_t*, const timespec*)> found{nullptr};
  note("pthread_cond_timedwait");
  return real(found, "pthread_cond_timedwait")(condition, mutex, until);
}

int pthread_cond_signal(pthread_cond_t* condition) noexcept {
  static std::atomic<int (*)(pthread_cond_t*)> found{nullptr};
  note("pthread_cond_signal");
  return real(found, "pthread_cond_signal")(condition);
}

int pthread_cond_broadcast(pthread_cond_t* condition) noexcept {
  static std::atomic<int (*)(pthread_cond_t*)> found{nullptr};
  note("pthread_cond_broadcast");
  return real(found, "pthread_cond_broadcast")(condition);
}

}  // extern "C"
