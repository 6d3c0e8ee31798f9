// The CRC by carry-less multiplication: the message is one long polynomial, first byte highest. Blocks of 16 bytes are
// multiplied by a power of x and added to a later block, which leaves the remainder by the CRC's polynomial P as it is;
// what is left in the end is divided for good (Barrett).
#include "protocol/crc_forms.h"

#if defined(__x86_64__)

#include <tmmintrin.h>
#include <wmmintrin.h>

#include <array>

namespace vscp {
namespace {

// The build is for the x86-64 baseline; only these functions use more, and only after the CPU was asked.
#define VSCP_CLMUL __attribute__((target("pclmul,ssse3")))

constexpr std::uint64_t kPoly = 0x1021;  // without x^16
constexpr std::size_t kBlock = 16;

/// x^n mod P.
constexpr std::uint64_t power(unsigned n) {
  std::uint64_t value = 1;
  for (; n > 0; --n) value = (value << 1U & 0xffffU) ^ ((value & 0x8000U) != 0 ? kPoly : 0);
  return value;
}

/// floor(x^80 / P) without its highest bit, x^64.
constexpr std::uint64_t quotient() {
  std::uint64_t result = 0;
  std::uint64_t rest = 0x10000;  // the highest 17 bits of x^80
  for (int bit = 64; bit >= 0; --bit) {
    const bool divides = (rest & 0x10000U) != 0;
    if (bit < 64) result = result << 1U | (divides ? 1U : 0U);
    if (divides) rest ^= 0x10000U | kPoly;
    rest <<= 1U;
  }
  return result;
}

VSCP_CLMUL inline __m128i pair(std::uint64_t high, std::uint64_t low) noexcept {
  return _mm_set_epi64x(static_cast<long long>(high), static_cast<long long>(low));
}

// Adds `block` to `sum` times x^Bits.
template <unsigned Bits>
VSCP_CLMUL inline __m128i fold(__m128i sum, __m128i block) noexcept {
  const __m128i factors = pair(power(Bits + 64), power(Bits));
  return _mm_xor_si128(
      _mm_xor_si128(_mm_clmulepi64_si128(sum, factors, 0x11), _mm_clmulepi64_si128(sum, factors, 0x00)), block);
}

// A window on this, from 16 - n on, moves the first n bytes to the low end, the first of them highest; zeros above.
alignas(16) constexpr std::array<std::uint8_t, 32> kReverse = [] {
  std::array<std::uint8_t, 32> table{};
  for (std::size_t i = 0; i < kBlock; ++i) {
    table[i] = static_cast<std::uint8_t>(kBlock - 1 - i);
    table[i + kBlock] = 0x80;
  }
  return table;
}();

VSCP_CLMUL inline __m128i load(const std::uint8_t* bytes) noexcept {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
}
VSCP_CLMUL inline __m128i block_at(const std::uint8_t* bytes) noexcept {
  return _mm_shuffle_epi8(load(bytes), load(kReverse.data()));
}

// The remainder of sum times x^16.
VSCP_CLMUL inline std::uint16_t divide(__m128i sum) noexcept {
  const __m128i factor = pair(0, power(64));
  const __m128i low_half = pair(0, ~std::uint64_t{0});
  for (int i = 0; i < 2; ++i) {
    sum = _mm_xor_si128(_mm_clmulepi64_si128(sum, factor, 0x01), _mm_and_si128(sum, low_half));
  }
  const __m128i constants = pair(kPoly, quotient());
  const __m128i times = _mm_xor_si128(_mm_srli_si128(_mm_clmulepi64_si128(sum, constants, 0x00), 8), sum);
  return static_cast<std::uint16_t>(_mm_cvtsi128_si32(_mm_clmulepi64_si128(times, constants, 0x10)));
}

VSCP_CLMUL std::uint16_t crc_clmul(const std::uint8_t* bytes, std::size_t size, std::uint16_t crc) noexcept {
  if (size < 2 * kBlock) return crc_by_table(bytes, size, crc);
  if (size % kBlock == 1) {  // the CRC so far goes into the first two bytes, and they must be in one block
    crc = crc_by_table(bytes, 1, crc);
    ++bytes;
    --size;
  }
  // What is not a whole block stands at the front, where zeros before it do no harm.
  const std::size_t odd = size % kBlock;
  const __m128i begun = _mm_cvtsi32_si128(crc >> 8U | (crc & 0xff) << 8U);
  const std::size_t first = odd == 0 ? kBlock : odd;
  __m128i sum = _mm_shuffle_epi8(_mm_xor_si128(load(bytes), begun), load(&kReverse[kBlock - first]));
  bytes += first;
  std::size_t blocks = (size - first) / kBlock;
  for (; blocks % 4 != 3; --blocks, bytes += kBlock) {
    if (blocks == 0) return divide(sum);
    sum = fold<128>(sum, block_at(bytes));
  }
  __m128i second = block_at(bytes);
  __m128i third = block_at(bytes + kBlock);
  __m128i fourth = block_at(bytes + 2 * kBlock);
  bytes += 3 * kBlock;
  for (blocks -= 3; blocks > 0; blocks -= 4, bytes += 4 * kBlock) {
    sum = fold<512>(sum, block_at(bytes));
    second = fold<512>(second, block_at(bytes + kBlock));
    third = fold<512>(third, block_at(bytes + 2 * kBlock));
    fourth = fold<512>(fourth, block_at(bytes + 3 * kBlock));
  }
  sum = _mm_xor_si128(fold<256>(second, fold<128>(third, fourth)), fold<384>(sum, _mm_setzero_si128()));
  return divide(sum);
}

}  // namespace

CrcFunction crc_by_clmul() noexcept {
  return __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("ssse3") ? crc_clmul : nullptr;
}

}  // namespace vscp

#else

namespace vscp {

CrcFunction crc_by_clmul() noexcept {
  return nullptr;
}

}  // namespace vscp

#endif
