#include "protocol/crc.h"

#include <array>

namespace vscp {
namespace {

// Eight bytes per step: table k holds the CRC of a byte that is followed by k zero bytes.
constexpr std::size_t kSlices = 8;
using Tables = std::array<std::array<std::uint16_t, 256>, kSlices>;

constexpr Tables make_tables() {
  Tables tables{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    unsigned crc = byte << 8U;
    for (int bit = 0; bit < 8; ++bit) crc = (crc << 1U) ^ ((crc & 0x8000U) != 0 ? 0x1021U : 0U);
    tables[0][byte] = static_cast<std::uint16_t>(crc & 0xffffU);
  }
  for (std::size_t slice = 1; slice < kSlices; ++slice) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const unsigned crc = tables[slice - 1][byte];
      tables[slice][byte] = static_cast<std::uint16_t>(((crc << 8U) ^ tables[0][crc >> 8U]) & 0xffffU);
    }
  }
  return tables;
}

constexpr Tables kTables = make_tables();

}  // namespace

std::uint16_t crc16_ccitt(std::span<const std::uint8_t> bytes, std::uint16_t crc) noexcept {
  unsigned value = crc;
  const std::uint8_t* byte = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= kSlices; left -= kSlices, byte += kSlices) {
    value = static_cast<unsigned>(kTables[7][byte[0] ^ (value >> 8U)] ^ kTables[6][byte[1] ^ (value & 0xffU)]) ^
            static_cast<unsigned>(kTables[5][byte[2]] ^ kTables[4][byte[3]]) ^
            static_cast<unsigned>(kTables[3][byte[4]] ^ kTables[2][byte[5]]) ^
            static_cast<unsigned>(kTables[1][byte[6]] ^ kTables[0][byte[7]]);
  }
  for (; left > 0; --left, ++byte) {
    value = ((value << 8U) ^ kTables[0][(value >> 8U) ^ *byte]) & 0xffffU;
  }
  return static_cast<std::uint16_t>(value);
}

}  // namespace vscp
