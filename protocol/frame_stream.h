// Finds the frames in a stream of bytes, as a tcp connection brings them.
//
// Event frames carry their size. Commands and replies do not (the spec's other transports keep messages apart): their
// length follows from the code (binary_command.h), and where a code allows several, from the CRC: the shortest length
// at which the CRC fits, if nothing or the first byte of a frame comes behind it. The one reply that clients send by the
// million, the event confirm, is never cut short by chance.
// Pure functions; no heap; bounded: no frame is longer than kFrameMax.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "protocol/frame.h"

namespace vscp {

/// The longest frame is SEND as a command: 3 bytes of header instead of 1.
inline constexpr std::size_t kFrameMax = kEventFrameMax + 2;

/// Size of the frame at the front of `bytes`, or 0 if more bytes are needed to tell. An event frame, and a command of
/// which only one length is possible, is measured but not checked.
/// Errors, after which there is no way to go on: kBadFrameType, kEncrypted, kDataSize, kUnknownCommand (a command or
/// reply of unknown code, which did not end where it would without argument), kBadCrc (a command or reply that fits no
/// length that its code allows).
Result<std::size_t> first_frame_size(std::span<const std::uint8_t> bytes) noexcept;

}  // namespace vscp
