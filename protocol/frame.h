// The binary form of events, commands and replies (VSCP-GBP), unencrypted. Spec: vscp_over_binary.md.
//
// Byte layout of an event frame (big endian):
//   0      type << 4 | encryption
//   1-2    head
//   type 0: 3-6 timestamp us, 7-8 year, 9 month, 10 day, 11 hour, 12 minute, 13 second
//   type 1: 3-10 nanoseconds since 1970, 11-13 reserved (0)
//   14-15  class    16-17 type    18-33 GUID    34-35 data size    36.. data
//   then   CRC-16/CCITT-FALSE over bytes 1 .. end of data
// Pure functions; no heap; bounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "protocol/event.h"

namespace vscp {

enum class FrameType : std::uint8_t { kEvent0 = 0, kEvent1 = 1, kCommand = 14, kReply = 15 };

/// Bytes before the data, and around the data, of an event frame.
inline constexpr std::size_t kEventFrameHeader = 36;
inline constexpr std::size_t kEventFrameOverhead = kEventFrameHeader + 2;

/// Length in bytes of the event frame that begins at `bytes`; needs its first kEventFrameHeader bytes.
/// Errors: kShortFrame, kBadFrameType, kDataSize.
Result<std::size_t> event_frame_size(std::span<const std::uint8_t> bytes) noexcept;

/// Decodes exactly one event frame. The type nibble of byte 0 decides between type 0 and 1, with one exception: head
/// bit 8 and bytes 11-13 zero is type 1 whatever the nibble (firmware writes that). An all-zero time leaves time_ns 0. A CRC field of 0xAA55 is
/// accepted unchecked if head bit 3 is set. obid is 0.
/// Errors: kShortFrame, kLongFrame, kBadFrameType, kBadCrc, kDataSize, kBadDate.
Result<void> decode_event_frame(std::span<const std::uint8_t> bytes, Event& event) noexcept;

/// Decodes the argument of the command SEND: a frame of type 1 without its first byte and its CRC. Errors: kShortFrame,
/// kLongFrame, kDataSize.
Result<void> decode_event_argument(std::span<const std::uint8_t> bytes, Event& event) noexcept;

/// Encodes as type 0 or 1; `out` has room for kEventFrameMax bytes. Returns the length. The CRC is always written, also
/// if head bit 3 says that it may be left out. Type 0 carries whole seconds; time_ns 0 becomes all-zero time fields.
std::size_t encode_event_frame(const Event& event, FrameType type, std::uint8_t* out) noexcept;

/// A command (type 14) or reply (type 15) frame; `argument` points into the decoded bytes.
struct CommandFrame {
  FrameType type = FrameType::kCommand;
  std::uint16_t code = 0;
  std::uint16_t error = 0;  ///< replies only
  std::span<const std::uint8_t> argument;
};

/// Errors: kShortFrame, kBadFrameType, kBadCrc.
Result<CommandFrame> decode_command_frame(std::span<const std::uint8_t> bytes) noexcept;

/// Errors: kNoSpace if `out` is smaller than 5 (command) or 7 (reply) bytes plus the argument.
Result<std::size_t> encode_command_frame(const CommandFrame& frame, std::span<std::uint8_t> out) noexcept;

}  // namespace vscp
