// The portable form of the codec kernels.
#include <bit>
#include <cstring>

#include "protocol/codec_forms.h"
#include "protocol/limits.h"
#include "protocol/text_scan.h"

namespace vscp {
namespace {

constexpr std::size_t kNotTaken = CodecKernels::kNotTaken;

// One value of 1 to 3 digits, character by character; false if there is none.
bool take_value(const char*& text, const char* end, std::uint8_t& value) noexcept {
  unsigned total = 0;
  std::size_t digits = 0;
  for (; text != end && *text != ','; ++text, ++digits) {
    const unsigned digit = static_cast<unsigned char>(*text) - unsigned{'0'};
    if (digit > 9 || digits == 3) return false;
    total = total * 10 + digit;
  }
  value = static_cast<std::uint8_t>(total & 0xffU);
  return digits > 0 && total <= 255;
}

// Value of three digits in the top bytes of a word.
constexpr unsigned top_value(std::uint64_t digits) noexcept {
  return static_cast<unsigned>(digits >> 56U) + 10 * static_cast<unsigned>(digits >> 48U & 0xffU) +
         100 * static_cast<unsigned>(digits >> 40U & 0xffU);
}

// Two values at a time: each has at most three digits, so two and their commas are within eight characters. There is no
// branch on the number of digits, which nothing can predict.
std::size_t decode_decimal(const char* text, std::size_t size, std::uint8_t* data) noexcept {
  constexpr std::uint64_t kTopBits = 0x8080808080808080ULL;
  const char* const end = text + size;
  std::size_t count = 0;
  while (end - text > 8 && count + 2 <= kEventDataMax) {
    const std::uint64_t word = text::load8(text);
    const std::uint64_t digits = word ^ 0x3030303030303030ULL;
    const std::uint64_t others = ((digits + 0x7676767676767676ULL) | digits) & kTopBits;
    const std::uint64_t after = others & (others - 1);
    if (after == 0) return kNotTaken;
    const auto first = static_cast<unsigned>(std::countr_zero(others)) & ~7U;  // in bits, as the shifts need it
    const auto second = static_cast<unsigned>(std::countr_zero(after)) & ~7U;
    const unsigned second_size = second - first - 8;
    if ((word >> first & 0xffU) != ',' || (word >> second & 0xffU) != ',' || first - 8 > 16 || second_size - 8 > 16) {
      return kNotTaken;
    }
    const unsigned value1 = top_value(digits << (64 - first));
    const unsigned value2 = top_value(digits >> (first + 8) << (64 - second_size));
    if ((value1 | value2) > 255 && (value1 > 255 || value2 > 255)) return kNotTaken;
    data[count] = static_cast<std::uint8_t>(value1);
    data[count + 1] = static_cast<std::uint8_t>(value2);
    count += 2;
    text += (second >> 3U) + 1;
  }
  while (true) {
    if (count == kEventDataMax || !take_value(text, end, data[count])) return kNotTaken;
    ++count;
    if (text == end) return count;
    ++text;
  }
}

std::size_t decode_hex(const char* text, std::size_t size, std::uint8_t* data) noexcept {
  const std::size_t count = (size + 1) / 5;
  if (count * 5 != size + 1 || count > kEventDataMax) return kNotTaken;
  for (std::size_t i = 0; i < count; ++i, text += 5) {
    const unsigned high = text::hex_value(text[2]);
    const unsigned low = text::hex_value(text[3]);
    const bool separated = i + 1 == count || text[4] == ',';
    if (text[0] != '0' || (text[1] | 0x20) != 'x' || (high | low) > 15 || !separated) return kNotTaken;
    data[i] = static_cast<std::uint8_t>(high << 4U | low);
  }
  return count;
}

std::size_t encode_decimal(const std::uint8_t* data, std::size_t size, char* out) noexcept {
  const char* const begin = out;
  for (std::size_t i = 0; i < size; ++i) {
    const DecimalCell& cell = kDecimalCells[data[i]];
    std::uint32_t text = cell.text;
    if constexpr (std::endian::native == std::endian::big) text = __builtin_bswap32(text);
    std::memcpy(out, &text, sizeof text);
    out += cell.size;
  }
  return static_cast<std::size_t>(out - begin);
}

bool parse_guid(const char* text, std::uint8_t* bytes) noexcept {
  unsigned bad = 0;
  for (std::size_t i = 0; i < 16; ++i, text += 3) {
    const unsigned high = text::hex_value(text[0]);
    const unsigned low = text::hex_value(text[1]);
    bad |= (high | low) & 0xf0U;
    if (i < 15) bad |= static_cast<unsigned>(text[2] ^ ':');
    bytes[i] = static_cast<std::uint8_t>((high << 4U | low) & 0xffU);
  }
  return bad == 0;
}

void format_guid(const std::uint8_t* bytes, char* text) noexcept {
  constexpr char kDigits[] = "0123456789ABCDEF";
  for (std::size_t i = 0; i < 16; ++i, text += 3) {
    text[0] = kDigits[bytes[i] >> 4U];
    text[1] = kDigits[bytes[i] & 15U];
    if (i < 15) text[2] = ':';
  }
}

}  // namespace

const CodecKernels kScalarKernels{.decode_decimal = decode_decimal,
                                  .decode_hex = decode_hex,
                                  .encode_decimal = encode_decimal,
                                  .parse_guid = parse_guid,
                                  .format_guid = format_guid};

}  // namespace vscp
