// The codec kernels for SSSE3, which nearly every x86-64 CPU has: 16 characters or values per step.
#include "protocol/codec_forms.h"
#include "protocol/limits.h"

#if defined(__x86_64__)

#include <tmmintrin.h>

#include <bit>
#include <cstring>

namespace vscp {
namespace {

// The build is for the x86-64 baseline; only these functions use more, and only after the CPU was asked.
#define VSCP_SSSE3 __attribute__((target("ssse3,popcnt")))

constexpr std::size_t kNotTaken = CodecKernels::kNotTaken;
constexpr std::size_t kBlock = 16;

VSCP_SSSE3 inline __m128i load(const void* from) noexcept {
  return _mm_loadu_si128(static_cast<const __m128i*>(from));
}
VSCP_SSSE3 inline void store(void* to, __m128i value) noexcept {
  _mm_storeu_si128(static_cast<__m128i*>(to), value);
}
VSCP_SSSE3 inline unsigned bits(__m128i mask) noexcept {
  return static_cast<unsigned>(_mm_movemask_epi8(mask));
}
// Unsigned bytes: left <= right.
VSCP_SSSE3 inline __m128i less_equal(__m128i left, __m128i right) noexcept {
  return _mm_cmpeq_epi8(_mm_min_epu8(left, right), left);
}
VSCP_SSSE3 inline __m128i is_digit(__m128i chars) noexcept {
  return less_equal(_mm_sub_epi8(chars, _mm_set1_epi8('0')), _mm_set1_epi8(9));
}

// Shuffles that move the bytes whose bit is set in an 8-bit mask to the front of 8 bytes; zero behind them.
struct alignas(64) PackTable {
  std::array<std::array<std::uint8_t, 8>, 256> rows{};
};
constexpr PackTable kPackEight = [] {
  PackTable table;
  for (unsigned mask = 0; mask < 256; ++mask) {
    std::size_t used = 0;
    table.rows[mask].fill(0x80);
    for (unsigned bit = 0; bit < 8; ++bit) {
      if ((mask >> bit & 1U) != 0) table.rows[mask][used++] = static_cast<std::uint8_t>(bit);
    }
  }
  return table;
}();

// --- Decimal lists to bytes ---
//
// As in codec_avx512.cpp: for every position a value is computed as if it ended in front of it, and those at the
// commas are kept.

struct Step {
  __m128i values;
  unsigned ends;  // positions of the commas
  bool good;
};

// One step over 16 characters; `text` can be read from text[-4] to text[15]. Only commas at the positions in `limit`
// end a value.
VSCP_SSSE3 inline Step decode_step(const char* text, unsigned limit) noexcept {
  const __m128i c0 = load(text);
  const __m128i c1 = load(text - 1);
  const __m128i c2 = load(text - 2);
  const __m128i c3 = load(text - 3);
  const __m128i commas = _mm_cmpeq_epi8(c0, _mm_set1_epi8(','));
  const __m128i one = is_digit(c1);
  const __m128i two = _mm_and_si128(one, is_digit(c2));
  const __m128i three = _mm_and_si128(two, is_digit(c3));
  const __m128i four = _mm_and_si128(three, is_digit(load(text - 4)));
  const __m128i tens_table = _mm_setr_epi8(0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 0, 0, 0, 0, 0, 0);
  const __m128i hundreds_table = _mm_setr_epi8(0, 100, static_cast<char>(200), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  const __m128i tens = _mm_and_si128(two, _mm_shuffle_epi8(tens_table, c2));
  const __m128i hundreds = _mm_and_si128(three, _mm_shuffle_epi8(hundreds_table, c3));
  const __m128i low = _mm_add_epi8(_mm_sub_epi8(c1, _mm_set1_epi8('0')), tens);
  const __m128i values = _mm_add_epi8(low, hundreds);
  // A sum above 255 wraps and gets smaller than its parts; hundreds above 2 are not in the table.
  const __m128i in_range = _mm_and_si128(less_equal(low, values), less_equal(c3, _mm_set1_epi8('2')));
  const __m128i bad = _mm_or_si128(_mm_andnot_si128(in_range, three), four);
  const __m128i good_end = _mm_andnot_si128(bad, one);
  const __m128i known = _mm_or_si128(is_digit(c0), commas);
  const unsigned ends = bits(commas) & limit;
  return {.values = values, .ends = ends, .good = bits(known) == 0xffff && (bits(good_end) & ends) == ends};
}

// Writes the values at the ends, and may write up to 16 bytes in all.
VSCP_SSSE3 inline std::size_t pack_values(const Step& step, std::uint8_t* data) noexcept {
  const unsigned front = step.ends & 0xffU;
  const unsigned back = step.ends >> 8U;
  const __m128i front_row = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(kPackEight.rows[front].data()));
  const __m128i back_row = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(kPackEight.rows[back].data()));
  const auto front_count = static_cast<std::size_t>(std::popcount(front));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(data), _mm_shuffle_epi8(step.values, front_row));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(data + front_count),
                   _mm_shuffle_epi8(_mm_srli_si128(step.values, 8), back_row));
  return front_count + static_cast<std::size_t>(std::popcount(back));
}

