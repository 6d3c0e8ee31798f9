// The codec kernels for AVX-512 with VBMI and VBMI2: 64 characters or values per step.
#include "protocol/codec_forms.h"
#include "protocol/limits.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include <bit>

#if defined(__GNUC__) && !defined(__clang__)
// g++ 12 takes the "undefined" operands inside its own intrinsics for ours.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

namespace vscp {
namespace {

// The build is for the x86-64 baseline; only these functions use more, and only after the CPU was asked.
#define VSCP_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,bmi,bmi2,lzcnt,popcnt")))

constexpr std::size_t kNotTaken = CodecKernels::kNotTaken;
constexpr std::size_t kBlock = 64;

struct alignas(64) ByteTable {
  std::array<std::uint8_t, 64> bytes{};
};

VSCP_AVX512 inline __m512i load(const ByteTable& table) noexcept {
  return _mm512_load_si512(table.bytes.data());
}

constexpr std::uint64_t low_bits(std::size_t count) noexcept {
  return count >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
}

// Stores up to 64 decoded bytes at data[count..], never beyond the room for one event.
VSCP_AVX512 inline void store_values(std::uint8_t* data, std::size_t count, std::size_t added,
                                     __m512i values) noexcept {
  if (count + kBlock <= kEventDataMax) {
    _mm512_storeu_si512(data + count, values);
  } else {
    _mm512_mask_storeu_epi8(data + count, low_bits(added), values);
  }
}

// --- Decimal lists to bytes ---
//
// For every position of the text, a value is computed as if it ended just before that position, from the three
// characters in front of it; then the values at the commas are kept. The characters in front come from three more
// loads of the same text, each a byte further back.

// 100 * the low nibble; digits above 2 are found by a compare.
constexpr std::uint8_t kHundreds[16] = {0, 100, 200};
constexpr std::uint8_t kTens[16] = {0, 10, 20, 30, 40, 50, 60, 70, 80, 90};

VSCP_AVX512 inline __m512i broadcast16(const std::uint8_t (&table)[16]) noexcept {
  return _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table)));
}

VSCP_AVX512 std::size_t decode_decimal(const char* text, std::size_t size, std::uint8_t* data) noexcept {
  const __m512i zero_char = _mm512_set1_epi8('0');
  const __m512i nine = _mm512_set1_epi8(9);
  const __m512i comma = _mm512_set1_epi8(',');
  const __m512i two_char = _mm512_set1_epi8('2');
  const __m512i hundreds_table = broadcast16(kHundreds);
  const __m512i tens_table = broadcast16(kTens);
  std::uint64_t digits_before = 0;  // digit mask of the previous block
  std::size_t count = 0;
  // The end of the text counts as a comma, so a text of whole blocks takes one step more.
  for (std::size_t at = 0; at <= size; at += kBlock) {
    const std::size_t left = size - at;
    __m512i c0, c1, c2, c3;
    std::uint64_t inside = ~std::uint64_t{0};
    std::uint64_t ends = 0;
    if (at > 0 && left >= kBlock) [[likely]] {
      c0 = _mm512_loadu_si512(text + at);
      c1 = _mm512_loadu_si512(text + at - 1);
      c2 = _mm512_loadu_si512(text + at - 2);
      c3 = _mm512_loadu_si512(text + at - 3);
    } else {
      inside = low_bits(left);
      // In the first block the positions in front of the text are masked out, in the last one those behind it.
      const std::uint64_t first = at == 0 ? 1 : 0;
      const char* const here = text + at;
      c0 = _mm512_maskz_loadu_epi8(inside, here);
      c1 = _mm512_maskz_loadu_epi8(low_bits(left + 1) & ~first, here - 1);
      c2 = _mm512_maskz_loadu_epi8(low_bits(left + 2) & ~(first * 3), here - 2);
      c3 = _mm512_maskz_loadu_epi8(low_bits(left + 3) & ~(first * 7), here - 3);
      if (left < kBlock) ends = std::uint64_t{1} << left;
    }
    const std::uint64_t digits = _mm512_cmple_epu8_mask(_mm512_sub_epi8(c0, zero_char), nine);
    const std::uint64_t commas = _mm512_cmpeq_epi8_mask(c0, comma);
    ends |= commas;
    // Whether there are at least one, two, three, four digits in front of each position.
    const std::uint64_t one = digits << 1U | digits_before >> 63U;
    const std::uint64_t two = one & (digits << 2U | digits_before >> 62U);
    const std::uint64_t three = two & (digits << 3U | digits_before >> 61U);
    const std::uint64_t four = three & (digits << 4U | digits_before >> 60U);
    digits_before = digits;

    const __m512i ones = _mm512_sub_epi8(c1, zero_char);
    const __m512i tens = _mm512_maskz_shuffle_epi8(two, tens_table, c2);
    const __m512i hundreds = _mm512_maskz_shuffle_epi8(three, hundreds_table, c3);
    const __m512i low = _mm512_add_epi8(ones, tens);
    const __m512i values = _mm512_add_epi8(low, hundreds);
    // Above 255 the sum wraps and gets smaller than its parts.
    const std::uint64_t wrapped =
        _mm512_mask_cmplt_epu8_mask(three, values, low) | _mm512_mask_cmpgt_epu8_mask(three, c3, two_char);
    const std::uint64_t bad = (inside & ~(digits | commas)) | (ends & (~one | four | wrapped));
    const auto added = static_cast<std::size_t>(std::popcount(ends));
    if (bad != 0 || count + added > kEventDataMax) return kNotTaken;
    store_values(data, count, added, _mm512_maskz_compress_epi8(ends, values));
    count += added;
  }
  return count;
}

