#include "protocol/crc.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/crc_forms.h"
#include "tests/unit/protocol/guarded_memory.h"

namespace {

using vscp::CrcForm;

std::uint16_t bit_by_bit(std::span<const std::uint8_t> bytes, unsigned crc = 0xffff) {
  for (const unsigned byte : bytes) {
    crc ^= byte << 8U;
    for (int bit = 0; bit < 8; ++bit) crc = ((crc << 1U) ^ ((crc & 0x8000U) != 0 ? 0x1021U : 0U)) & 0xffffU;
  }
  return static_cast<std::uint16_t>(crc);
}

std::vector<std::uint8_t> random_bytes(std::size_t size) {
  std::mt19937 random(3);
  std::vector<std::uint8_t> bytes(size);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return bytes;
}

class Crc : public ::testing::TestWithParam<CrcForm> {
 protected:
  void SetUp() override {
    crc_ = vscp::crc_function(GetParam());
    if (crc_ == nullptr) GTEST_SKIP() << "not on this CPU";
  }
  vscp::CrcFunction crc_ = nullptr;
};

TEST_P(Crc, HasTheKnownCheckValue) {
  constexpr std::string_view kText = "123456789";
  const std::vector<std::uint8_t> bytes(kText.begin(), kText.end());
  EXPECT_EQ(crc_(bytes.data(), bytes.size(), 0xffff), 0x29b1);
  EXPECT_EQ(crc_(bytes.data(), 0, 0xffff), 0xffff);
}

TEST_P(Crc, AgreesWithTheDefinitionAtEveryLengthAndAlignment) {
  const auto bytes = random_bytes(2000 + 16);
  for (std::size_t size = 0; size <= 2000; ++size) {
    const std::size_t begin = size % 16;
    const std::span part(bytes.data() + begin, size);
    ASSERT_EQ(crc_(part.data(), size, 0xffff), bit_by_bit(part)) << size;
  }
  for (std::size_t begin = 0; begin < 16; ++begin) {
    for (std::size_t size = 0; size <= 300; ++size) {
      const std::span part(bytes.data() + begin, size);
      ASSERT_EQ(crc_(part.data(), size, 0xffff), bit_by_bit(part)) << size << " from " << begin;
    }
  }
}

TEST_P(Crc, GoesOnFromAnyCrc) {
  const auto bytes = random_bytes(200);
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    for (unsigned crc = 0; crc < 0x10000; crc += 0x1357) {
      ASSERT_EQ(crc_(bytes.data(), size, static_cast<std::uint16_t>(crc)), bit_by_bit({bytes.data(), size}, crc));
    }
    const std::uint16_t front = crc_(bytes.data(), size, 0xffff);
    ASSERT_EQ(crc_(bytes.data() + size, bytes.size() - size, front), bit_by_bit(bytes)) << size;
  }
}

TEST_P(Crc, ReadsNothingOutsideOfItsInput) {
  test::GuardedMemory memory;
  for (std::size_t size = 1; size <= 600; ++size) {
    const std::string text(size, 'x');
    const std::vector<std::uint8_t> bytes(text.begin(), text.end());
    for (const auto place : {memory.at_begin(text), memory.at_end(text)}) {
      ASSERT_EQ(crc_(reinterpret_cast<const std::uint8_t*>(place.data()), size, 0xffff), bit_by_bit(bytes)) << size;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Forms, Crc, ::testing::Values(CrcForm::kTable, CrcForm::kClmul),
                         [](const auto& form) { return form.param == CrcForm::kTable ? "table" : "clmul"; });

TEST(CrcChoice, EachFormCanBeSet) {
  const auto bytes = random_bytes(100);
  for (const CrcForm form : {CrcForm::kTable, CrcForm::kClmul}) {
    EXPECT_EQ(vscp::use_crc_form(form), vscp::crc_function(form) != nullptr);
    EXPECT_EQ(vscp::crc16_ccitt(bytes), bit_by_bit(bytes));
  }
}

}  // namespace
