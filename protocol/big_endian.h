// Numbers as they lie on the wire: big endian, unaligned; one load or store and a swap each.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace vscp {

template <typename T>
T load_big(const std::uint8_t* bytes) noexcept {
  T value;
  std::memcpy(&value, bytes, sizeof(value));
  return std::endian::native == std::endian::big ? value : std::byteswap(value);
}

template <typename T>
void store_big(T value, std::uint8_t* bytes) noexcept {
  if (std::endian::native != std::endian::big) value = std::byteswap(value);
  std::memcpy(bytes, &value, sizeof(value));
}

}  // namespace vscp
