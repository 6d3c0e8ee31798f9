// The events of the million-event test: event number `sequence` of producer `producer` is a pure function of the seed,
// so that a receiver makes every expected line again, byte by byte, without having kept anything. Nothing here uses the
// product's codecs.
// Thread rule: pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace stress {

inline constexpr std::size_t kPayloadMax = 487;

enum class OutFormat : std::uint8_t { kLegacy, kNanoseconds };

struct StreamEvent {
  std::uint16_t head = 0;        ///< all bits, also 8-9, which belong to the wire form
  std::uint16_t vscp_class = 0;  ///< 0..65535
  std::uint16_t vscp_type = 0;
  std::array<std::uint8_t, 16> guid{};  ///< never all zero
  bool sent_with_date = false;          ///< otherwise empty date and nanoseconds
  std::uint64_t time_ns = 0;            ///< whole seconds if sent with a date
  std::uint32_t timestamp_us = 0;
  std::uint32_t style = 0;                     ///< random bits: how the SEND line is written
  std::size_t size = 0;                        ///< 0..kPayloadMax
  std::array<std::uint8_t, kPayloadMax> data;  ///< valid up to `size`
};

/// The class alone, cheap.
std::uint16_t class_of(std::uint64_t seed, unsigned producer, std::uint64_t sequence);
void make_event(std::uint64_t seed, unsigned producer, std::uint64_t sequence, StreamEvent& event);

/// Appends the SEND command: obid 0 or empty, either time dialect, GUID in either case, data decimal or 0x.
void append_send(const StreamEvent& event, std::string& out);
/// Appends the line that a receiver must see, CRLF included.
void append_expected(const StreamEvent& event, const std::string& obid, OutFormat format, std::string& out);

}  // namespace stress
