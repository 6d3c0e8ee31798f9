#include "protocol/crc.h"

#include <gtest/gtest.h>

#include <random>
#include <string_view>
#include <vector>

namespace {

std::uint16_t bit_by_bit(std::span<const std::uint8_t> bytes) {
  unsigned crc = 0xffff;
  for (const unsigned byte : bytes) {
    crc ^= byte << 8U;
    for (int bit = 0; bit < 8; ++bit) crc = ((crc << 1U) ^ ((crc & 0x8000U) != 0 ? 0x1021U : 0U)) & 0xffffU;
  }
  return static_cast<std::uint16_t>(crc);
}

TEST(Crc, HasTheKnownCheckValue) {
  constexpr std::string_view kText = "123456789";
  const std::vector<std::uint8_t> bytes(kText.begin(), kText.end());
  EXPECT_EQ(vscp::crc16_ccitt(bytes), 0x29b1);
  EXPECT_EQ(vscp::crc16_ccitt({}), 0xffff);
}

TEST(Crc, AgreesWithTheDefinitionAtEveryLengthAndSplit) {
  std::mt19937 random(3);
  std::vector<std::uint8_t> bytes(70);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    const std::span<const std::uint8_t> part(bytes.data(), size);
    ASSERT_EQ(vscp::crc16_ccitt(part), bit_by_bit(part)) << size;
    for (std::size_t cut = 0; cut <= size; ++cut) {
      ASSERT_EQ(vscp::crc16_ccitt(part.subspan(cut), vscp::crc16_ccitt(part.first(cut))), bit_by_bit(part));
    }
  }
}

}  // namespace
