// Log lines. Workers never format into a file or take a lock: a line goes into a ring of the calling thread and a log
// thread writes it out (spdlog). Lines of one kind are written at most once a second per thread; how many were left
// out is said with the next one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace router {

enum class LogLevel : std::uint8_t { kTrace, kDebug, kInfo, kWarn, kError, kCritical, kOff };

/// Kinds of lines that may come in floods; each is limited by itself. kOnce lines are never held back.
enum class LogKind : std::uint8_t {
  kOnce,
  kAccept,
  kLogin,
  kLoginFailed,
  kRefused,
  kTls,
  kSlowConsumer,
  kResource,
  kRemote,
  kRemoteRefused,
  kCount,
};

struct LogSettings {
  bool console = true;
  LogLevel console_level = LogLevel::kInfo;
  std::string console_pattern = "%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v";
  bool file = false;
  LogLevel file_level = LogLevel::kInfo;
  std::string file_pattern = "%Y-%m-%dT%H:%M:%S.%e %l %v";
  std::string file_path;
  std::uint64_t file_bytes_max = 5'242'880;
  std::uint32_t file_count_max = 7;
};

/// Starts the log thread. Returns an empty text, or what is wrong (a file that cannot be opened). Startup thread.
std::string start_log(const LogSettings& settings);
/// Writes what is left and ends the log thread. Startup thread.
void stop_log() noexcept;

/// True if a line of this level would be written somewhere.
bool log_enabled(LogLevel level) noexcept;

/// Any thread. `text` is cut at 240 bytes; bytes below 0x20 and above 0x7e are written as '?', so that a peer cannot forge
/// lines. Never blocks; with a full ring the line is counted as lost.
void log(LogLevel level, LogKind kind, std::string_view text) noexcept;

/// printf-like form of the same.
[[gnu::format(printf, 3, 4)]] void logf(LogLevel level, LogKind kind, const char* format, ...) noexcept;

}  // namespace router
