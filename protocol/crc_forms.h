// The CRC in several forms, one of which is chosen by the CPU at the first use. Internal to protocol/; tests and
// benchmarks use it to try each form by itself.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vscp {

enum class CrcForm : std::uint8_t {
  kTable,  ///< 16 bytes per step through tables; any CPU
  kClmul,  ///< 64 bytes per step by carry-less multiplication (x86 PCLMULQDQ)
};
inline constexpr std::size_t kCrcFormCount = 2;

/// No form reads a byte outside of its input.
using CrcFunction = std::uint16_t (*)(const std::uint8_t* bytes, std::size_t size, std::uint16_t crc) noexcept;

/// Null if the CPU or the target of this build has not got the instructions.
CrcFunction crc_function(CrcForm form) noexcept;

/// For tests and benchmarks: what crc16_ccitt() uses from now on, in every thread. False, and no change, if the form is
/// not available.
bool use_crc_form(CrcForm form) noexcept;

// The forms; kTable is always there.
std::uint16_t crc_by_table(const std::uint8_t* bytes, std::size_t size, std::uint16_t crc) noexcept;
CrcFunction crc_by_clmul() noexcept;

}  // namespace vscp