// --- "0xNN" lists to bytes: 12 values of 5 characters per step ---

constexpr std::size_t kHexStep = 12;

// Each five characters of a block as they must be, with digits left out.
constexpr ByteTable kHexForm = [] {
  ByteTable table;
  for (std::size_t i = 0; i < 60; i += 5) {
    table.bytes[i] = '0';
    table.bytes[i + 1] = 'x';
    table.bytes[i + 4] = ',';
  }
  return table;
}();

constexpr std::uint64_t kHexDigits = [] {
  std::uint64_t mask = 0;
  for (unsigned i = 0; i < 60; i += 5) mask |= std::uint64_t{3} << (i + 2);
  return mask;
}();
// Makes X and x equal.
constexpr ByteTable kHexCase = [] {
  ByteTable table;
  for (std::size_t i = 1; i < 60; i += 5) table.bytes[i] = 0x20;
  return table;
}();
// Both digits of value i side by side.
constexpr ByteTable kHexGather = [] {
  ByteTable table;
  for (std::size_t i = 0; i < kHexStep; ++i) {
    table.bytes[2 * i] = static_cast<std::uint8_t>(5 * i + 2);
    table.bytes[2 * i + 1] = static_cast<std::uint8_t>(5 * i + 3);
  }
  return table;
}();

// Values 0..15 of hex digits; `good` says where there are any. Elsewhere the result means nothing.
VSCP_AVX512 inline __m512i hex_values(__m512i chars, std::uint64_t& good) noexcept {
  const __m512i lower = _mm512_or_si512(chars, _mm512_set1_epi8(0x20));
  const std::uint64_t digits =
      _mm512_cmple_epu8_mask(_mm512_sub_epi8(chars, _mm512_set1_epi8('0')), _mm512_set1_epi8(9));
  const std::uint64_t letters =
      _mm512_cmple_epu8_mask(_mm512_sub_epi8(lower, _mm512_set1_epi8('a')), _mm512_set1_epi8(5));
  good = digits | letters;
  const __m512i nibbles = _mm512_and_si512(chars, _mm512_set1_epi8(15));
  return _mm512_mask_add_epi8(nibbles, letters, nibbles, _mm512_set1_epi8(9));
}

