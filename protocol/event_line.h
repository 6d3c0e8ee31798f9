// The text form of an event: "head,class,type,obid,datetime,timestamp,GUID,data...".
// Spec: vscp_tcpiplink.md#tcpip-send and #tcpip-retr.
//
// Thread rule: pure functions, any thread. No heap, no clock, bounded by the sizes given.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "protocol/event.h"

namespace vscp {

/// How the time of an event is written out.
enum class LineFormat : std::uint8_t {
  kLegacy,  ///< ISO date and a microsecond counter: "0,20,3,1,2026-01-02T03:04:05Z,1000,GUID,1,2"; head bits 8-9 zero
  kNanoseconds,  ///< empty date and 64-bit nanoseconds: "256,20,3,1,,1767323045000000000,GUID,1,2"; head bit 8 set
};

/// What the sender left to the router. The fields concerned are zero in the event.
struct EventLineHints {
  bool time_missing = false;       ///< no date, and no timestamp that is nanoseconds since 1970: time_ns is 0
  bool timestamp_missing = false;  ///< no microsecond counter
  bool guid_missing = false;       ///< GUID empty, "-" or all zero
};

/// Decodes one line, without its line end, into `event`.
///
/// Numbers are decimal, 0x, 0o or 0b; blanks around a field are allowed. Empty head, class, type, obid, timestamp are
/// 0. A non-empty field that is no number is an error (upstream takes it as 0). The date gives time_ns and the
/// timestamp gives timestamp_us, modulo 2^32; a negative one is a 32-bit counter printed signed. Without a date, a
/// timestamp of at least kTimestampNsMin is time_ns (and timestamp_us its microseconds modulo 2^32); a smaller one is
/// timestamp_us, with the time missing. A date "0000-00-00..." is no date. GUID in any form of parse_guid, with commas
/// if it is in braces. The data list may be empty, may end with one comma, and each value is 0..255. The field GUID
/// must be there (it may be empty), class, type and head fit in 16 bits, obid in 32. Head bits 8-9 are cleared.
///
/// Errors: kMissingField, kBadNumber, kNumberRange, kBadGuid, kBadDate, kDataSize, kEmbeddedNul. After an error the
/// event's content is unspecified.
Result<EventLineHints> decode_event_line(std::string_view line, Event& event) noexcept;

/// Smallest timestamp without a date that is read as nanoseconds since 1970 (1e15: 1970-01-12; as a microsecond
/// counter it would be 31 years).
inline constexpr std::uint64_t kTimestampNsMin = 1'000'000'000'000'000ULL;

/// Decodes only the data list "1,2,0x03" (decimal, 0x, 0o, 0b; one trailing comma allowed; empty = no data) into
/// `data` (room for kEventDataMax). Returns the number of bytes. Errors as above.
Result<std::uint16_t> decode_data_list(std::string_view text, std::uint8_t* data) noexcept;

/// Per-thread memory of the last second formatted, so that a date costs a copy.
struct DateCache {
  std::uint64_t second = ~std::uint64_t{0};
  char text[24] = {};
};

/// Encodes the event with CRLF at its end. `out` has room for kEventLineMax bytes, of which up to that many may be
/// overwritten beyond the end of the line. Data are decimal without leading zeros, the GUID upper-case hex.
/// Returns the length of the line, CRLF included.
std::size_t encode_event_line(const Event& event, LineFormat format, DateCache& dates, char* out) noexcept;

/// Encodes only the data list, "1,2,255" (no comma in front, none behind). `out` has room for 4 bytes per value plus
/// 64 spare bytes. Returns its length.
std::size_t encode_data_list(const std::uint8_t* data, std::size_t size, char* out) noexcept;

}  // namespace vscp