VSCP_SSSE3 std::size_t decode_decimal(const char* text, std::size_t size, std::uint8_t* data) noexcept {
  std::size_t count = 0;
  for (std::size_t at = 0; at <= size; at += kBlock) {
    const std::size_t left = size - at;
    Step step;
    if (at > 0 && left >= kBlock) [[likely]] {
      step = decode_step(text + at, 0xffff);
    } else {
      // The ends of the list are copied out, so that nothing outside is read. Commas stand around it; only the first
      // one behind the list ends a value.
      char copy[4 + kBlock];
      std::memset(copy, ',', sizeof copy);
      const std::size_t before = at == 0 ? 0 : 4;
      const std::size_t inside = left < kBlock ? left : kBlock;
      std::memcpy(copy + 4 - before, text + at - before, before + inside);
      step = decode_step(copy + 4, left < kBlock ? (2U << left) - 1 : 0xffff);
    }
    if (!step.good) return kNotTaken;
    if (count + kBlock <= kEventDataMax) [[likely]] {
      count += pack_values(step, data + count);
    } else {
      std::uint8_t packed[kBlock];
      const std::size_t added = pack_values(step, packed);
      if (count + added > kEventDataMax) return kNotTaken;
      std::memcpy(data + count, packed, added);
      count += added;
    }
  }
  return count;
}

// Values 0..15 of hex digits; `good` is all ones where there are any. Elsewhere the result means nothing.
VSCP_SSSE3 inline __m128i hex_values(__m128i chars, __m128i& good) noexcept {
  const __m128i lower = _mm_or_si128(chars, _mm_set1_epi8(0x20));
  const __m128i letters = less_equal(_mm_sub_epi8(lower, _mm_set1_epi8('a')), _mm_set1_epi8(5));
  good = _mm_or_si128(letters, is_digit(chars));
  const __m128i nibbles = _mm_and_si128(chars, _mm_set1_epi8(15));
  return _mm_add_epi8(nibbles, _mm_and_si128(letters, _mm_set1_epi8(9)));
}

// --- "0xNN" lists to bytes: three values of five characters per step ---

