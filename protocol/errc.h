// Error codes of the protocol layer and of everything above it.
//
// What a peer or the system may do is a Result<T> with a 16-bit code: an error type larger than 16 bits makes
// the call several times slower (measured), and a code can be counted. Text for people is made from the code.
#pragma once

#include <cstdint>
#include <expected>
#include <string_view>

namespace vscp {

/// 0x0001..0x0fff protocol, 0x1000..0x1fff router, 0x8000 | errno for the operating system.
enum class Errc : std::uint16_t {
  kMissingField = 1,  ///< a line or frame ends before a field that it must have
  kBadNumber,         ///< not a number in any form of the spec
  kNumberRange,       ///< a number that does not fit its field
  kBadGuid,           ///< not a GUID in any form of the spec
  kBadDate,           ///< not YYYY-MM-DDTHH:MM:SS[.fraction][Z], or no such date
  kDataSize,          ///< more than kEventDataMax data bytes
  kBadFrameType,      ///< first byte of a frame names a type that is not handled
  kBadCrc,            ///< CRC of a frame does not match
  kShortFrame,        ///< fewer bytes than the frame's own size field says
  kLongFrame,         ///< bytes left over after the frame's end
  kNotLevel1,         ///< the event cannot be sent on CAN: class, type or data size out of range
  kNotVscpFrame,      ///< a CAN frame that is not VSCP: 11-bit, RTR or error frame
  kNoSpace,           ///< the output buffer is too small
  kEmbeddedNul,       ///< a NUL byte inside a text line
  kUnknownCommand,    ///< no link command has this name
  kEncrypted,         ///< an encrypted frame, which this version does not read
  kEmptyPayload,      ///< a message without content (MQTT: what takes a retained message away)
  kPayloadSize,       ///< a message larger than any event can be written
  kUnknownPayload,    ///< a message in none of the payload forms
  kBadJson,           ///< not JSON, cut short, more than one value, or no object
  kBadXml,            ///< not XML, no element <event>, or with a document type
  kWrongKind,         ///< a JSON value of another kind than its field has
  kNoEventField,      ///< an object or element without any field of an event
  kNoClassType,       ///< class or type is neither in the message nor in its topic
  // Router.
  kPoolEmpty = 0x1000,  ///< no free event buffer; try again after buffers have come home
  kNoCredit,            ///< a receiving thread has not yet taken what this one sent
  kLimit,               ///< a configured limit is reached
  kClosed,              ///< the session or ring is going away
  kSystem = 0x8000,     ///< 0x8000 | errno
};

/// One short English sentence without final dot, the same for every use of the code.
std::string_view to_text(Errc code) noexcept;

constexpr Errc from_errno(int error_number) noexcept {
  return static_cast<Errc>(0x8000U | (static_cast<unsigned>(error_number) & 0x7fffU));
}
constexpr bool is_errno(Errc code) noexcept {
  return (static_cast<unsigned>(code) & 0x8000U) != 0;
}
constexpr int to_errno(Errc code) noexcept {
  return static_cast<int>(static_cast<unsigned>(code) & 0x7fffU);
}

template <typename T>
using Result = std::expected<T, Errc>;

}  // namespace vscp
