#include "protocol/crc.h"

#include <array>
#include <atomic>

#include "protocol/crc_forms.h"

namespace vscp {
namespace {

// Sixteen bytes per step: table k holds the CRC of a byte that is followed by k zero bytes.
constexpr std::size_t kSlices = 16;
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

// `Count` bytes at once; the CRC so far goes into the first two.
template <std::size_t Count>
unsigned step(const std::uint8_t* byte, unsigned crc) noexcept {
  unsigned next =
      static_cast<unsigned>(kTables[Count - 1][byte[0] ^ (crc >> 8U)]) ^ kTables[Count - 2][byte[1] ^ (crc & 0xffU)];
  for (std::size_t i = 2; i < Count; ++i) next ^= kTables[Count - 1 - i][byte[i]];
  return next;
}

// Null until the first use. Two threads may both choose; they choose the same.
constinit std::atomic<CrcFunction> active{nullptr};

}  // namespace

std::uint16_t crc_by_table(const std::uint8_t* bytes, std::size_t size, std::uint16_t crc) noexcept {
  unsigned value = crc;
  for (; size >= 16; size -= 16, bytes += 16) value = step<16>(bytes, value);
  if (size >= 8) {
    value = step<8>(bytes, value);
    size -= 8;
    bytes += 8;
  }
  for (; size > 0; --size, ++bytes) value = ((value << 8U) ^ kTables[0][(value >> 8U) ^ *bytes]) & 0xffffU;
  return static_cast<std::uint16_t>(value);
}

CrcFunction crc_function(CrcForm form) noexcept {
  return form == CrcForm::kTable ? crc_by_table : crc_by_clmul();
}

bool use_crc_form(CrcForm form) noexcept {
  const CrcFunction function = crc_function(form);
  if (function == nullptr) return false;
  active.store(function, std::memory_order_relaxed);
  return true;
}

std::uint16_t crc16_ccitt(std::span<const std::uint8_t> bytes, std::uint16_t crc) noexcept {
  // The functions are constant, so a relaxed read of the pointer is enough.
  CrcFunction function = active.load(std::memory_order_relaxed);
  if (function == nullptr) [[unlikely]] {
    use_crc_form(crc_by_clmul() != nullptr ? CrcForm::kClmul : CrcForm::kTable);
    function = active.load(std::memory_order_relaxed);
  }
  return function(bytes.data(), bytes.size(), crc);
}

}  // namespace vscp
