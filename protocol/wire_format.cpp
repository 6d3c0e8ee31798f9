#include "protocol/wire_format.h"

namespace vscp {

std::size_t encode_event(const Event& event, WireFormat format, DateCache& dates, char* out) noexcept {
  switch (format) {
    case WireFormat::kLegacyLine:
      return encode_event_line(event, LineFormat::kLegacy, dates, out);
    case WireFormat::kNanosecondsLine:
      return encode_event_line(event, LineFormat::kNanoseconds, dates, out);
    case WireFormat::kFrame:
      break;
  }
  return encode_event_frame(event, FrameType::kEvent1, reinterpret_cast<std::uint8_t*>(out));
}

Result<void> decode_event(std::span<const char> bytes, WireFormat format, Event& event) noexcept {
  if (format == WireFormat::kFrame) {
    return decode_event_frame({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, event);
  }
  std::string_view line(bytes.data(), bytes.size());
  if (line.ends_with("\r\n")) line.remove_suffix(2);
  const auto hints = decode_event_line(line, event);
  if (!hints) return std::unexpected(hints.error());
  return {};
}

}  // namespace vscp
