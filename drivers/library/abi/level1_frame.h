// One CANAL message to an event and back, and why a message is none. Pure functions, any thread, no heap.
#pragma once

#include <cstdint>

#include "drivers/library/abi/canal_interface.h"
#include "protocol/event.h"

namespace drivers::library {

/// What a message from a Level I library turned out to be. Only kEvent is one; everything else never becomes an event.
enum class FrameKind : std::uint8_t { kEvent, kRemote, kStandard, kStatus, kFd, kBadSize, kBadId };

/// Flags decide, in this order: status, FD, remote, 11-bit. A library that forgets the flag for 29 bits is understood
/// where its identifier has more than 11 bits, and flag bits of Linux's can_id in the identifier are read as such.
/// GUID: the interface's, byte 14 zero, byte 15 the nickname. timestamp_us: the low 32 bits. time_ns, obid: 0.
FrameKind message_to_event(const CanalMsg& message, const vscp::Guid& interface_guid, vscp::Event& event) noexcept;

/// Errors: kNotLevel1, see protocol/can_id.h.
vscp::Result<CanalMsg> event_to_message(const vscp::Event& event) noexcept;

}  // namespace drivers::library
