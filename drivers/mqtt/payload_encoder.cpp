// Events into payloads. The shapes are fixed, so they are written by hand: constant text, numbers, lists.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

#include "drivers/mqtt/payload.h"
#include "protocol/frame.h"
#include "protocol/names/measurement.h"
#include "protocol/text_put.h"

namespace drivers::mqtt {
namespace {

namespace text = vscp::text;

using vscp::DateCache;
using vscp::Event;

// Never more than there is room for, whatever the event says.
std::span<const std::uint8_t> data_of(const Event& event) noexcept {
  return {event.data.data(), std::min<std::size_t>(event.data_size, vscp::kEventDataMax)};
}

// Writes behind itself; the buffer has room for everything (kPayloadWriteMax).
class Writer {
 public:
  Writer(char* out, DateCache& dates) noexcept : out_(out), dates_(dates) {}

  template <std::size_t kSize>
  Writer& put(const char (&constant)[kSize]) noexcept {
    std::memcpy(out_, constant, kSize - 1);
    out_ += kSize - 1;
    return *this;
  }
  Writer& put_number(std::uint32_t value) noexcept {
    out_ = text::put_u32(value, out_);
    return *this;
  }
  Writer& put_number64(std::uint64_t value) noexcept {
    out_ = text::put_u64(value, out_);
    return *this;
  }
  Writer& put_hex64(std::uint64_t value) noexcept {
    constexpr const char* kDigits = "0123456789abcdef";
    for (unsigned shift = 64; shift > 0; shift -= 4) *out_++ = kDigits[value >> (shift - 4) & 15U];
    return *this;
  }
  Writer& put_guid(const vscp::Guid& guid) noexcept {
    out_ = vscp::format_guid(guid, out_);
    return *this;
  }
  Writer& put_list(const Event& event) noexcept {
    out_ += vscp::encode_data_list(event.data.data(), data_of(event).size(), out_);
    return *this;
  }
  Writer& put_hex_list(const Event& event) noexcept;
  // "2026-01-02T03:04:05Z", with ".000000000" before the Z for kCurrent; nothing for a time of 0.
  Writer& put_date(const Event& event, PayloadDialect dialect) noexcept;
  Writer& put_value(double value) noexcept;

  std::size_t size_since(const char* begin) const noexcept { return static_cast<std::size_t>(out_ - begin); }

