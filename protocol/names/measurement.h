// Value and unit of a measurement event. Spec: vscp_measurements.md (data coding), class1.measurement.md (units).
//
// Level I: 10-14 (data coding byte first), 60-64 (double), 65-69 and 85-89 (index, zone, sub-zone, data coding),
// 70-74 (single); the same over Level II as 512 + class, behind a 16-byte GUID. Level II: 1040 (text), 1060 (double).
// Bit and byte codings, and times and dates packed into bytes, are no numbers and are not decoded.
// Thread rule: pure functions, any thread. No heap.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/event.h"

namespace vscp {

/// A number in decimal, without heap memory.
class NumberText {
 public:
  /// The shortest text that reads back as the value.
  void set_shortest(double value) noexcept;
  /// `decimals` digits behind the point. False (and nothing changed) if it does not fit.
  bool set_fixed(double value, int decimals) noexcept;
  /// False (and nothing changed) if it does not fit.
  bool set_text(std::string_view text) noexcept;

  std::string_view view() const noexcept { return {text_.data(), size_}; }
  friend bool operator==(const NumberText& left, std::string_view right) noexcept { return left.view() == right; }

 private:
  std::array<char, 39> text_{};
  std::uint8_t size_ = 0;
};

struct Measurement {
  double value = 0;  ///< always finite
  NumberText text;   ///< the value as its sender wrote it (decimals, or text of at most 39 characters), else shortest
  std::string_view unit;  ///< "°C", "Pa"; empty for a bare number or a unit that the specification does not name
  std::uint8_t unit_code = 0;
  std::uint8_t sensor = 0;  ///< sensor index, or index of the device for the classes with zone
  std::uint8_t zone = 0;
  std::uint8_t subzone = 0;
  bool has_sensor = false;  ///< the class has an index at all
  bool has_zone = false;
};

/// Where an event belongs that is no measurement: zone and sub-zone, 255 for all.
struct Zone {
  std::uint8_t index = 0;  ///< meant for the sender's own use by most types
  std::uint8_t zone = 0;
  std::uint8_t subzone = 0;
};
/// Of CLASS1.ALARM and CLASS1.INFORMATION, whose data begin with index, zone, sub-zone for nearly all types; nothing
/// for other events. Spec: class1.alarm.md, class1.information.md.
std::optional<Zone> event_zone(const Event& event) noexcept;

/// Nothing if the event is no measurement, or its data are not a number in the coding that they claim.
std::optional<Measurement> decode_measurement(const Event& event) noexcept;

/// Symbol of a unit of CLASS1.MEASUREMENT, empty if there is none.
std::string_view measurement_unit(std::uint16_t type, std::uint8_t unit_code) noexcept;

}  // namespace vscp
