// The tokens of topics that change with the event, and how each is written.
//
//   guid, guid[0]..guid[15], guid.msb, guid.lsb    GUID; its bytes in decimal (msb is byte 0, lsb byte 15)
//   xguid[0]..[15], xguid.msb, xguid.lsb           the bytes as two hex digits
//   nickname, xnickname                            256 * byte 14 + byte 15; as four hex digits
//   class, type; xclass, xtype                     decimal; hex, at least two digits, lower case
//   class-token, type-token                        "CLASS1.MEASUREMENT", "TEMPERATURE"; the number if it has no name
//   head, obid, timestamp; xhead, xobid, xtimestamp    decimal; hex with all digits, upper case
//   sizedata, xsizedata, data[0]..data[511], xdata[..]  a byte beyond the data is empty text
//   datetime, year, month, day, hour, minute, second    UTC; "2026-01-02T03:04:05Z"; numbers without leading zeros
//   local-datetime, local-year...                  the same in local time, without the Z
//   is-measurement                                 true or false
//   measurement-value, -unit, -sensorindex, -zone, -subzone    of a measurement; 0 for other events
//   sensor-index, zone, subzone                    of a measurement, alarm or information event (see topic_template.h)
//
// Where upstream is different: it has no [15], .msb, .lsb and xnickname although its documents do; obid and timestamp
// end in an "l" there; the local times are UTC; a class without a name is empty. Thread rule: pure functions; a
// TopicCache belongs to one thread. No heap.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "protocol/event.h"
#include "protocol/event_line.h"
#include "protocol/names/measurement.h"

namespace drivers::mqtt {

enum class TokenKind : std::uint8_t {
  kNone,
  kGuid,
  kGuidByte,
  kNickname,
  kClass,
  kType,
  kClassToken,
  kTypeToken,
  kHead,
  kObid,
  kTimestamp,
  kSizeData,
  kDataByte,
  kDatetime,
  kDateField,  ///< argument: index into year, month, day, hour, minute, second
  kIsMeasurement,
  kMeasurementValue,
  kMeasurementUnit,
  kMeasurementSensor,
  kMeasurementZone,
  kMeasurementSubzone,
  kSensorIndex,
  kZone,
  kSubzone,
};

struct EventToken {
  TokenKind kind = TokenKind::kNone;
  bool hex = false;
  bool local = false;          ///< dates
  std::uint16_t argument = 0;  ///< index of a byte or of a field

  friend bool operator==(const EventToken&, const EventToken&) = default;
};

/// A token name taken apart: "xguid[3]" is base "xguid" with index 3; .msb and .lsb of a GUID are indexes 0 and
/// 15.
struct TokenName {
  std::string_view base;
  std::optional<std::size_t> index;
};
/// Nothing if there is a bracket that holds no number.
std::optional<TokenName> parse_token_name(std::string_view name) noexcept;

enum class TokenSearch : std::uint8_t { kFound, kUnknown, kIndexMissing, kIndexNotAllowed, kIndexRange };

/// The event token of this name.
TokenSearch find_event_token(const TokenName& name, EventToken& token) noexcept;

/// All names, without indexes: for "did you mean".
std::span<const std::string_view> event_token_names() noexcept;

/// Most characters that the token writes.
std::size_t token_size_max(EventToken token) noexcept;

constexpr bool needs_measurement(TokenKind kind) noexcept {
  return kind >= TokenKind::kIsMeasurement;
}
/// Left out at the end of a topic if the event has none.
constexpr bool is_optional(TokenKind kind) noexcept {
  return kind >= TokenKind::kSensorIndex;
}

/// Per-thread memory of dates.
struct TopicCache {
  vscp::DateCache utc;
  vscp::DateCache local;
  std::uint64_t offset_slot = ~std::uint64_t{0};  ///< quarter of an hour for which offset_s holds
  std::int64_t offset_s = 0;
};

/// The event and what tokens need of it.
struct TokenSource {
  const vscp::Event& event;
  TopicCache& cache;
  std::optional<vscp::Measurement> measurement;
  std::optional<vscp::Zone> zone;
};

/// Whether the event has a value for an optional token.
bool has_value(const TokenSource& source, TokenKind kind) noexcept;

/// Room that put_token() may use beyond what it writes.
inline constexpr std::size_t kTokenSlack = 16;

/// Writes the value at `out` (room: token_size_max() + kTokenSlack); returns its end.
char* put_token(TokenSource& source, EventToken token, char* out) noexcept;

}  // namespace drivers::mqtt
