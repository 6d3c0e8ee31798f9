// CRC-16/CCITT-FALSE: polynomial 0x1021, initial value 0xFFFF, no reflection, no final XOR.
// Spec: vscp_over_binary.md ("The CRC used is the 16-bit CCITT type").
#pragma once

#include <cstdint>
#include <span>

namespace vscp {

/// CRC of `bytes`, continuing from `crc`. "123456789" gives 0x29B1.
std::uint16_t crc16_ccitt(std::span<const std::uint8_t> bytes, std::uint16_t crc = 0xffff) noexcept;

}  // namespace vscp
