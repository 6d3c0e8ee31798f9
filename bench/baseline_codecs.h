// Event-line codecs as they are usually written, to measure ours against: one around a table-driven loop, one around
// strtoul and snprintf. Both are meant to be good code of their kind: one pass, no heap, checked input.
//
// They know the common forms only (legacy and nanosecond times, decimal numbers, 0xNN data, GUID of 16 hex pairs) and
// agree there with protocol/event_line.h; tests/unit/protocol/baseline_test.cpp holds them to it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "protocol/event.h"
#include "protocol/event_line.h"

namespace baseline {

/// Table-driven: a class per character for the data list and the GUID, std::from_chars for the numbers before.
bool decode_line_table(std::string_view line, vscp::Event& event) noexcept;
/// Table-driven: three characters and a length per byte; std::to_chars for the numbers before.
std::size_t encode_line_table(const vscp::Event& event, vscp::LineFormat format, vscp::DateCache& dates,
                              char* out) noexcept;
bool decode_data_table(std::string_view text, std::uint8_t* data, std::uint16_t& size) noexcept;
std::size_t encode_data_table(const std::uint8_t* data, std::size_t size, char* out) noexcept;

/// strtoul for every number; `line` must be followed by a NUL.
bool decode_line_libc(const char* line, vscp::Event& event) noexcept;
/// snprintf for every number.
std::size_t encode_line_libc(const vscp::Event& event, vscp::LineFormat format, char* out, std::size_t room) noexcept;
bool decode_data_libc(const char* text, std::uint8_t* data, std::uint16_t& size) noexcept;
std::size_t encode_data_libc(const std::uint8_t* data, std::size_t size, char* out, std::size_t room) noexcept;

/// CRC-16/CCITT-FALSE, one byte per step through a table of 256.
std::uint16_t crc_by_byte(const std::uint8_t* bytes, std::size_t size) noexcept;

}  // namespace baseline