VSCP_SSSE3 std::size_t decode_hex(const char* text, std::size_t size, std::uint8_t* data) noexcept {
  const std::size_t total = (size + 1) / 5;
  if (total * 5 != size + 1 || total > kEventDataMax) return kNotTaken;
  const __m128i form = _mm_setr_epi8('0', 'x', 0, 0, ',', '0', 'x', 0, 0, ',', '0', 'x', 0, 0, ',', 0);
  const __m128i mark = _mm_setr_epi8(0, 0x20, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0x20, 0, 0, 0, 0);
  const __m128i front = _mm_setr_epi8(2, -1, 7, -1, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
  const __m128i back = _mm_setr_epi8(3, -1, 8, -1, 13, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
  constexpr unsigned kDigits = 0x318c;  // positions of the digits
  constexpr unsigned kAll = 0x7fff;
  std::size_t done = 0;
  for (; size - 5 * done >= kBlock; done += 3) {
    const __m128i block = load(text + 5 * done);
    __m128i good;
    const __m128i nibbles = hex_values(block, good);
    const unsigned equal = bits(_mm_cmpeq_epi8(_mm_or_si128(block, mark), form));
    if ((((bits(good) & kDigits) | (equal & ~kDigits)) & kAll) != kAll) return kNotTaken;
    const __m128i high = _mm_slli_epi16(_mm_shuffle_epi8(nibbles, front), 4);
    const __m128i words = _mm_or_si128(high, _mm_shuffle_epi8(nibbles, back));
    const auto bytes = static_cast<std::uint32_t>(_mm_cvtsi128_si32(_mm_packus_epi16(words, words)));
    std::memcpy(data + done, &bytes, 3);
  }
  // At least one value is left: a step needs a character more than three values have.
  const std::size_t rest = kScalarKernels.decode_hex(text + 5 * done, size - 5 * done, data + done);
  return rest == kNotTaken ? kNotTaken : total;
}

// --- Bytes to decimal lists: 16 values per step, four per store ---

// By which of four values have tens (bits 0-3) and hundreds (bits 4-7): the bytes to keep of four cells of hundreds,
// tens, ones, comma.
struct alignas(64) CellTable {
  std::array<std::array<std::uint8_t, 16>, 256> rows{};
};
constexpr CellTable kCellRows = [] {
  CellTable table;
  for (unsigned mask = 0; mask < 256; ++mask) {
    std::size_t used = 0;
    table.rows[mask].fill(0x80);
    for (unsigned cell = 0; cell < 4; ++cell) {
      for (unsigned part = 0; part < 4; ++part) {
        const bool kept = part > 1 || (mask >> (cell + (part == 0 ? 4 : 0)) & 1U) != 0;
        if (kept) table.rows[mask][used++] = static_cast<std::uint8_t>(4 * cell + part);
      }
    }
  }
  return table;
}();

VSCP_SSSE3 inline __m128i high_products(__m128i low, __m128i high, short factor) noexcept {
  const __m128i factors = _mm_set1_epi16(factor);
  return _mm_packus_epi16(_mm_mulhi_epu16(low, factors), _mm_mulhi_epu16(high, factors));
}

VSCP_SSSE3 inline __m128i times_ten(__m128i small) noexcept {
  const __m128i two = _mm_add_epi8(small, small);
  const __m128i four = _mm_add_epi8(two, two);
  return _mm_add_epi8(_mm_add_epi8(four, four), two);
}

VSCP_SSSE3 std::size_t encode_decimal(const std::uint8_t* data, std::size_t size, char* out) noexcept {
  const char* const begin = out;
  const __m128i zero = _mm_setzero_si128();
  const __m128i zero_char = _mm_set1_epi8('0');
  for (std::size_t at = 0; at < size; at += kBlock) {
    const std::size_t left = size - at < kBlock ? size - at : kBlock;
    std::uint8_t copy[kBlock] = {};
    if (left < kBlock) std::memcpy(copy, data + at, left);
    const __m128i values = load(left < kBlock ? copy : data + at);
    // 656/65536 and 6554/65536 are near enough to 1/100 and 1/10 for all bytes.
    const __m128i low = _mm_unpacklo_epi8(values, zero);
    const __m128i high = _mm_unpackhi_epi8(values, zero);
    const __m128i hundreds = high_products(low, high, 656);
    const __m128i tenths = high_products(low, high, 6554);
    const __m128i tens = _mm_sub_epi8(tenths, times_ten(hundreds));
    const __m128i ones = _mm_sub_epi8(values, times_ten(tenths));
    const unsigned has_tens = bits(_mm_cmpeq_epi8(tenths, zero)) ^ 0xffffU;
    const unsigned has_hundreds = bits(_mm_cmpeq_epi8(hundreds, zero)) ^ 0xffffU;
    const __m128i front[2] = {_mm_unpacklo_epi8(_mm_or_si128(hundreds, zero_char), _mm_or_si128(tens, zero_char)),
                              _mm_unpackhi_epi8(_mm_or_si128(hundreds, zero_char), _mm_or_si128(tens, zero_char))};
    const __m128i back[2] = {_mm_unpacklo_epi8(_mm_or_si128(ones, zero_char), _mm_set1_epi8(',')),
                             _mm_unpackhi_epi8(_mm_or_si128(ones, zero_char), _mm_set1_epi8(','))};
    const __m128i cells[4] = {_mm_unpacklo_epi16(front[0], back[0]), _mm_unpackhi_epi16(front[0], back[0]),
                              _mm_unpacklo_epi16(front[1], back[1]), _mm_unpackhi_epi16(front[1], back[1])};
    for (std::size_t group = 0; 4 * group < left; ++group) {
      const unsigned row = (has_tens >> (4 * group) & 15U) | (has_hundreds >> (4 * group) & 15U) << 4U;
      store(out, _mm_shuffle_epi8(cells[group], load(kCellRows.rows[row].data())));
      const std::size_t count = left - 4 * group < 4 ? left - 4 * group : 4;
      out += 2 * count + static_cast<std::size_t>(std::popcount(row));
    }
  }
  return static_cast<std::size_t>(out - begin);
}

// --- GUIDs: the text is taken as three overlapping pieces of 16 characters, from 0, 16 and 31 on ---

constexpr std::size_t kPieces[3] = {0, 16, 31};

using Row = std::array<std::uint8_t, 16>;

// Where the first (or second) digit of each byte is in each piece; 0x80 if it is in another one.
constexpr std::array<Row, 3> gather_rows(std::size_t digit) {
  std::array<Row, 3> rows{};
  for (auto& row : rows) row.fill(0x80);
  for (std::size_t byte = 0; byte < 16; ++byte) {
    const std::size_t at = 3 * byte + digit;
    const std::size_t piece = at < 16 ? 0 : at < 32 ? 1 : 2;
    rows[piece][byte] = static_cast<std::uint8_t>(at - kPieces[piece]);
  }
  return rows;
}
constexpr auto kGatherHigh = gather_rows(0);
constexpr auto kGatherLow = gather_rows(1);

// Where each character of a piece comes from in 32 digits of which `half` gives 16; 0x80 if not from there.
constexpr std::array<Row, 3> spread_rows(std::size_t half) {
  std::array<Row, 3> rows{};
  for (std::size_t piece = 0; piece < 3; ++piece) {
    for (std::size_t i = 0; i < 16; ++i) {
      const std::size_t at = kPieces[piece] + i;
      const std::size_t digit = at / 3 * 2 + at % 3;
      const bool here = at % 3 != 2 && digit / 16 == half;
      rows[piece][i] = here ? static_cast<std::uint8_t>(digit % 16) : std::uint8_t{0x80};
    }
  }
  return rows;
}
constexpr auto kSpreadFirst = spread_rows(0);
constexpr auto kSpreadSecond = spread_rows(1);

// ':' where it belongs, 0 elsewhere.
constexpr std::array<Row, 3> kColons = [] {
  std::array<Row, 3> rows{};
  for (std::size_t piece = 0; piece < 3; ++piece) {
    for (std::size_t i = 0; i < 16; ++i)
      rows[piece][i] = (kPieces[piece] + i) % 3 == 2 ? std::uint8_t{':'} : std::uint8_t{0};
  }
  return rows;
}();

VSCP_SSSE3 bool parse_guid(const char* text, std::uint8_t* bytes) noexcept {
  __m128i high = _mm_setzero_si128();
  __m128i low = high;
  __m128i fits = _mm_set1_epi8(-1);
  for (std::size_t piece = 0; piece < 3; ++piece) {
    const __m128i chars = load(text + kPieces[piece]);
    const __m128i colons = load(kColons[piece].data());
    __m128i good;
    const __m128i nibbles = hex_values(chars, good);
    // No character is both a hex digit and a colon, and none is the 0 that stands for "a digit" in `colons`.
    const __m128i digit_place = _mm_cmpeq_epi8(colons, _mm_setzero_si128());
    fits = _mm_and_si128(fits, _mm_or_si128(_mm_and_si128(good, digit_place),
                                            _mm_andnot_si128(digit_place, _mm_cmpeq_epi8(chars, colons))));
    high = _mm_or_si128(high, _mm_shuffle_epi8(nibbles, load(kGatherHigh[piece].data())));
    low = _mm_or_si128(low, _mm_shuffle_epi8(nibbles, load(kGatherLow[piece].data())));
  }
  if (bits(fits) != 0xffff) return false;
  // A nibble does not leave its byte when it is moved up by four.
  store(bytes, _mm_or_si128(_mm_slli_epi16(high, 4), low));
  return true;
}

VSCP_SSSE3 void format_guid(const std::uint8_t* bytes, char* text) noexcept {
  const __m128i raw = load(bytes);
  const __m128i nibble = _mm_set1_epi8(15);
  const __m128i digits = _mm_setr_epi8('0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F');
  const __m128i high = _mm_shuffle_epi8(digits, _mm_and_si128(_mm_srli_epi16(raw, 4), nibble));
  const __m128i low = _mm_shuffle_epi8(digits, _mm_and_si128(raw, nibble));
  const __m128i first = _mm_unpacklo_epi8(high, low);
  const __m128i second = _mm_unpackhi_epi8(high, low);
  for (std::size_t piece = 0; piece < 3; ++piece) {
    const __m128i spread = _mm_or_si128(_mm_shuffle_epi8(first, load(kSpreadFirst[piece].data())),
                                        _mm_shuffle_epi8(second, load(kSpreadSecond[piece].data())));
    store(text + kPieces[piece], _mm_or_si128(spread, load(kColons[piece].data())));
  }
}

constexpr CodecKernels kSsse3Kernels{.decode_decimal = decode_decimal,
                                     .decode_hex = decode_hex,
                                     .encode_decimal = encode_decimal,
                                     .parse_guid = parse_guid,
                                     .format_guid = format_guid};

}  // namespace

const CodecKernels* ssse3_kernels() noexcept {
  return __builtin_cpu_supports("ssse3") && __builtin_cpu_supports("popcnt") ? &kSsse3Kernels : nullptr;
}

}  // namespace vscp

#else

namespace vscp {

const CodecKernels* ssse3_kernels() noexcept {
  return nullptr;
}

}  // namespace vscp

#endif
