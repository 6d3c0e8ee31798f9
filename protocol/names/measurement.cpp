#include "protocol/names/measurement.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <span>

namespace vscp {
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

bool set_number(Measurement& result, double number) {
  if (!std::isfinite(number)) return false;
  result.value = number;
  result.text.set_shortest(number);
  return true;
}

/// Text of the peer: only what a decimal number is made of is let through.
bool set_text(Measurement& result, Bytes bytes) {
  while (!bytes.empty() && (bytes.back() == 0 || bytes.back() == ' ')) bytes = bytes.first(bytes.size() - 1);
  while (!bytes.empty() && bytes.front() == ' ') bytes = bytes.subspan(1);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.find_first_not_of("0123456789+-.eE") != std::string_view::npos) return false;
  const char* begin = text.data();
  const char* const end = begin + text.size();
  if (begin != end && *begin == '+') ++begin;
  const auto [stop, error] = std::from_chars(begin, end, result.value);
  if (error != std::errc{} || stop != end || begin == end || !std::isfinite(result.value)) return false;
  if (!result.text.set_text({begin, end})) result.text.set_shortest(result.value);
  return true;
}

constexpr double kExactPowers[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

/// Exponent byte (sign and magnitude, power of ten), then a signed integer.
bool set_normalized(Measurement& result, Bytes bytes) {
  if (bytes.size() < 2 || bytes.size() > 7) return false;
  const auto mantissa = static_cast<double>(signed_big_endian(bytes.subspan(1)));
  const int power = bytes[0] & 0x7f;
  // Dividing by an exact power of ten rounds once, so that 263 / 10 is the double nearest to 26.3.
  const double scale = power < static_cast<int>(std::size(kExactPowers)) ? kExactPowers[power] : std::pow(10.0, power);
  if ((bytes[0] & 0x80) == 0) return set_number(result, mantissa * scale);
  // The sender says how fine it measures: 21.30 is not 21.3.
  if (power <= kDecimalsMax && result.text.set_fixed(mantissa / scale, power)) {
    result.value = mantissa / scale;
    return true;
  }
  return set_number(result, mantissa / scale);
}

bool set_single(Measurement& result, Bytes bytes) {
  if (bytes.size() != 4) return false;
  const float number = std::bit_cast<float>(static_cast<std::uint32_t>(big_endian(bytes)));
  if (!std::isfinite(number)) return false;
  // Through its shortest text, so that the single 0.1 becomes the double 0.1 and not 0.10000000149.
  char text[32];
  const char* const end = std::to_chars(text, text + sizeof text, number).ptr;
  double value = 0;
  return std::from_chars(text, end, value).ec == std::errc{} && set_number(result, value);
}

bool set_double(Measurement& result, Bytes bytes) {
  return bytes.size() == 8 && set_number(result, std::bit_cast<double>(big_endian(bytes)));
}

bool set_integer(Measurement& result, Bytes bytes) {
  if (bytes.empty() || bytes.size() > 7) return false;
  const std::int64_t value = signed_big_endian(bytes);
  result.value = static_cast<double>(value);
  char text[24];
  return result.text.set_text({text, std::to_chars(text, text + sizeof text, value).ptr});
}

/// Data that begin with the data coding byte. The sensor index is taken from it where `takes_sensor`.
bool set_coded(Measurement& result, Bytes bytes, bool takes_sensor) {
  if (bytes.empty()) return false;
  const std::uint8_t coding = bytes[0];
  result.unit_code = (coding >> 3U) & 3U;
  if (takes_sensor) {
    result.sensor = coding & 7U;
    result.has_sensor = true;
  }
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
  result.has_sensor = true;
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

void NumberText::set_shortest(double value) noexcept {
  // At most 24 characters: sign, 17 digits, point, "e-308".
  size_ = static_cast<std::uint8_t>(std::to_chars(text_.data(), text_.data() + text_.size(), value).ptr - text_.data());
}

bool NumberText::set_fixed(double value, int decimals) noexcept {
  std::array<char, 39> text;
  const auto [end, error] =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed, decimals);
  return error == std::errc{} && set_text({text.data(), end});
}

bool NumberText::set_text(std::string_view text) noexcept {
  if (text.size() > text_.size()) return false;
  std::ranges::copy(text, text_.begin());
  size_ = static_cast<std::uint8_t>(text.size());
  return true;
}

std::optional<Zone> event_zone(const Event& event) noexcept {
  const std::uint16_t type = event.vscp_type;
  // Types of information that begin otherwise: general event, stream data, the same with zone, confirm.
  const bool information = event.vscp_class == 20 && between(type, 1, 49) && type != 36 && type != 38 && type != 39;
  const bool alarm = event.vscp_class == 1 && between(type, 1, 13);
  if (event.data_size < 3 || !(information || alarm)) return std::nullopt;
  return Zone{event.data[0], event.data[1], event.data[2]};
}

std::optional<Measurement> decode_measurement(const Event& event) noexcept {
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

}  // namespace vscp