VSCP_AVX512 std::size_t decode_hex(const char* text, std::size_t size, std::uint8_t* data) noexcept {
  const std::size_t total = (size + 1) / 5;
  if (total * 5 != size + 1 || total > kEventDataMax) return kNotTaken;
  const __m512i form = load(kHexForm);
  const __m512i letter_case = load(kHexCase);
  const __m512i gather = load(kHexGather);
  const __m512i weights = _mm512_set1_epi16(0x0110);  // 16 * first digit + second
  for (std::size_t done = 0; done < total; done += kHexStep) {
    const std::size_t values = total - done < kHexStep ? total - done : kHexStep;
    // The last value of the list has no comma.
    const std::size_t chars = 5 * values - (done + values == total ? 1 : 0);
    const std::uint64_t inside = low_bits(chars);
    const __m512i block = _mm512_maskz_loadu_epi8(inside, text + 5 * done);
    std::uint64_t good;
    const __m512i nibbles = hex_values(block, good);
    const std::uint64_t equal = _mm512_cmpeq_epi8_mask(_mm512_or_si512(block, letter_case), form);
    if ((inside & ~((equal & ~kHexDigits) | (good & kHexDigits))) != 0) return kNotTaken;
    const __m512i pairs = _mm512_permutexvar_epi8(gather, nibbles);
    const __m256i bytes = _mm512_cvtepi16_epi8(_mm512_maddubs_epi16(pairs, weights));
    _mm256_mask_storeu_epi8(data + done, static_cast<__mmask32>(low_bits(values)), bytes);
  }
  return total;
}

// --- Bytes to decimal lists: 64 values per step ---
//
// Each value becomes a cell of four bytes, hundreds, tens, ones, comma, with zero bytes for leading zeros. Then the
// bytes that are not zero are kept.

struct DigitTables {
  ByteTable hundreds[4];
  ByteTable tens[4];
  ByteTable ones[4];
};

constexpr DigitTables kDigitTables = [] {
  DigitTables tables;
  for (unsigned value = 0; value < 256; ++value) {
    const auto digit = [](unsigned d) { return static_cast<std::uint8_t>('0' + d % 10); };
    tables.hundreds[value / 64].bytes[value % 64] = value >= 100 ? digit(value / 100) : std::uint8_t{0};
    tables.tens[value / 64].bytes[value % 64] = value >= 10 ? digit(value / 10) : std::uint8_t{0};
    tables.ones[value / 64].bytes[value % 64] = digit(value);
  }
  return tables;
}();

// Which value goes where so that the unpacking below, which works on each 16 bytes apart, leaves them in order:
// groups of four change places as rows and columns of a square do.
constexpr ByteTable kTranspose = [] {
  ByteTable table;
  for (std::size_t group = 0; group < 16; ++group) {
    for (std::size_t i = 0; i < 4; ++i) {
      table.bytes[4 * group + i] = static_cast<std::uint8_t>(4 * (group % 4 * 4 + group / 4) + i);
    }
  }
  return table;
}();

VSCP_AVX512 inline __m512i look_up(const ByteTable (&tables)[4], __m512i index, std::uint64_t upper) noexcept {
  const __m512i low = _mm512_permutex2var_epi8(load(tables[0]), index, load(tables[1]));
  const __m512i high = _mm512_permutex2var_epi8(load(tables[2]), index, load(tables[3]));
  return _mm512_mask_blend_epi8(upper, low, high);
}

// Keeps what is not zero of the first `cells` cells.
VSCP_AVX512 inline char* put_cells(__m512i cells, std::size_t count, char* out) noexcept {
  const std::uint64_t kept = _mm512_test_epi8_mask(cells, cells) & low_bits(4 * count);
  _mm512_storeu_si512(out, _mm512_maskz_compress_epi8(kept, cells));
  return out + std::popcount(kept);
}

VSCP_AVX512 std::size_t encode_decimal(const std::uint8_t* data, std::size_t size, char* out) noexcept {
  const char* const begin = out;
  const __m512i transpose = load(kTranspose);
  const __m512i commas = _mm512_set1_epi8(',');
  for (std::size_t at = 0; at < size; at += kBlock) {
    const std::size_t left = size - at;
    const __m512i raw = _mm512_maskz_loadu_epi8(low_bits(left), data + at);
    const __m512i values = _mm512_permutexvar_epi8(transpose, raw);
    const std::uint64_t upper = _mm512_movepi8_mask(values);
    const __m512i hundreds = look_up(kDigitTables.hundreds, values, upper);
    const __m512i tens = look_up(kDigitTables.tens, values, upper);
    const __m512i ones = look_up(kDigitTables.ones, values, upper);
    const __m512i front_low = _mm512_unpacklo_epi8(hundreds, tens);
    const __m512i back_low = _mm512_unpacklo_epi8(ones, commas);
    out = put_cells(_mm512_unpacklo_epi16(front_low, back_low), left, out);
    if (left <= 16) break;
    out = put_cells(_mm512_unpackhi_epi16(front_low, back_low), left - 16, out);
    if (left <= 32) break;
    const __m512i front_high = _mm512_unpackhi_epi8(hundreds, tens);
    const __m512i back_high = _mm512_unpackhi_epi8(ones, commas);
    out = put_cells(_mm512_unpacklo_epi16(front_high, back_high), left - 32, out);
    if (left <= 48) break;
    out = put_cells(_mm512_unpackhi_epi16(front_high, back_high), left - 48, out);
  }
  return static_cast<std::size_t>(out - begin);
}

