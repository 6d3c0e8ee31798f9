#include "router/base/log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <atomic>
#include <cstdarg>
#include <cstdio>
#include <ctime>
#include <memory>
#include <thread>
#include <vector>

namespace router {
namespace {

constexpr std::size_t kTextMax = 240;
constexpr std::size_t kRingSlots = 256;
constexpr std::size_t kThreadsMax = 256;

struct Record {
  LogLevel level = LogLevel::kInfo;
  std::uint16_t size = 0;
  std::uint32_t left_out = 0;
  char text[kTextMax];
};

/// Single producer (the thread that owns it), single consumer (the log thread).
struct Ring {
  std::atomic<std::uint32_t> head{0};  // written by the producer
  std::atomic<std::uint32_t> tail{0};  // written by the log thread
  std::atomic<std::uint64_t> lost{0};
  std::array<Record, kRingSlots> records;
  std::array<std::time_t, static_cast<std::size_t>(LogKind::kCount)> last_second{};
  std::array<std::uint32_t, static_cast<std::size_t>(LogKind::kCount)> left_out{};
};

// The one process-wide object of this program besides the allocator: any thread may log at any time.
struct LogState {
  std::array<std::atomic<Ring*>, kThreadsMax> rings{};
  std::atomic<std::uint32_t> ring_count{0};
  std::atomic<std::uint32_t> work{0};
  std::atomic<bool> stop{false};
  std::atomic<LogLevel> level{LogLevel::kOff};
  std::unique_ptr<spdlog::logger> logger;
  std::thread thread;
};

LogState& state() {
  static LogState instance;
  return instance;
}

Ring* ring_of_this_thread() noexcept {
  thread_local Ring* ring = nullptr;
  if (ring != nullptr) return ring;
  auto& log_state = state();
  const auto index = log_state.ring_count.fetch_add(1, std::memory_order_relaxed);
  if (index >= kThreadsMax) return nullptr;
  // Rings live as long as the process: the log thread may read one after its thread has ended.
  ring = std::make_unique<Ring>().release();
  log_state.rings[index].store(ring, std::memory_order_release);
  return ring;
}

spdlog::level::level_enum to_spdlog(LogLevel level) noexcept {
  return static_cast<spdlog::level::level_enum>(level);
}

bool write_pending(LogState& log_state) {
  bool any = false;
  for (auto& slot : log_state.rings) {
    Ring* ring = slot.load(std::memory_order_acquire);
    if (ring == nullptr) continue;
    auto tail = ring->tail.load(std::memory_order_relaxed);
    const auto head = ring->head.load(std::memory_order_acquire);
    while (tail != head) {
      const Record& record = ring->records[tail % kRingSlots];
      const std::string_view text(record.text, record.size);
      if (record.left_out > 0) {
        log_state.logger->log(to_spdlog(record.level), "{} ({} more like this)", text, record.left_out);
      } else {
        log_state.logger->log(to_spdlog(record.level), "{}", text);
      }
      ring->tail.store(++tail, std::memory_order_release);
      any = true;
    }
    if (const auto lost = ring->lost.exchange(0, std::memory_order_relaxed); lost > 0) {
      log_state.logger->log(spdlog::level::warn, "{} log lines lost", lost);
    }
  }
  if (any) log_state.logger->flush();
  return any;
}

void run(LogState& log_state) {
  for (;;) {
    const auto seen = log_state.work.load(std::memory_order_acquire);
    const bool stopping = log_state.stop.load(std::memory_order_acquire);
    if (!write_pending(log_state) && stopping) return;
    if (!stopping) log_state.work.wait(seen, std::memory_order_acquire);
  }
}

void wake(LogState& log_state) noexcept {
  log_state.work.fetch_add(1, std::memory_order_release);
  log_state.work.notify_one();
}

}  // namespace

std::string start_log(const LogSettings& settings) {
  auto& log_state = state();
  std::vector<spdlog::sink_ptr> sinks;
  auto lowest = LogLevel::kOff;
  try {
    if (settings.console) {
      auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_st>();
      sink->set_level(to_spdlog(settings.console_level));
      sink->set_pattern(settings.console_pattern);
      sinks.push_back(sink);
      lowest = std::min(lowest, settings.console_level);
    }
    if (settings.file) {
      auto sink = std::make_shared<spdlog::sinks::rotating_file_sink_st>(settings.file_path, settings.file_bytes_max,
                                                                         settings.file_count_max);
      sink->set_level(to_spdlog(settings.file_level));
      sink->set_pattern(settings.file_pattern);
      sinks.push_back(sink);
      lowest = std::min(lowest, settings.file_level);
    }
  } catch (const spdlog::spdlog_ex& error) {
    return error.what();
  }
  log_state.logger = std::make_unique<spdlog::logger>("vscprouterd", sinks.begin(), sinks.end());
  log_state.logger->set_level(spdlog::level::trace);
  log_state.stop.store(false, std::memory_order_release);
  // The time zone is set up once, before there are threads: libraries ask for local time on threads of their own, and
  // ThreadSanitizer does not see the C library's lock.
  ::tzset();
  log_state.thread = std::thread([&log_state] {
    pthread_setname_np(pthread_self(), "vr-log");
    run(log_state);
  });
  log_state.level.store(lowest, std::memory_order_release);
  return {};
}

void stop_log() noexcept {
  auto& log_state = state();
  if (!log_state.thread.joinable()) return;
  log_state.level.store(LogLevel::kOff, std::memory_order_release);
  log_state.stop.store(true, std::memory_order_release);
  wake(log_state);
  log_state.thread.join();
}

bool log_enabled(LogLevel level) noexcept { return level >= state().level.load(std::memory_order_relaxed); }

void log(LogLevel level, LogKind kind, std::string_view text) noexcept {
  if (!log_enabled(level)) return;
  Ring* ring = ring_of_this_thread();
  if (ring == nullptr) return;
  const auto kind_index = static_cast<std::size_t>(kind);
  if (kind != LogKind::kOnce) {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    if (ring->last_second[kind_index] == now.tv_sec + 1) {
      ++ring->left_out[kind_index];
      return;
    }
    ring->last_second[kind_index] = now.tv_sec + 1;
  }
  const auto head = ring->head.load(std::memory_order_relaxed);
  if (head - ring->tail.load(std::memory_order_acquire) == kRingSlots) {
    ring->lost.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  Record& record = ring->records[head % kRingSlots];
  record.level = level;
  record.left_out = ring->left_out[kind_index];
  ring->left_out[kind_index] = 0;
  record.size = static_cast<std::uint16_t>(std::min(text.size(), kTextMax));
  for (std::size_t i = 0; i < record.size; ++i) {
    record.text[i] = text[i] >= 0x20 && text[i] <= 0x7e ? text[i] : '?';
  }
  ring->head.store(head + 1, std::memory_order_release);
  wake(state());
}

void logf(LogLevel level, LogKind kind, const char* format, ...) noexcept {
  if (!log_enabled(level)) return;
  char text[kTextMax + 1];
  va_list arguments;
  va_start(arguments, format);
  const int size = std::vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  if (size > 0) log(level, kind, std::string_view(text, std::min(static_cast<std::size_t>(size), kTextMax)));
}

}  // namespace router
