// The portable form of the codec kernels.
#include <bit>
#include <cstring>

#include "protocol/codec_forms.h"
#include "protocol/limits.h"
#include "protocol/text_scan.h"

namespace vscp {
namespace {

constexpr std::size_t kNotTaken = CodecKernels::kNotTaken;

std::size_t decode_decimal(const char* text, std::size_t size, std::uint8_t* data) noexcept {
  const char* const end = text + size;
  std::size_t count = 0;
  while (true) {
    unsigned value = 0;
    std::size_t digits = 0;
    for (; text != end && *text != ','; ++text, ++digits) {
      const unsigned digit = static_cast<unsigned char>(*text) - unsigned{'0'};
      if (digit > 9 || digits == 3) return kNotTaken;
      value = value * 10 + digit;
    }
    if (digits == 0 || value > 255 || count == kEventDataMax) return kNotTaken;
    data[count++] = static_cast<std::uint8_t>(value);
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
