// From the bytes of a message to an event: which form it is, and lines and frames. JSON and XML have files of their
// own.
#include <array>

#include "drivers/mqtt/json_payload.h"
#include "drivers/mqtt/payload.h"
#include "drivers/mqtt/payload_fields.h"
#include "drivers/mqtt/xml_payload.h"
#include "protocol/frame.h"
#include "protocol/text_scan.h"

namespace drivers::mqtt {
namespace {

using Bytes = std::span<const std::uint8_t>;
using vscp::Errc;
using vscp::Result;

constexpr bool is_white(char c) noexcept {
  return vscp::text::is_blank(c) || c == '\n';
}

std::string_view as_text(Bytes bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Texts come with a byte order mark, a line end, or the NUL of a C string.
std::string_view text_of(Bytes payload) noexcept {
  std::string_view text = as_text(payload);
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  if (!text.empty() && text.back() == '\0') text.remove_suffix(1);
  while (!text.empty() && is_white(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_white(text.back())) text.remove_suffix(1);
  return text;
}

constexpr std::uint8_t kFrameMark = 0x00;  // before a frame, and the first byte of a frame of type 0
constexpr std::uint8_t kFrameType1 = 0x10;

PayloadFormat detect(Bytes payload) noexcept {
  const std::uint8_t first_byte = payload.front();
  if (payload.size() > 1 && (first_byte == kFrameMark || first_byte >> 4U == kFrameType1 >> 4U)) {
    return PayloadFormat::kBinary;
  }
  const std::string_view text = text_of(payload);
  if (text.empty()) return PayloadFormat::kAuto;
  const char first = text.front();
  if (first == '{') return PayloadFormat::kJson;
  if (first == '<') return PayloadFormat::kXml;
  const bool line = (first >= '0' && first <= '9') || first == ',' || first == '-' || first == '+';
  return line ? PayloadFormat::kString : PayloadFormat::kAuto;
}

// "head,class,type,...": are the class or the type nothing but blanks?
void find_empty_fields(std::string_view line, bool& class_missing, bool& type_missing) noexcept {
  std::array<std::string_view, 3> fields;
  for (std::string_view& field : fields) {
    const std::size_t comma = line.find(',');
    field = vscp::text::trim(line.substr(0, comma));
    line = comma == std::string_view::npos ? std::string_view{} : line.substr(comma + 1);
  }
  class_missing = fields[1].empty();
  type_missing = fields[2].empty();
}

Result<PayloadHints> decode_line(std::string_view line, const TopicDefaults& defaults, std::uint64_t now_ns,
                                 vscp::Event& event) noexcept {
  const auto hints = vscp::decode_event_line(line, event);
  if (!hints) return std::unexpected(hints.error());
  bool class_missing = false;
  bool type_missing = false;
  if (event.vscp_class == 0 || event.vscp_type == 0) find_empty_fields(line, class_missing, type_missing);
  return apply_defaults(event, class_missing, type_missing, hints->timestamp_missing, defaults, now_ns);
}

Result<void> decode_frame(Bytes frame, vscp::Event& event) noexcept {
  const std::uint8_t type = frame.front() >> 4U;
  if (type <= 1 && (frame.front() & 0x0fU) != 0) return std::unexpected(Errc::kEncrypted);
  return vscp::decode_event_frame(frame, event);
}

// Whether 0x00 in front is the mark or the first byte of a frame of type 0 is told by where the size field fits.
Result<void> decode_binary(Bytes payload, vscp::Event& event) noexcept {
  if (payload.front() != kFrameMark) return decode_frame(payload, event);
  const Bytes behind = payload.subspan(1);
  const auto fits = [](Bytes frame) {
    const auto size = vscp::event_frame_size(frame);
    return size.has_value() && *size == frame.size();
  };
  if (!fits(behind) && (fits(payload) || behind.empty())) return decode_frame(payload, event);
  const auto marked = decode_frame(behind, event);
  return marked || !fits(payload) ? marked : decode_frame(payload, event);
}

}  // namespace

std::string_view to_text(PayloadFormat format) noexcept {
  switch (format) {
    case PayloadFormat::kAuto:
      return "auto";
    case PayloadFormat::kJson:
      return "json";
    case PayloadFormat::kXml:
      return "xml";
    case PayloadFormat::kString:
      return "string";
    case PayloadFormat::kBinary:
      return "binary";
  }
  return "auto";
}

struct PayloadDecoder::Readers {
  JsonPayload json;
  XmlPayload xml;
};

PayloadDecoder::PayloadDecoder() : readers_(std::make_unique<Readers>()) {}
PayloadDecoder::~PayloadDecoder() = default;

Result<PayloadHints> PayloadDecoder::decode(Bytes payload, PayloadFormat format, const TopicDefaults& defaults,
                                            std::uint64_t now_ns, vscp::Event& event) noexcept {
  if (payload.empty()) return std::unexpected(Errc::kEmptyPayload);
  if (payload.size() > kPayloadReadMax) return std::unexpected(Errc::kPayloadSize);
  if (format == PayloadFormat::kAuto) format = detect(payload);
  Result<PayloadHints> hints = std::unexpected(Errc::kUnknownPayload);
  switch (format) {
    case PayloadFormat::kAuto:
      break;
    case PayloadFormat::kJson:
    case PayloadFormat::kXml: {
      PayloadFields fields(event);
      const std::string_view text = text_of(payload);
      const Errc error =
          format == PayloadFormat::kJson ? readers_->json.read(text, fields) : readers_->xml.read(text, fields);
      hints = error == Errc{} ? fields.finish(defaults, now_ns) : std::unexpected(error);
      break;
    }
    case PayloadFormat::kString:
      hints = decode_line(text_of(payload), defaults, now_ns, event);
      break;
    case PayloadFormat::kBinary: {
      const auto done = decode_binary(payload, event);
      hints = done
                  ? apply_defaults(event, false, false, event.time_ns == 0 && event.timestamp_us == 0, defaults, now_ns)
                  : std::unexpected(done.error());
      break;
    }
  }
  if (hints) hints->format = format;
  return hints;
}

}  // namespace drivers::mqtt
