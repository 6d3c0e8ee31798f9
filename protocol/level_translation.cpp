#include "protocol/level_translation.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>

#include "protocol/names/measurement.h"

namespace vscp {
namespace {

constexpr std::uint16_t kMirrored = 512;
constexpr std::uint16_t kClassText = 1040;
constexpr std::uint16_t kClassDouble = 1060;
constexpr std::uint16_t kTypesPerClass = 256;
constexpr std::size_t kHeadBytes = 4;  // index, zone, sub-zone, unit

/// Which page of 256 types a Level I measurement class is: 0 for MEASUREMENT, 1 to 4 for X1 to X4.
std::optional<std::uint16_t> type_page(std::uint16_t vscp_class) noexcept {
  // Class of the first page of each family: MEASUREMENT, MEASUREMENT64, MEASUREZONE, MEASUREMENT32.
  constexpr std::array<std::uint16_t, 4> kFirst = {10, 60, 65, 70};
  for (const std::uint16_t first : kFirst) {
    if (vscp_class >= first && vscp_class < first + 5) return static_cast<std::uint16_t>(vscp_class - first);
  }
  return std::nullopt;
}

std::optional<Measurement> start(Event& event, std::uint16_t to_class) noexcept {
  const auto page = type_page(event.vscp_class);
  if (!page || event.vscp_type >= kTypesPerClass) return std::nullopt;
  auto measurement = decode_measurement(event);
  if (!measurement) return std::nullopt;
  event.vscp_class = to_class;
  event.vscp_type = static_cast<std::uint16_t>(event.vscp_type + *page * kTypesPerClass);
  event.data[0] = measurement->sensor;
  event.data[1] = measurement->zone;
  event.data[2] = measurement->subzone;
  event.data[3] = measurement->unit_code;
  return measurement;
}

}  // namespace

bool measurement_to_double(Event& event) noexcept {
  const auto measurement = start(event, kClassDouble);
  if (!measurement) return false;
  std::uint64_t bits = std::bit_cast<std::uint64_t>(measurement->value);
  for (std::size_t at = sizeof bits; at-- > 0; bits >>= 8U) {
    event.data[kHeadBytes + at] = static_cast<std::uint8_t>(bits & 0xffU);
  }
  event.data_size = kHeadBytes + sizeof bits;
  return true;
}

bool measurement_to_text(Event& event) noexcept {
  const auto measurement = start(event, kClassText);
  if (!measurement) return false;
  const std::string_view text = measurement->text.view();
  std::memcpy(event.data.data() + kHeadBytes, text.data(), text.size());
  event.data[kHeadBytes + text.size()] = 0;
  event.data_size = static_cast<std::uint16_t>(kHeadBytes + text.size() + 1);
  return true;
}

bool level1_over_level2(Event& event, const Guid& guid) noexcept {
  if (event.vscp_class >= kMirrored || event.data_size + guid.bytes.size() > kEventDataMax) return false;
  std::memmove(event.data.data() + guid.bytes.size(), event.data.data(), event.data_size);
  std::ranges::copy(guid.bytes, event.data.begin());
  event.vscp_class = static_cast<std::uint16_t>(event.vscp_class + kMirrored);
  event.data_size = static_cast<std::uint16_t>(event.data_size + guid.bytes.size());
  return true;
}

}  // namespace vscp
