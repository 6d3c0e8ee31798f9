#include "tools/names/measurement.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <span>

namespace tools {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::uint16_t kMirrorFirst = 512;
constexpr std::uint16_t kMirrorLast = 1023;
constexpr std::size_t kGuidBytes = 16;
constexpr int kDecimalsMax = 9;
constexpr std::uint16_t kClassText = 1040;
constexpr std::uint16_t kClassDouble = 1060;

bool between(std::uint16_t value, std::uint16_t first, std::uint16_t last) {
  return value >= first && value <= last;
}

std::uint64_t big_endian(Bytes bytes) {
  std::uint64_t value = 0;
  for (const std::uint8_t byte : bytes) value = value << 8U | byte;
  return value;
}

std::int64_t signed_big_endian(Bytes bytes) {
  const auto unused_bits = static_cast<unsigned>(64 - 8 * bytes.size());
  return static_cast<std::int64_t>(big_endian(bytes) << unused_bits) >> unused_bits;
}

template <typename Number>
bool set_number(Measurement& result, Number number) {
  if (!std::isfinite(number)) return false;
  char text[64];
  const auto [end, error] = std::to_chars(text, text + sizeof text, number);
  if (error != std::errc{}) return false;
  result.text.assign(text, end);
  // Through the text, so that the single 0.1 becomes the double 0.1 and not 0.10000000149.
  return std::from_chars(text, end, result.value).ec == std::errc{};
}

/// Text of the peer: only what a decimal number is made of is let through.
bool set_text(Measurement& result, Bytes bytes) {
  while (!bytes.empty() && (bytes.back() == 0 || bytes.back() == ' ')) bytes = bytes.first(bytes.size() - 1);
  while (!bytes.empty() && bytes.front() == ' ') bytes = bytes.subspan(1);
  std::string text(bytes.begin(), bytes.end());
  if (text.find_first_not_of("0123456789+-.eE") != std::string::npos) return false;
  const char* begin = text.data();
  const char* end = begin + text.size();
  if (begin != end && *begin == '+') ++begin;
  const auto [stop, error] = std::from_chars(begin, end, result.value);
  if (error != std::errc{} || stop != end || begin == end || !std::isfinite(result.value)) return false;
  result.text.assign(begin, end);
  return true;
}

/// Exponent byte (sign and magnitude, power of ten), then a signed integer.
bool set_normalized(Measurement& result, Bytes bytes) {
  if (bytes.size() < 2 || bytes.size() > 7) return false;
  const auto mantissa = static_cast<double>(signed_big_endian(bytes.subspan(1)));
  const int power = bytes[0] & 0x7f;
  // Dividing by an exact power of ten rounds once, so that 263 / 10 is the double nearest to 26.3.
  const double scale = std::pow(10.0, power);
  if ((bytes[0] & 0x80) == 0) return set_number(result, mantissa * scale);
  if (!set_number(result, mantissa / scale)) return false;
  // The sender says how fine it measures: 21.30 is not 21.3.
  if (power <= kDecimalsMax) {
    char text[64];
    const auto [end, error] = std::to_chars(text, text + sizeof text, result.value, std::chars_format::fixed, power);
    if (error == std::errc{}) result.text.assign(text, end);
  }
  return true;
}

bool set_single(Measurement& result, Bytes bytes) {
  return bytes.size() == 4 && set_number(result, std::bit_cast<float>(static_cast<std::uint32_t>(big_endian(bytes))));
}

bool set_double(Measurement& result, Bytes bytes) {
  return bytes.size() == 8 && set_number(result, std::bit_cast<double>(big_endian(bytes)));
}

bool set_integer(Measurement& result, Bytes bytes) {
  if (bytes.empty() || bytes.size() > 7) return false;
  const std::int64_t value = signed_big_endian(bytes);
  result.value = static_cast<double>(value);
  result.text = std::to_string(value);
  return true;
}

/// Data that begin with the data coding byte. The sensor index is taken from it where `takes_sensor`.
bool set_coded(Measurement& result, Bytes bytes, bool takes_sensor) {
  if (bytes.empty()) return false;
  const std::uint8_t coding = bytes[0];
  result.unit_code = (coding >> 3U) & 3U;
  if (takes_sensor) result.sensor = coding & 7U;
  const Bytes rest = bytes.subspan(1);
  switch (coding >> 5U) {
    case 2:
      return set_text(result, rest);
    case 3:
      return set_integer(result, rest);
    case 4:
      return set_normalized(result, rest);
    case 5:
      return set_single(result, rest);
    case 6:
      return set_double(result, rest);
    default:
      return false;
  }
}

bool set_zone(Measurement& result, Bytes bytes) {
  if (bytes.size() < 4) return false;
  result.sensor = bytes[0];
  result.zone = bytes[1];
  result.subzone = bytes[2];
  result.has_zone = true;
  return true;
}

bool decode_level1(std::uint16_t vscp_class, Bytes bytes, Measurement& result) {
  if (between(vscp_class, 10, 14)) return set_coded(result, bytes, true);
  if (between(vscp_class, 60, 64)) return set_double(result, bytes);
  if (between(vscp_class, 70, 74)) return set_single(result, bytes);
  if (between(vscp_class, 65, 69) || between(vscp_class, 85, 89)) {
    return set_zone(result, bytes) && set_coded(result, bytes.subspan(3), false);
  }
  return false;
}

/// Only the first class of each family has the types that the unit table knows; X1 to X4 are pages of 256 types.
std::uint16_t unit_type(std::uint16_t vscp_class, std::uint16_t vscp_type) {
  const bool first_page = vscp_class == 10 || vscp_class >= kClassText || vscp_class % 5 == 0;
  return first_page ? vscp_type : std::uint16_t{0};
}

}  // namespace

std::optional<Zone> event_zone(const vscp::Event& event) {
  const std::uint16_t type = event.vscp_type;
  // Types of information that begin otherwise: general event, stream data, the same with zone, confirm.
  const bool information = event.vscp_class == 20 && between(type, 1, 49) && type != 36 && type != 38 && type != 39;
  const bool alarm = event.vscp_class == 1 && between(type, 1, 13);
  if (event.data_size < 3 || !(information || alarm)) return std::nullopt;
  return Zone{event.data[1], event.data[2]};
}

std::optional<Measurement> decode_measurement(const vscp::Event& event) {
  Measurement result;
  std::uint16_t vscp_class = event.vscp_class;
  Bytes bytes = event.payload();
  bool done = false;
  if (vscp_class == kClassText || vscp_class == kClassDouble) {
    if (!set_zone(result, bytes)) return std::nullopt;
    result.unit_code = bytes[3];
    done = vscp_class == kClassText ? set_text(result, bytes.subspan(4)) : set_double(result, bytes.subspan(4));
  } else {
    if (between(vscp_class, kMirrorFirst, kMirrorLast)) {
      if (bytes.size() < kGuidBytes) return std::nullopt;
      bytes = bytes.subspan(kGuidBytes);
      vscp_class = static_cast<std::uint16_t>(vscp_class - kMirrorFirst);
    }
    done = decode_level1(vscp_class, bytes, result);
  }
  if (!done) return std::nullopt;
  const std::uint16_t type = unit_type(vscp_class, event.vscp_type);
  // Time: optional units 2 and 3 are a packed date and "HHMMSS".
  if (type == 4 && result.unit_code >= 2) return std::nullopt;
  result.unit = measurement_unit(type, result.unit_code);
  return result;
}

}  // namespace tools
