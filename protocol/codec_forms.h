// Where the forms of the codec kernels meet: one table per form. Internal to the codec_*.cpp files.
#pragma once

#include <array>
#include <cstdint>

#include "protocol/codec_kernels.h"

namespace vscp {

extern const CodecKernels kScalarKernels;
/// Null if the CPU or the target of this build has not got the instructions.
const CodecKernels* ssse3_kernels() noexcept;
const CodecKernels* avx512_kernels() noexcept;

/// Decimal text of a byte with a comma behind it: up to four characters from the low byte on, and how many they are.
struct DecimalCell {
  std::uint32_t text = 0;
  std::uint32_t size = 0;
};

constexpr DecimalCell decimal_cell(unsigned value) noexcept {
  DecimalCell cell;
  const auto put = [&cell](unsigned c) { cell.text |= static_cast<std::uint32_t>(c) << (8 * cell.size++); };
  if (value >= 100) put('0' + value / 100);
  if (value >= 10) put('0' + value / 10 % 10);
  put('0' + value % 10);
  put(',');
  return cell;
}

inline constexpr std::array<DecimalCell, 256> kDecimalCells = [] {
  std::array<DecimalCell, 256> cells{};
  for (unsigned value = 0; value < 256; ++value) cells[value] = decimal_cell(value);
  return cells;
}();

}  // namespace vscp