 private:
  char* out_;
  DateCache& dates_;
};

constexpr auto kHexCells = [] {
  std::array<std::array<char, 5>, 256> cells{};
  constexpr const char* kDigits = "0123456789ABCDEF";
  for (std::size_t i = 0; i < cells.size(); ++i) cells[i] = {'0', 'x', kDigits[i >> 4U], kDigits[i & 15U], ','};
  return cells;
}();

Writer& Writer::put_hex_list(const Event& event) noexcept {
  for (const std::uint8_t byte : data_of(event)) {
    std::memcpy(out_, kHexCells[byte].data(), 5);
    out_ += 5;
  }
  if (!data_of(event).empty()) --out_;
  return *this;
}

Writer& Writer::put_date(const Event& event, PayloadDialect dialect) noexcept {
  if (event.time_ns == 0) return *this;
  out_ = text::put_date(event.time_ns, dates_, out_);
  if (dialect == PayloadDialect::kLegacy) return *this;
  // The fraction goes where the Z is: nine digits, of which the first stands alone.
  const auto fraction = static_cast<std::uint32_t>(event.time_ns % 1'000'000'000U);
  out_[-1] = '.';
  *out_ = static_cast<char>('0' + fraction / 100'000'000U);
  out_ = text::put_eight(fraction % 100'000'000U, out_ + 1);
  *out_++ = 'Z';
  return *this;
}

// As upstream's JSON library has it: shortest digits that read back, ".0" for whole numbers, an exponent below 1e-4 and
// from 1e15 on.
Writer& Writer::put_value(double value) noexcept {
  const double magnitude = std::fabs(value);
  const bool plain = value == 0 || (magnitude >= 1e-4 && magnitude < 1e15);
  char* const begin = out_;
  out_ = std::to_chars(out_, out_ + 32, value, plain ? std::chars_format::fixed : std::chars_format::scientific).ptr;
  if (plain && std::memchr(begin, '.', static_cast<std::size_t>(out_ - begin)) == nullptr) put(".0");
  return *this;
}

constexpr std::uint32_t head_of(const Event& event, PayloadDialect dialect) noexcept {
  const std::uint32_t head = event.head & ~std::uint32_t{vscp::kHeadFrameVersion};
  return dialect == PayloadDialect::kCurrent ? head | vscp::kHeadFrameVersionNs : head;
}

using Measurement = vscp::Measurement;

void put_measurement_json(const Measurement& measurement, Writer& out) noexcept {
  out.put("\"measurement\":{\"sensorindex\":").put_number(measurement.sensor);
  out.put(",\"subzone\":").put_number(measurement.subzone);
  out.put(",\"unit\":").put_number(measurement.unit_code);
  out.put(",\"value\":").put_value(measurement.value);
  out.put(",\"zone\":").put_number(measurement.zone).put("},");
}

void put_json(const Event& event, Writer& out) noexcept {
  constexpr auto kDialect = PayloadDialect::kCurrent;
  out.put("{\n\"head\": ").put_number(head_of(event, kDialect));
  out.put(",\n\"obid\": ").put_number(event.obid);
  out.put(",\n\"datetime\": \"").put_date(event, kDialect);
  out.put("\",\n\"timestamp_ns\": \"0x").put_hex64(event.time_ns);
  out.put("\",\n\"class\": ").put_number(event.vscp_class);
  out.put(",\n\"type\": ").put_number(event.vscp_type);
  out.put(",\n\"guid\": \"").put_guid(event.guid);
  out.put("\",\n\"data\": [").put_list(event).put("],\n\"note\": \"\"\n}");
}

void put_json_measured(const Event& event, const Measurement& measurement, Writer& out) noexcept {
  constexpr auto kDialect = PayloadDialect::kCurrent;
  out.put("{\"class\":").put_number(event.vscp_class);
  out.put(",\"data\":[").put_list(event);
  out.put("],\"datetime\":\"").put_date(event, kDialect);
  out.put("\",\"guid\":\"").put_guid(event.guid);
  out.put("\",\"head\":").put_number(head_of(event, kDialect)).put(",");
  put_measurement_json(measurement, out);
  out.put("\"note\":\"\",\"obid\":").put_number(event.obid);
  out.put(",\"timestamp_ns\":\"0x").put_hex64(event.time_ns);
  out.put("\",\"type\":").put_number(event.vscp_type).put("}");
}

void put_json_legacy(const Event& event, Writer& out) noexcept {
  constexpr auto kDialect = PayloadDialect::kLegacy;
  out.put("{\n\"vscpHead\": ").put_number(head_of(event, kDialect));
  out.put(",\n\"vscpObId\":  ").put_number(event.obid);
  out.put(",\n\"vscpDateTime\": \"").put_date(event, kDialect);
  out.put("\",\n\"vscpTimeStamp\": ").put_number(event.timestamp_us);
  out.put(",\n\"vscpClass\": ").put_number(event.vscp_class);
  out.put(",\n\"vscpType\": ").put_number(event.vscp_type);
  out.put(",\n\"vscpGuid\": \"").put_guid(event.guid);
  out.put("\",\n\"vscpData\": [").put_list(event).put("],\n\"vscpNote\": \"\"\n}");
}

void put_json_legacy_measured(const Event& event, const Measurement& measurement, Writer& out) noexcept {
  constexpr auto kDialect = PayloadDialect::kLegacy;
  out.put("{");
  put_measurement_json(measurement, out);
  out.put("\"vscpClass\":").put_number(event.vscp_class);
  out.put(",\"vscpData\":[").put_list(event);
  out.put("],\"vscpDateTime\":\"").put_date(event, kDialect);
  out.put("\",\"vscpGuid\":\"").put_guid(event.guid);
  out.put("\",\"vscpHead\":").put_number(head_of(event, kDialect));
  out.put(",\"vscpNote\":\"\",\"vscpObId\":").put_number(event.obid);
  out.put(",\"vscpTimeStamp\":").put_number(event.timestamp_us);
  out.put(",\"vscpType\":").put_number(event.vscp_type).put("}");
}

void put_xml(const Event& event, const Measurement* measurement, PayloadDialect dialect, Writer& out) noexcept {
  if (dialect == PayloadDialect::kCurrent) {
    out.put("<event head=\"").put_number(head_of(event, dialect));
    out.put("\" obid=\"").put_number(event.obid);
    out.put("\" datetime=\"").put_date(event, dialect);
    out.put("\" timestamp=\"").put_number64(event.time_ns);
    out.put("\" class=\"").put_number(event.vscp_class);
    out.put("\" type=\"").put_number(event.vscp_type);
    out.put("\" guid=\"").put_guid(event.guid);
    out.put("\" data=\"").put_hex_list(event);
  } else {
    out.put("<event vscpHead=\"").put_number(head_of(event, dialect));
    out.put("\" vscpObId=\"").put_number(event.obid);
    out.put("\" vscpDateTime=\"").put_date(event, dialect);
    out.put("\" vscpTimeStamp=\"").put_number(event.timestamp_us);
    out.put("\" vscpClass=\"").put_number(event.vscp_class);
    out.put("\" vscpType=\"").put_number(event.vscp_type);
    out.put("\" vscpGuid=\"").put_guid(event.guid);
    out.put("\" vscpData=\"").put_hex_list(event);
  }
  if (measurement != nullptr) {
    out.put("\" value=\"").put_value(measurement->value);
    out.put("\" unit=\"").put_number(measurement->unit_code);
    out.put("\" sensorindex=\"").put_number(measurement->sensor);
    out.put("\" zone=\"").put_number(measurement->zone);
    out.put("\" subzone=\"").put_number(measurement->subzone);
  }
  out.put("\" />");
}

void put_any_json(const Event& event, const Measurement* measurement, PayloadDialect dialect, Writer& out) noexcept {
  const bool legacy = dialect == PayloadDialect::kLegacy;
  if (measurement == nullptr) {
    legacy ? put_json_legacy(event, out) : put_json(event, out);
  } else {
    legacy ? put_json_legacy_measured(event, *measurement, out) : put_json_measured(event, *measurement, out);
  }
}

}  // namespace

std::size_t encode_payload(const Event& event, const PayloadStyle& style, DateCache& dates, char* out) noexcept {
  const bool legacy = style.dialect == PayloadDialect::kLegacy;
  switch (style.format) {
    case PayloadFormat::kString:
      // Without the line end.
      return vscp::encode_event_line(event, legacy ? vscp::LineFormat::kLegacy : vscp::LineFormat::kNanoseconds, dates,
                                     out) -
             2;
    case PayloadFormat::kBinary: {
      out[0] = 0;
      const auto type = legacy ? vscp::FrameType::kEvent0 : vscp::FrameType::kEvent1;
      return 1 + vscp::encode_event_frame(event, type, reinterpret_cast<std::uint8_t*>(out) + 1);
    }
    case PayloadFormat::kAuto:
    case PayloadFormat::kJson:
    case PayloadFormat::kXml:
      break;
  }
  const auto measurement = style.measurement ? vscp::decode_measurement(event) : std::nullopt;
  Writer writer(out, dates);
  if (style.format == PayloadFormat::kXml) {
    put_xml(event, measurement ? &*measurement : nullptr, style.dialect, writer);
  } else {
    put_any_json(event, measurement ? &*measurement : nullptr, style.dialect, writer);
  }
  return writer.size_since(out);
}

}  // namespace drivers::mqtt
