#include "drivers/mqtt/topic_tokens.h"

#include <algorithm>
#include <cstring>
#include <ctime>
#include <utility>

#include "protocol/names/names.h"
#include "protocol/text_put.h"

namespace drivers::mqtt {
namespace {

namespace text = vscp::text;

constexpr std::size_t kNoIndex = 0;
constexpr std::size_t kGuidBytes = 16;
constexpr std::uint64_t kNsPerSecond = 1'000'000'000U;
constexpr std::uint64_t kOffsetSlotS = 900;  // no zone changes its offset at any other time

struct Row {
  std::string_view name;
  EventToken token;
  std::size_t indexes = kNoIndex;      ///< how many indexed values there are
  bool index_needed = false;           ///< there is nothing without index
  TokenKind alone = TokenKind::kNone;  ///< what it is without index, if it has both forms
};

constexpr Row plain(std::string_view name, TokenKind kind, bool hex = false) {
  return {name, {kind, hex, false, 0}, kNoIndex, false, TokenKind::kNone};
}
constexpr Row date(std::string_view name, TokenKind kind, std::uint16_t field, bool local) {
  return {name, {kind, false, local, field}, kNoIndex, false, TokenKind::kNone};
}

constexpr auto kRows = std::to_array<Row>({
    {"guid", {TokenKind::kGuidByte, false, false, 0}, kGuidBytes, false, TokenKind::kGuid},
    {"xguid", {TokenKind::kGuidByte, true, false, 0}, kGuidBytes, true, TokenKind::kNone},
    {"data", {TokenKind::kDataByte, false, false, 0}, vscp::kEventDataMax, true, TokenKind::kNone},
    {"xdata", {TokenKind::kDataByte, true, false, 0}, vscp::kEventDataMax, true, TokenKind::kNone},
    plain("nickname", TokenKind::kNickname),
    plain("xnickname", TokenKind::kNickname, true),
    plain("class", TokenKind::kClass),
    plain("xclass", TokenKind::kClass, true),
    plain("type", TokenKind::kType),
    plain("xtype", TokenKind::kType, true),
    plain("class-token", TokenKind::kClassToken),
    plain("type-token", TokenKind::kTypeToken),
    plain("head", TokenKind::kHead),
    plain("xhead", TokenKind::kHead, true),
    plain("obid", TokenKind::kObid),
    plain("xobid", TokenKind::kObid, true),
    plain("timestamp", TokenKind::kTimestamp),
    plain("xtimestamp", TokenKind::kTimestamp, true),
    plain("sizedata", TokenKind::kSizeData),
    plain("xsizedata", TokenKind::kSizeData, true),
    date("datetime", TokenKind::kDatetime, 0, false),
    date("year", TokenKind::kDateField, 0, false),
    date("month", TokenKind::kDateField, 1, false),
    date("day", TokenKind::kDateField, 2, false),
    date("hour", TokenKind::kDateField, 3, false),
    date("minute", TokenKind::kDateField, 4, false),
    date("second", TokenKind::kDateField, 5, false),
    date("local-datetime", TokenKind::kDatetime, 0, true),
    date("local-year", TokenKind::kDateField, 0, true),
    date("local-month", TokenKind::kDateField, 1, true),
    date("local-day", TokenKind::kDateField, 2, true),
    date("local-hour", TokenKind::kDateField, 3, true),
    date("local-minute", TokenKind::kDateField, 4, true),
    date("local-second", TokenKind::kDateField, 5, true),
    plain("is-measurement", TokenKind::kIsMeasurement),
    plain("measurement-value", TokenKind::kMeasurementValue),
    plain("measurement-unit", TokenKind::kMeasurementUnit),
    plain("measurement-sensorindex", TokenKind::kMeasurementSensor),
    plain("measurement-zone", TokenKind::kMeasurementZone),
    plain("measurement-subzone", TokenKind::kMeasurementSubzone),
    plain("sensor-index", TokenKind::kSensorIndex),
    plain("zone", TokenKind::kZone),
    plain("subzone", TokenKind::kSubzone),
});

constexpr auto kNames = [] {
  std::array<std::string_view, kRows.size()> names;
  for (std::size_t i = 0; i < kRows.size(); ++i) names[i] = kRows[i].name;
  return names;
}();

// At least `digits` hex digits.
char* put_hex(std::uint32_t value, unsigned digits, bool upper, char* out) noexcept {
  const char* const letters = upper ? "0123456789ABCDEF" : "0123456789abcdef";
  while (digits < 8 && value >> (4 * digits) != 0) ++digits;
  for (unsigned shift = 4 * digits; shift > 0; shift -= 4) *out++ = letters[value >> (shift - 4) & 15U];
  return out;
}

char* put_text(std::string_view value, char* out) noexcept {
  std::memcpy(out, value.data(), value.size());
  return out + value.size();
}

// The system's time zone; asked once per quarter of an hour of event time, because the C library takes a lock.
std::int64_t local_offset_s(std::uint64_t second, TopicCache& cache) noexcept {
  if (second / kOffsetSlotS != cache.offset_slot) {
    const auto time = static_cast<std::time_t>(second);
    std::tm fields{};
    cache.offset_s = localtime_r(&time, &fields) == nullptr ? 0 : fields.tm_gmtoff;
    cache.offset_slot = second / kOffsetSlotS;
  }
  return cache.offset_s;
}

// "YYYY-MM-DDTHH:MM:SSZ" of the event's time, in UTC or local time.
const char* date_text(TokenSource& source, bool local) noexcept {
  std::uint64_t time_ns = source.event.time_ns;
  vscp::DateCache& dates = local ? source.cache.local : source.cache.utc;
  if (local) {
    const std::int64_t offset_s = local_offset_s(time_ns / kNsPerSecond, source.cache);
    const std::uint64_t shift_ns = static_cast<std::uint64_t>(offset_s < 0 ? -offset_s : offset_s) * kNsPerSecond;
    // At the ends of what 64 bits hold it stays UTC.
    if (offset_s < 0) {
      time_ns -= time_ns >= shift_ns ? shift_ns : 0;
    } else {
      time_ns += ~time_ns >= shift_ns ? shift_ns : 0;
    }
  }
  char unused[32];
  text::put_date(time_ns, dates, unused);
  return dates.text;
}

char* put_date_field(const char* date, std::uint16_t field, char* out) noexcept {
  static constexpr std::array<std::size_t, 6> kOffsets{0, 5, 8, 11, 14, 17};
  const char* digits = date + kOffsets[field];
  std::size_t size = field == 0 ? 4 : 2;
  while (size > 1 && *digits == '0') {
    ++digits;
    --size;
  }
  return put_text({digits, size}, out);
}

char* put_class_token(const vscp::Event& event, char* out) noexcept {
  char* const end = vscp::format_class_token(event.vscp_class, out);
  return end != out ? end : text::put_u32(event.vscp_class, out);
}

char* put_type_token(const vscp::Event& event, char* out) noexcept {
  const std::string_view token = vscp::type_token(event.vscp_class, event.vscp_type);
  return token.empty() ? text::put_u32(event.vscp_type, out) : put_text(token, out);
}

// Digits of the number forms: all that the field has, but for class and type, where upstream has two.
char* put_number(std::uint32_t value, EventToken token, unsigned hex_digits, bool upper, char* out) noexcept {
  return token.hex ? put_hex(value, hex_digits, upper, out) : text::put_u32(value, out);
}

std::uint32_t nickname_of(const vscp::Guid& guid) noexcept {
  return std::uint32_t{guid.bytes[14]} << 8U | guid.bytes[15];
}

struct Place {
  std::uint8_t sensor = 0;
  std::uint8_t zone = 0;
  std::uint8_t subzone = 0;
};
Place place_of(const TokenSource& source) noexcept {
  if (source.measurement) return {source.measurement->sensor, source.measurement->zone, source.measurement->subzone};
  if (source.zone) return {source.zone->index, source.zone->zone, source.zone->subzone};
  return {};
}

char* put_measurement(const TokenSource& source, TokenKind kind, char* out) noexcept {
  const auto& measurement = source.measurement;
  switch (kind) {
    case TokenKind::kIsMeasurement:
      return put_text(measurement ? "true" : "false", out);
    case TokenKind::kMeasurementValue:
      return put_text(measurement ? measurement->text.view() : "0", out);
    case TokenKind::kMeasurementUnit:
      return text::put_u32(measurement ? measurement->unit_code : 0U, out);
    case TokenKind::kMeasurementSensor:
      return text::put_u32(measurement ? measurement->sensor : 0U, out);
    case TokenKind::kMeasurementZone:
      return text::put_u32(measurement ? measurement->zone : 0U, out);
    case TokenKind::kMeasurementSubzone:
      return text::put_u32(measurement ? measurement->subzone : 0U, out);
    case TokenKind::kSensorIndex:
      return text::put_u32(place_of(source).sensor, out);
    case TokenKind::kZone:
      return text::put_u32(place_of(source).zone, out);
    default:
      return text::put_u32(place_of(source).subzone, out);
  }
}

}  // namespace

std::optional<TokenName> parse_token_name(std::string_view name) noexcept {
  for (const auto& [ending, index] : {std::pair{".msb", std::size_t{0}}, std::pair{".lsb", kGuidBytes - 1}}) {
    if (!name.ends_with(ending)) continue;
    const std::string_view base = name.substr(0, name.size() - std::string_view(ending).size());
    if (base.ends_with("guid")) return TokenName{base, index};
  }
  const std::size_t bracket = name.find('[');
  if (bracket == std::string_view::npos) return TokenName{name, std::nullopt};
  const std::string_view inside = name.substr(bracket + 1);
  if (!inside.ends_with(']')) return std::nullopt;
  const auto number = text::parse_number(text::trim(inside.substr(0, inside.size() - 1)));
  if (!number) return std::nullopt;
  return TokenName{name.substr(0, bracket), *number};
}

TokenSearch find_event_token(const TokenName& name, EventToken& token) noexcept {
  const auto row = std::ranges::find(kRows, name.base, &Row::name);
  if (row == kRows.end()) return TokenSearch::kUnknown;
  token = row->token;
  if (!name.index) {
    if (row->index_needed) return TokenSearch::kIndexMissing;
    if (row->alone != TokenKind::kNone) token.kind = row->alone;
    return TokenSearch::kFound;
  }
  if (row->indexes == kNoIndex) return TokenSearch::kIndexNotAllowed;
  if (*name.index >= row->indexes) return TokenSearch::kIndexRange;
  token.argument = static_cast<std::uint16_t>(*name.index);
  return TokenSearch::kFound;
}

std::span<const std::string_view> event_token_names() noexcept {
  return kNames;
}

std::size_t token_size_max(EventToken token) noexcept {
  switch (token.kind) {
    case TokenKind::kNone:
      return 0;
    case TokenKind::kGuid:
      return vscp::kGuidTextSize;
    case TokenKind::kClassToken:
      return vscp::kClassTokenMax;
    case TokenKind::kTypeToken:
      return vscp::kTypeTokenMax;
    case TokenKind::kMeasurementValue:
      return sizeof(vscp::NumberText);
    case TokenKind::kDatetime:
      return vscp::kDatetimeTextSize;
    default:
      return 10;  // 32 bits in decimal
  }
}

bool has_value(const TokenSource& source, TokenKind kind) noexcept {
  if (!is_optional(kind) || source.zone) return true;
  if (!source.measurement) return false;
  return kind == TokenKind::kSensorIndex ? source.measurement->has_sensor : source.measurement->has_zone;
}

char* put_token(TokenSource& source, EventToken token, char* out) noexcept {
  const vscp::Event& event = source.event;
  switch (token.kind) {
    case TokenKind::kNone:
      return out;
    case TokenKind::kGuid:
      return vscp::format_guid(event.guid, out);
    case TokenKind::kGuidByte:
      return put_number(event.guid.bytes[token.argument], token, 2, true, out);
    case TokenKind::kNickname:
      return put_number(nickname_of(event.guid), token, 4, true, out);
    case TokenKind::kClass:
      return put_number(event.vscp_class, token, 2, false, out);
    case TokenKind::kType:
      return put_number(event.vscp_type, token, 2, false, out);
    case TokenKind::kClassToken:
      return put_class_token(event, out);
    case TokenKind::kTypeToken:
      return put_type_token(event, out);
    case TokenKind::kHead:
      return put_number(event.head, token, 4, true, out);
    case TokenKind::kObid:
      return put_number(event.obid, token, 8, true, out);
    case TokenKind::kTimestamp:
      return put_number(event.timestamp_us, token, 8, true, out);
    case TokenKind::kSizeData:
      return put_number(event.data_size, token, 4, true, out);
    case TokenKind::kDataByte:
      return token.argument < event.data_size ? put_number(event.data[token.argument], token, 2, true, out) : out;
    case TokenKind::kDatetime:
      // Local time has no Z.
      return put_text({date_text(source, token.local), vscp::kDatetimeTextSize - (token.local ? 1U : 0U)}, out);
    case TokenKind::kDateField:
      return put_date_field(date_text(source, token.local), token.argument, out);
    default:
      return put_measurement(source, token.kind, out);
  }
}

}  // namespace drivers::mqtt
