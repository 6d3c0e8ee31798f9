// Small pieces that the text decoders share: blanks, numbers, hex digits. Internal to protocol/.
//
// Thread rule: pure functions, any thread. No heap; nothing outside the given text is read.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "protocol/errc.h"

namespace vscp::text {

/// A lone CR counts as a blank, as upstream has it.
constexpr bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\r';
}

constexpr std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

inline constexpr std::uint8_t kNotHex = 0xff;

/// Value of a hex digit in either case by character, kNotHex for the rest.
inline constexpr std::array<std::uint8_t, 256> kHexValue = [] {
  std::array<std::uint8_t, 256> table{};
  table.fill(kNotHex);
  for (unsigned i = 0; i < 10; ++i) table['0' + i] = static_cast<std::uint8_t>(i);
  for (unsigned i = 0; i < 6; ++i) {
    table['a' + i] = static_cast<std::uint8_t>(10 + i);
    table['A' + i] = static_cast<std::uint8_t>(10 + i);
  }
  return table;
}();

constexpr unsigned hex_value(char c) noexcept {
  return kHexValue[static_cast<unsigned char>(c)];
}

/// Reads a whole text without blanks around it: decimal, 0x, 0o or 0b, either case of the letter.
/// Errors: kBadNumber (empty too), kNumberRange (above 64 bits).
constexpr Result<std::uint64_t> parse_number(std::string_view text) noexcept {
  unsigned base = 10;
  if (text.size() > 1 && text[0] == '0') {
    const char mark = static_cast<char>(text[1] | 0x20);
    base = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 10;
    if (base != 10) text.remove_prefix(2);
  }
  if (text.empty()) return std::unexpected(Errc::kBadNumber);
  std::uint64_t value = 0;
  bool overflow = false;
  for (const char c : text) {
    const unsigned digit = hex_value(c);
    if (digit >= base) return std::unexpected(Errc::kBadNumber);
    overflow |= __builtin_mul_overflow(value, std::uint64_t{base}, &value);
    overflow |= __builtin_add_overflow(value, std::uint64_t{digit}, &value);
  }
  if (overflow) return std::unexpected(Errc::kNumberRange);
  return value;
}

/// Eight characters as a little-endian word, whatever the machine is.
inline std::uint64_t load8(const char* text) noexcept {
  std::uint64_t word;
  std::memcpy(&word, text, sizeof word);
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
  return word;
}

inline void store8(char* text, std::uint64_t word) noexcept {
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
  std::memcpy(text, &word, sizeof word);
}

/// How many of the eight characters, from the first on, are decimal digits (0..8).
inline unsigned leading_digits(std::uint64_t word) noexcept {
  const std::uint64_t digits = word ^ 0x3030303030303030ULL;
  // Bytes above 9 get their top bit set. The carry of a byte above 0x89 only disturbs later bytes.
  const std::uint64_t others = ((digits + 0x7676767676767676ULL) | digits) & 0x8080808080808080ULL;
  return static_cast<unsigned>(std::countr_zero(others)) / 8;
}

/// Value of the first `count` (1..8) characters of `word`, all decimal digits.
inline std::uint32_t digits_value(std::uint64_t word, unsigned count) noexcept {
  // Shifted up, the missing leading digits are zero bytes; then pairs, fours and eights are joined.
  std::uint64_t value = (word ^ 0x3030303030303030ULL) << (64 - 8 * count);
  value = (value * 10) + (value >> 8);
  value = (((value & 0x000000ff000000ffULL) * (100 + (1000000ULL << 32U))) +
           (((value >> 16) & 0x000000ff000000ffULL) * (1 + (10000ULL << 32U)))) >>
          32;
  return static_cast<std::uint32_t>(value);
}

/// The fixed part "YYYY-MM-DDTHH:MM:SS" of a date, 19 characters, a blank allowed for the T, as seconds since 1970.
/// False if it is no date, or not one whose nanoseconds fit in 64 bits.
bool scan_datetime19(const char* text, std::uint64_t& seconds) noexcept;

}  // namespace vscp::text
