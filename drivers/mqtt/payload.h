// Events as MQTT payloads: JSON, XML, event line ("string") and binary frame, in the form of today's senders and in
// that of 15.x. Spec: vscp_over_mqtt.md, vscp_over_binary.md.
//
// Reading is liberal in form (names of both dialects, numbers as text, data as array or list, fields in any order and
// left out) and strict in content: what is no number, does not fit or is cut short is an error with a code of its own
// and never an event of class 0.
//
// What is read:
//   JSON    {"head", "obid", "datetime", "timestamp", "timestamp_ns", "class", "type", "guid", "data", "note",
//           "measurement"} or vscpHead, vscpObId, vscpDateTime, vscpTimeStamp, vscpClass, vscpType, vscpGuid, vscpData,
//           vscpNote; vscpObid and vscpGUID, as firmware writes them. If both names of a field are there, the newer
//           counts; of the same name twice, the last. null is "not there". "note", "measurement" and unknown names are
//           skipped without looking into them. A number may be written as text, and decimal, 0x, 0o or 0b; one comma
//           may stand before the last brace (the spec's examples have hexadecimal data and that comma).
//   XML     <event head= obid= ... data="1,2,0x03" />, the same names. "sizedata" and the measurement attributes are
//           skipped. No document type, so no entities but the five of XML.
//   string  an event line (protocol/event_line.h), with or without its line end.
//   binary  an event frame (protocol/frame.h) of type 0 or 1, with or without one byte 0x00 before it.
//   auto    by the first byte that is not white: '{' JSON, '<' XML, 0x00 or 0x10 binary, a digit, sign or comma string.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "protocol/event.h"
#include "protocol/event_line.h"

namespace drivers::mqtt {

enum class PayloadFormat : std::uint8_t { kAuto, kJson, kXml, kString, kBinary };

/// "auto", "json"...
std::string_view to_text(PayloadFormat format) noexcept;

enum class PayloadDialect : std::uint8_t {
  kCurrent,  ///< names without "vscp", dates with nanoseconds, nanosecond timestamps, frames of type 1
  kLegacy,   ///< 15.x: names with "vscp", dates with seconds, microsecond counter, frames of type 0
};

/// Event fields that the topic of a message names.
struct TopicDefaults {
  std::optional<vscp::Guid> guid;
  std::optional<std::uint16_t> vscp_class;
  std::optional<std::uint16_t> vscp_type;
};

/// Finds ".../GUID/class/type..." at any depth. The first level that is a GUID with colons or a UUID counts; class and
/// type are the two levels behind it, in decimal or 0x, and are left out if they are anything else.
TopicDefaults parse_topic_defaults(std::string_view topic) noexcept;

/// How a payload was read.
struct PayloadHints {
  PayloadFormat format = PayloadFormat::kAuto;  ///< never kAuto when returned
  bool time_missing = false;                    ///< it had no time, so it got `now_ns`
  bool guid_missing = false;                    ///< no GUID in the payload or topic; it is all zero in the event
};

/// Largest payload that is read: 512 values of a data array with generous indentation.
inline constexpr std::size_t kPayloadReadMax = 16 * 1024;

/// Reads payloads. Its buffers are made once and are used again for each message; XML alone uses the heap while
/// reading. Thread rule: one object per thread.
class PayloadDecoder {
 public:
  PayloadDecoder();
  ~PayloadDecoder();
  PayloadDecoder(const PayloadDecoder&) = delete;
  PayloadDecoder& operator=(const PayloadDecoder&) = delete;

  /// Reads one event. GUID, class and type that the payload leaves out (no field, an empty one, an all-zero GUID) are
  /// taken from `defaults`. Time: timestamp_ns, else the date, else a timestamp of at least vscp::kTimestampNsMin, else
  /// `now_ns` (0 leaves it to the router). A missing microsecond counter is made from the time. Head bits 8-9 are
  /// cleared.
  ///
  /// Errors: kEmptyPayload, kPayloadSize (above kPayloadReadMax), kUnknownPayload (kAuto only), kBadJson, kBadXml,
  /// kWrongKind, kNoEventField, kNoClassType, and those of the fields (kBadNumber, kNumberRange, kBadGuid, kBadDate,
  /// kDataSize), of lines (kMissingField, kEmbeddedNul) and of frames (kShortFrame, kLongFrame, kBadFrameType, kBadCrc,
  /// kEncrypted). After an error the event's content is unspecified.
  vscp::Result<PayloadHints> decode(std::span<const std::uint8_t> payload, PayloadFormat format,
                                    const TopicDefaults& defaults, std::uint64_t now_ns, vscp::Event& event) noexcept;

 private:
  struct Readers;
  std::unique_ptr<Readers> readers_;
};

/// How payloads are written.
struct PayloadStyle {
  PayloadFormat format = PayloadFormat::kJson;  ///< kAuto is written as JSON
  PayloadDialect dialect = PayloadDialect::kCurrent;
  bool measurement = true;  ///< JSON and XML: value, unit, index and zone of a measurement that can be decoded
};

/// Room that encode_payload() needs for any event in any style.
inline constexpr std::size_t kPayloadWriteMax = 5 * vscp::kEventDataMax + 768;

/// Writes one event; `out` has room for kPayloadWriteMax bytes, which may all be overwritten. Returns the length. No
/// heap.
///
/// JSON is as upstream writes it: one field per line, or in one line in alphabetical order if there is a measurement.
/// A time of 0 becomes an empty date. Lines have no line end. Frames have one byte 0x00 before them.
std::size_t encode_payload(const vscp::Event& event, const PayloadStyle& style, vscp::DateCache& dates,
                           char* out) noexcept;

}  // namespace drivers::mqtt
