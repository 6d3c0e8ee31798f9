// An event as a record of an EventStore: what a driver needs to carry it to a far side later, perhaps after a restart.
//
// Layout, all numbers big endian: 0 form (1), 1 hops, 2-3 zero, 4-7 timestamp_us, 8-15 origin, 16-23 number, then the
// event as a frame of type 1 (vscp_over_binary.md), whose CRC covers it. Pure functions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "protocol/event.h"
#include "protocol/limits.h"
#include "router/core/event_buf.h"

namespace router {

/// Which router an event was born in, and its number there.
struct EventOrigin {
  std::uint64_t router = 0;  ///< of the name of its site and of its run; 0: unknown
  std::uint64_t number = 0;  ///< thread * 2^48 + number on it
  std::uint8_t hops = 0;     ///< bridges that it has passed
  bool operator==(const EventOrigin&) const noexcept = default;
};

/// Of a published event; `router` is this one's.
EventOrigin origin_of(const EventBuf& event, std::uint64_t router) noexcept;

inline constexpr std::size_t kCarriedHeader = 24;
inline constexpr std::size_t kCarriedEventMax = kCarriedHeader + vscp::kEventFrameMax;

using CarriedEventBytes = std::array<std::uint8_t, kCarriedEventMax>;

/// Returns the bytes of `out` that were written.
std::span<const std::uint8_t> encode_carried_event(const vscp::Event& event, const EventOrigin& origin,
                                                   CarriedEventBytes& out) noexcept;
/// Errors: kShortFrame, kBadFrameType (another form), and those of decode_event_frame. `event.obid` becomes 0.
vscp::Result<EventOrigin> decode_carried_event(std::span<const std::uint8_t> record, vscp::Event& event) noexcept;

}  // namespace router