// --- GUIDs ---

constexpr std::uint64_t kGuidColons = [] {
  std::uint64_t mask = 0;
  for (unsigned i = 2; i < 47; i += 3) mask |= std::uint64_t{1} << i;
  return mask;
}();
constexpr std::uint64_t kGuidChars = low_bits(47);

constexpr ByteTable kGuidGather = [] {
  ByteTable table;
  for (std::size_t i = 0; i < 16; ++i) {
    table.bytes[2 * i] = static_cast<std::uint8_t>(3 * i);
    table.bytes[2 * i + 1] = static_cast<std::uint8_t>(3 * i + 1);
  }
  return table;
}();
// Where each character of the text comes from in the row of 32 digits; the colons are put in afterwards.
constexpr ByteTable kGuidSpread = [] {
  ByteTable table;
  for (std::size_t i = 0; i < 47; ++i) table.bytes[i] = static_cast<std::uint8_t>(i / 3 * 2 + (i % 3 == 1 ? 1 : 0));
  return table;
}();

VSCP_AVX512 bool parse_guid(const char* text, std::uint8_t* bytes) noexcept {
  const __m512i chars = _mm512_maskz_loadu_epi8(kGuidChars, text);
  std::uint64_t good;
  const __m512i nibbles = hex_values(chars, good);
  const std::uint64_t colons = _mm512_cmpeq_epi8_mask(chars, _mm512_set1_epi8(':'));
  if (good != (kGuidChars & ~kGuidColons) || colons != kGuidColons) return false;
  const __m256i pairs = _mm512_castsi512_si256(_mm512_permutexvar_epi8(load(kGuidGather), nibbles));
  const __m256i words = _mm256_maddubs_epi16(pairs, _mm256_set1_epi16(0x0110));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(bytes), _mm256_cvtepi16_epi8(words));
  return true;
}

VSCP_AVX512 void format_guid(const std::uint8_t* bytes, char* text) noexcept {
  const __m128i raw = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
  const __m128i nibble = _mm_set1_epi8(15);
  const __m128i digits = _mm_setr_epi8('0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F');
  const __m128i high = _mm_shuffle_epi8(digits, _mm_and_si128(_mm_srli_epi16(raw, 4), nibble));
  const __m128i low = _mm_shuffle_epi8(digits, _mm_and_si128(raw, nibble));
  const __m256i row =
      _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_unpacklo_epi8(high, low)), _mm_unpackhi_epi8(high, low), 1);
  const __m512i spread = _mm512_permutexvar_epi8(load(kGuidSpread), _mm512_castsi256_si512(row));
  const __m512i whole = _mm512_mask_blend_epi8(kGuidColons, spread, _mm512_set1_epi8(':'));
  _mm512_mask_storeu_epi8(text, kGuidChars, whole);
}

constexpr CodecKernels kAvx512Kernels{.decode_decimal = decode_decimal,
                                      .decode_hex = decode_hex,
                                      .encode_decimal = encode_decimal,
                                      .parse_guid = parse_guid,
                                      .format_guid = format_guid};

}  // namespace

const CodecKernels* avx512_kernels() noexcept {
  const bool there = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                     __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi") &&
                     __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("bmi2") &&
                     __builtin_cpu_supports("popcnt");
  return there ? &kAvx512Kernels : nullptr;
}

}  // namespace vscp

#else

namespace vscp {

const CodecKernels* avx512_kernels() noexcept {
  return nullptr;
}

}  // namespace vscp

#endif
