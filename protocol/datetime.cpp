#include "protocol/datetime.h"

#include <cstring>

#include "protocol/text_scan.h"

namespace vscp {
namespace {

constexpr std::uint64_t kNsPerSecond = 1'000'000'000ULL;
constexpr unsigned kSecondsPerDay = 86'400;
constexpr unsigned kYearMin = 1970;
constexpr unsigned kYearMax = 2554;
// The last whole second that 64 bits of nanoseconds hold, 2554-07-21T23:34:33Z.
constexpr std::uint64_t kSecondMax = ~std::uint64_t{0} / kNsPerSecond;
// Days from 0000-03-01 to 1970-01-01 in the proleptic Gregorian calendar.
constexpr unsigned kDaysToEpoch = 719'468;

constexpr bool is_leap_year(unsigned year) noexcept {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

constexpr unsigned days_in_month(unsigned year, unsigned month) noexcept {
  constexpr unsigned char kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && is_leap_year(year) ? 29U : kDays[month - 1];
}

// Years are counted from March, so that the leap day is the last of its year.
constexpr unsigned days_since_epoch(unsigned year, unsigned month, unsigned day) noexcept {
  const unsigned shifted_year = year - (month <= 2 ? 1 : 0);
  const unsigned shifted_month = month > 2 ? month - 3 : month + 9;
  const unsigned day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
  return 365 * shifted_year + shifted_year / 4 - shifted_year / 100 + shifted_year / 400 + day_of_year - kDaysToEpoch;
}

struct CivilDate {
  unsigned year, month, day;
};

constexpr CivilDate civil_date(unsigned days) noexcept {
  const unsigned shifted = days + kDaysToEpoch;
  const unsigned era = shifted / 146'097;
  const unsigned day_of_era = shifted % 146'097;
  const unsigned year_of_era = (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const unsigned shifted_month = (5 * day_of_year + 2) / 153;
  const unsigned month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  return {.year = era * 400 + year_of_era + (month <= 2 ? 1U : 0U),
          .month = month,
          .day = day_of_year - (153 * shifted_month + 2) / 5 + 1};
}

char* put2(unsigned value, char* out) noexcept {
  out[0] = static_cast<char>('0' + value / 10);
  out[1] = static_cast<char>('0' + value % 10);
  return out + 2;
}

// Checks eight characters against a form of digits ('0') and separators, and joins each two neighbours: byte i of the
// result is 10 * digit i + digit i+1. False if a character does not fit the form.
bool scan_pairs(std::uint64_t word, std::uint64_t form, std::uint64_t limits, std::uint64_t& pairs) noexcept {
  const std::uint64_t digits = word ^ form;
  if ((((digits + limits) | digits) & 0x8080808080808080ULL) != 0) return false;
  pairs = digits * 10 + (digits >> 8);
  return true;
}

constexpr std::uint64_t pack8(const char (&text)[9]) noexcept {
  std::uint64_t word = 0;
  for (unsigned i = 0; i < 8; ++i) word |= static_cast<std::uint64_t>(static_cast<unsigned char>(text[i])) << (8 * i);
  return word;
}

// What is added to each byte so that its top bit says "does not fit": digits above 9, separators other than equal.
constexpr std::uint64_t limits_of(std::uint64_t form) noexcept {
  std::uint64_t limits = 0;
  for (unsigned i = 0; i < 64; i += 8) limits |= (((form >> i) & 0xffU) == '0' ? 0x76ULL : 0x7fULL) << i;
  return limits;
}

constexpr unsigned byte_of(std::uint64_t word, unsigned index) noexcept {
  return static_cast<unsigned>((word >> (8 * index)) & 0xffU);
}

}  // namespace

bool text::scan_datetime19(const char* text, std::uint64_t& seconds) noexcept {
  constexpr std::uint64_t kFormDate = pack8("0000-00-");
  constexpr std::uint64_t kFormMiddle = pack8("00T00:00");
  std::uint64_t date;
  std::uint64_t middle;
  if (!scan_pairs(load8(text), kFormDate, limits_of(kFormDate), date)) return false;
  std::uint64_t word = load8(text + 8);
  if (text[10] == ' ') word ^= static_cast<std::uint64_t>(' ' ^ 'T') << 16U;
  if (!scan_pairs(word, kFormMiddle, limits_of(kFormMiddle), middle)) return false;
  const unsigned second_tens = static_cast<unsigned char>(text[17]) - unsigned{'0'};
  const unsigned second_ones = static_cast<unsigned char>(text[18]) - unsigned{'0'};
  if (text[16] != ':' || second_tens > 9 || second_ones > 9) return false;

  const unsigned year = byte_of(date, 0) * 100 + byte_of(date, 2);
  const unsigned month = byte_of(date, 5);
  const unsigned day = byte_of(middle, 0);
  const unsigned hour = byte_of(middle, 3);
  const unsigned minute = byte_of(middle, 6);
  const unsigned second = second_tens * 10 + second_ones;
  if (year < kYearMin || year > kYearMax || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) ||
      hour > 23 || minute > 59 || second > 60) {
    return false;
  }
  seconds = std::uint64_t{days_since_epoch(year, month, day)} * kSecondsPerDay + hour * 3600 + minute * 60 +
            (second == 60 ? 59 : second);
  return seconds <= kSecondMax;
}

Result<std::uint64_t> parse_datetime(std::string_view text) noexcept {
  std::uint64_t seconds;
  if (text.size() < 19 || !text::scan_datetime19(text.data(), seconds)) return std::unexpected(Errc::kBadDate);
  text.remove_prefix(19);
  std::uint64_t fraction_ns = 0;
  if (!text.empty() && text.front() == '.') {
    std::size_t digits = 0;
    std::uint64_t unit = kNsPerSecond;
    for (text.remove_prefix(1); digits < text.size() && text::hex_value(text[digits]) < 10; ++digits) {
      unit /= 10;
      fraction_ns += text::hex_value(text[digits]) * unit;
    }
    if (digits < 1 || digits > 9) return std::unexpected(Errc::kBadDate);
    text.remove_prefix(digits);
  }
  if (text == "Z") text.remove_prefix(1);
  const bool fits = fraction_ns <= ~std::uint64_t{0} - seconds * kNsPerSecond;
  if (!text.empty() || !fits) return std::unexpected(Errc::kBadDate);
  return seconds * kNsPerSecond + fraction_ns;
}

char* format_datetime(std::uint64_t time_ns, char* out) noexcept {
  const std::uint64_t seconds = time_ns / kNsPerSecond;
  const CivilDate date = civil_date(static_cast<unsigned>(seconds / kSecondsPerDay));
  const unsigned second_of_day = static_cast<unsigned>(seconds % kSecondsPerDay);
  out = put2(date.year / 100, out);
  out = put2(date.year % 100, out);
  *out++ = '-';
  out = put2(date.month, out);
  *out++ = '-';
  out = put2(date.day, out);
  *out++ = 'T';
  out = put2(second_of_day / 3600, out);
  *out++ = ':';
  out = put2(second_of_day / 60 % 60, out);
  *out++ = ':';
  out = put2(second_of_day % 60, out);
  *out++ = 'Z';
  return out;
}

}  // namespace vscp
