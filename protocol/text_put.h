// Small pieces that the text encoders share: numbers and dates.
//
// Each put_ function writes at `out` and returns the end of what it wrote; it may overwrite up to 8 bytes beyond that,
// which the buffer must have. Pure functions, any thread. No heap.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "protocol/datetime.h"
#include "protocol/event_line.h"
#include "protocol/text_scan.h"

namespace vscp::text {

// Decimal text of a number below 10^8: eight digits in a word, first digit in its low byte, as values 0..9.
inline std::uint64_t eight_digits(std::uint32_t value) noexcept {
  const std::uint64_t fours = value / 10'000U | static_cast<std::uint64_t>(value % 10'000U) << 32U;
  const std::uint64_t hundreds = ((fours * 10'486U) >> 20U) & 0x0000'007f'0000'007fULL;
  const std::uint64_t pairs = hundreds | (fours - hundreds * 100U) << 16U;
  const std::uint64_t tens = ((pairs * 103U) >> 10U) & 0x000f'000f'000f'000fULL;
  return tens | (pairs - tens * 10U) << 8U;
}

inline constexpr std::uint64_t kAsciiZeros = 0x3030'3030'3030'3030ULL;

/// A number below 10^8.
inline char* put_short(std::uint32_t value, char* out) noexcept {
  const std::uint64_t digits = eight_digits(value);
  // The bit set below makes the last digit count even if the value is 0.
  const unsigned zeros = static_cast<unsigned>(std::countr_zero(digits | 1ULL << 56U)) / 8;
  store8(out, (digits | kAsciiZeros) >> (8 * zeros));
  return out + (8 - zeros);
}

inline constexpr std::uint32_t kUnit = 100'000'000U;

inline char* put_eight(std::uint32_t value, char* out) noexcept {
  store8(out, eight_digits(value) | kAsciiZeros);
  return out + 8;
}

inline char* put_u32(std::uint32_t value, char* out) noexcept {
  if (value < kUnit) return put_short(value, out);
  return put_eight(value % kUnit, put_short(value / kUnit, out));
}

inline char* put_u64(std::uint64_t value, char* out) noexcept {
  const std::uint64_t upper = value / kUnit;
  if (upper == 0) return put_short(static_cast<std::uint32_t>(value), out);
  out = upper < kUnit ? put_short(static_cast<std::uint32_t>(upper), out)
                      : put_eight(static_cast<std::uint32_t>(upper % kUnit),
                                  put_short(static_cast<std::uint32_t>(upper / kUnit), out));
  return put_eight(static_cast<std::uint32_t>(value % kUnit), out);
}

inline char* put_comma(char* out) noexcept {
  *out = ',';
  return out + 1;
}

/// "YYYY-MM-DDTHH:MM:SSZ"; the text of the last second is kept.
inline char* put_date(std::uint64_t time_ns, DateCache& dates, char* out) noexcept {
  const std::uint64_t second = time_ns / 1'000'000'000U;
  if (second != dates.second) {
    format_datetime(time_ns, dates.text);
    dates.second = second;
  }
  std::memcpy(out, dates.text, sizeof dates.text);
  return out + kDatetimeTextSize;
}

}  // namespace vscp::text
