// CRC-32C (Castagnoli): polynomial 0x1EDC6F41 reflected, initial value and final XOR all ones. The check of records on
// disk. Any thread.
#pragma once

#include <cstdint>
#include <span>

namespace router {

/// CRC of `bytes`, continuing from `crc`. "123456789" gives 0xE3069283. With the processor's own instruction where
/// there is one (SSE4.2).
std::uint32_t crc32c(std::span<const std::uint8_t> bytes, std::uint32_t crc = 0) noexcept;

/// The same by table, on every processor; for tests.
std::uint32_t crc32c_by_table(std::span<const std::uint8_t> bytes, std::uint32_t crc = 0) noexcept;

}  // namespace router
