// The data list of an event line, "1,2,0x03". The common forms go to the codec kernels; this file has the general
// form, which takes everything that the contract allows and names the error.
#include "protocol/codec_kernels.h"
#include "protocol/event_line.h"
#include "protocol/text_scan.h"

namespace vscp {
namespace {

Result<std::uint16_t> decode_general(std::string_view text, std::uint8_t* data) noexcept {
  text = text::trim(text);
  std::uint16_t count = 0;
  bool more = !text.empty();
  while (more) {
    const std::size_t comma = text.find(',');
    const std::string_view field = text::trim(text.substr(0, comma));
    more = comma != std::string_view::npos;
    if (field.empty()) {
      // Nothing after the last comma is what some senders leave behind; nothing between two is a hole.
      if (more || count == 0) return std::unexpected(Errc::kMissingField);
      break;
    }
    const auto value = text::parse_number(field);
    if (!value) return std::unexpected(value.error());
    if (*value > 0xff) return std::unexpected(Errc::kNumberRange);
    if (count == kEventDataMax) return std::unexpected(Errc::kDataSize);
    data[count++] = static_cast<std::uint8_t>(*value);
    if (more) text.remove_prefix(comma + 1);
  }
  return count;
}

}  // namespace

Result<std::uint16_t> decode_data_list(std::string_view text, std::uint8_t* data) noexcept {
  if (text.empty()) return std::uint16_t{0};
  const CodecKernels& kernels = active_codec_kernels();
  const std::size_t size = text.size() - (text.back() == ',' ? 1U : 0U);
  if (size > 0) {
    const bool hex = size > 1 && (text[1] == 'x' || text[1] == 'X');
    const std::size_t count = (hex ? kernels.decode_hex : kernels.decode_decimal)(text.data(), size, data);
    if (count != CodecKernels::kNotTaken) return static_cast<std::uint16_t>(count);
  }
  const auto count = decode_general(text, data);
  if (!count && text.find('\0') != std::string_view::npos) return std::unexpected(Errc::kEmbeddedNul);
  return count;
}

std::size_t encode_data_list(const std::uint8_t* data, std::size_t size, char* out) noexcept {
  if (size == 0) return 0;
  return active_codec_kernels().encode_decimal(data, size, out) - 1;
}

}  // namespace vscp
