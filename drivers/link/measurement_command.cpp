#include "drivers/link/measurement_command.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>

namespace drivers::link {
namespace {

using vscp::Errc;
using vscp::Result;

constexpr std::uint16_t kClass1Measurement = 10;
constexpr std::uint16_t kClass2MeasurementString = 1040;
constexpr std::uint16_t kClass2MeasurementFloat = 1060;
constexpr std::uint16_t kPriorityNormal = 3U << 5U;
constexpr std::uint8_t kCodingString = 2U << 5U;
constexpr std::uint8_t kCodingFloat = 5U << 5U;
constexpr std::size_t kFieldsMax = 9;

struct Fields {
  std::array<std::string_view, kFieldsMax> text;
  std::size_t count = 0;
};

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

Result<Fields> split(std::string_view text) noexcept {
  Fields fields;
  for (;;) {
    if (fields.count == kFieldsMax) return std::unexpected(Errc::kNumberRange);
    const auto comma = text.find(',');
    fields.text[fields.count++] = trim(text.substr(0, comma));
    if (comma == std::string_view::npos) return fields;
    text.remove_prefix(comma + 1);
  }
}

// An absent optional field is 0.
Result<std::uint32_t> number(const Fields& fields, std::size_t index, std::uint32_t max) noexcept {
  if (index >= fields.count || fields.text[index].empty()) {
    if (index <= 4) return std::unexpected(Errc::kMissingField);
    return 0;
  }
  std::string_view text = fields.text[index];
  int base = 10;
  if (text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
    base = 16;
    text.remove_prefix(2);
  }
  std::uint32_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (result.ec == std::errc::result_out_of_range) return std::unexpected(Errc::kNumberRange);
  if (result.ec != std::errc{} || result.ptr != text.data() + text.size()) return std::unexpected(Errc::kBadNumber);
  if (value > max) return std::unexpected(Errc::kNumberRange);
  return value;
}

template <typename Bits>
std::size_t put_big_endian(Bits bits, std::uint8_t* out) noexcept {
  for (std::size_t i = 0; i < sizeof(Bits); ++i) {
    out[i] = static_cast<std::uint8_t>(bits >> (8 * (sizeof(Bits) - 1 - i)));
  }
  return sizeof(Bits);
}

Result<double> real(std::string_view text) noexcept {
  double value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc{} || result.ptr != text.data() + text.size() || !std::isfinite(value)) {
    return std::unexpected(Errc::kBadNumber);
  }
  return value;
}

struct Place {
  std::uint8_t unit = 0;
  std::uint8_t sensor = 0;
  std::uint8_t zone = 0;
  std::uint8_t subzone = 0;
};

std::size_t copy_text(std::string_view text, std::uint8_t* out) noexcept {
  std::transform(text.begin(), text.end(), out, [](char c) { return static_cast<std::uint8_t>(c); });
  return text.size();
}

Result<void> fill_level1(bool as_text, std::string_view text, const Place& place, vscp::Event& event) noexcept {
  // Spec: vscp_measurements.md: unit in bits 3-4, sensor index in bits 0-2 of the data coding byte.
  if (place.unit > 3 || place.sensor > 7) return std::unexpected(Errc::kNumberRange);
  event.vscp_class = kClass1Measurement;
  event.data[0] = static_cast<std::uint8_t>((as_text ? kCodingString : kCodingFloat) | place.unit << 3U | place.sensor);
  const auto value = real(text);
  if (!value) return std::unexpected(value.error());
  if (as_text) {
    if (text.size() > 7) return std::unexpected(Errc::kNumberRange);
    event.data_size = static_cast<std::uint16_t>(1 + copy_text(text, event.data.data() + 1));
    return {};
  }
  const auto single = static_cast<float>(*value);
  if (!std::isfinite(single)) return std::unexpected(Errc::kNumberRange);
  event.data_size = static_cast<std::uint16_t>(1 + put_big_endian(std::bit_cast<std::uint32_t>(single), event.data.data() + 1));
  return {};
}

Result<void> fill_level2(bool as_text, std::string_view text, const Place& place, vscp::Event& event) noexcept {
  const auto value = real(text);
  if (!value) return std::unexpected(value.error());
  event.vscp_class = as_text ? kClass2MeasurementString : kClass2MeasurementFloat;
  event.data[0] = place.sensor;
  event.data[1] = place.zone;
  event.data[2] = place.subzone;
  event.data[3] = place.unit;
  std::uint8_t* out = event.data.data() + 4;
  if (as_text && text.size() > vscp::kEventDataSpec - 4) return std::unexpected(Errc::kNumberRange);
  const std::size_t size = as_text ? copy_text(text, out) : put_big_endian(std::bit_cast<std::uint64_t>(*value), out);
  event.data_size = static_cast<std::uint16_t>(4 + size);
  return {};
}

}  // namespace

Result<void> make_measurement(std::string_view text, vscp::Event& event) noexcept {
  const auto fields = split(text);
  if (!fields) return std::unexpected(fields.error());
  if (fields->count < 5 || fields->text[3].empty()) return std::unexpected(Errc::kMissingField);
  const std::string_view format = fields->text[0];
  const bool as_text = format == "string" || format == "STRING" || format == "1";
  if (!as_text && format != "float" && format != "FLOAT" && format != "0") return std::unexpected(Errc::kBadNumber);
  const auto level = number(*fields, 1, 2);
  const auto type = number(*fields, 2, 0xffff);
  const auto unit = number(*fields, 4, 0xff);
  const auto sensor = number(*fields, 6, 0xff);
  const auto zone = number(*fields, 7, 0xff);
  const auto subzone = number(*fields, 8, 0xff);
  for (const auto* checked : {&level, &type, &unit, &sensor, &zone, &subzone}) {
    if (!*checked) return std::unexpected(checked->error());
  }
  event.guid = {};
  if (fields->count > 5 && !fields->text[5].empty()) {
    const auto guid = vscp::parse_guid(fields->text[5]);
    if (!guid) return std::unexpected(guid.error());
    event.guid = *guid;
  }
  event.head = kPriorityNormal;
  event.vscp_type = static_cast<std::uint16_t>(*type);
  const Place place{static_cast<std::uint8_t>(*unit), static_cast<std::uint8_t>(*sensor), static_cast<std::uint8_t>(*zone),
                    static_cast<std::uint8_t>(*subzone)};
  if (*level == 2) return fill_level2(as_text, fields->text[3], place, event);
  if (*level == 1 && *type <= 0xff) return fill_level1(as_text, fields->text[3], place, event);
  return std::unexpected(Errc::kNumberRange);
}

}  // namespace drivers::link
