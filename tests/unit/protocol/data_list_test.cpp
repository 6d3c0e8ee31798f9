// The data list in every form of the kernels, with unmapped memory around the input.
#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>
#include <vector>

#include "protocol/codec_kernels.h"
#include "protocol/event_line.h"
#include "tests/unit/protocol/guarded_memory.h"

namespace {

using vscp::CodecForm;
using vscp::Errc;

class DataList : public testing::TestWithParam<CodecForm> {
 protected:
  void SetUp() override {
    if (!vscp::use_codec_form(GetParam())) GTEST_SKIP() << "not on this CPU";
  }

  // Decodes with the text once at the begin and once at the end of mapped memory, into room that ends with it too.
  vscp::Result<std::vector<std::uint8_t>> decode(std::string_view text) {
    std::uint8_t* const data = output_.room_at_end(vscp::kEventDataMax);
    const auto first = vscp::decode_data_list(input_.at_begin(text), data);
    const std::vector<std::uint8_t> bytes(data, data + first.value_or(0));
    const auto second = vscp::decode_data_list(input_.at_end(text), data);
    EXPECT_EQ(first, second);
    EXPECT_EQ(bytes, std::vector<std::uint8_t>(data, data + second.value_or(0)));
    if (!first) return std::unexpected(first.error());
    return bytes;
  }

  std::string encode(const std::vector<std::uint8_t>& bytes) {
    std::vector<char> out(4 * bytes.size() + 64);
    char* const copy = reinterpret_cast<char*>(output_.room_at_end(out.size()));
    const std::string_view placed = input_.at_end({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    const std::size_t size =
        vscp::encode_data_list(reinterpret_cast<const std::uint8_t*>(placed.data()), bytes.size(), copy);
    return {copy, size};
  }

  test::GuardedMemory input_;
  test::GuardedMemory output_;
};

std::string join(const std::vector<std::uint8_t>& bytes, const char* format) {
  std::string text;
  char value[16];
  for (const unsigned byte : bytes) {
    std::snprintf(value, sizeof value, format, byte);
    if (!text.empty()) text.push_back(',');
    text.append(value);
  }
  return text;
}

std::vector<std::uint8_t> random_bytes(std::mt19937& random, std::size_t size) {
  // Small values often, so that all lengths of digits meet all positions.
  std::vector<std::uint8_t> bytes(size);
  const unsigned limits[] = {10, 100, 256};
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random() % limits[random() % 3]);
  return bytes;
}

TEST_P(DataList, RoundTripsEverySize) {
  std::mt19937 random(1);
  for (std::size_t size = 0; size <= vscp::kEventDataMax; ++size) {
    const auto bytes = random_bytes(random, size);
    const std::string text = join(bytes, "%u");
    ASSERT_EQ(encode(bytes), text);
    for (const char* format : {"%u", "0x%02x", "0X%02X", "0x%x", "%03u", " %u\t", "0o%o"}) {
      const std::string list = join(bytes, format);
      const auto result = decode(list);
      ASSERT_TRUE(result.has_value()) << list;
      ASSERT_EQ(*result, bytes) << list;
      ASSERT_EQ(decode(list + (size == 0 ? "" : ",")), result);
    }
  }
}

TEST_P(DataList, EveryValueAtEveryPositionOfABlock) {
  for (std::size_t before = 0; before < 70; ++before) {
    std::vector<std::uint8_t> bytes(before, 7);
    bytes.push_back(0);
    for (unsigned value = 0; value < 256; ++value) {
      bytes.back() = static_cast<std::uint8_t>(value);
      ASSERT_EQ(encode(bytes), join(bytes, "%u"));
      ASSERT_EQ(decode(join(bytes, "%u")).value(), bytes);
    }
  }
}

// One wrong thing at each position of lists of several lengths must be found by each form.
TEST_P(DataList, FindsAnErrorAtEveryPosition) {
  std::mt19937 random(2);
  for (const std::size_t size : {1U, 5U, 16U, 17U, 40U, 100U}) {
    const auto bytes = random_bytes(random, size);
    const std::string text = join(bytes, "%u");
    for (std::size_t at = 0; at < text.size(); ++at) {
      for (const char c : {'y', '/', ':', '-', '.', '\x1c', '\x7f', '\xb0', '\xff', '\n'}) {
        std::string bad = text;
        bad[at] = c;
        ASSERT_EQ(decode(bad).error(), Errc::kBadNumber) << bad;
      }
      std::string bad = text;
      bad[at] = '\0';
      ASSERT_EQ(decode(bad).error(), Errc::kEmbeddedNul);
      if (text[at] == ',') {
        bad = text;
        bad.insert(at, 1, ',');
        ASSERT_EQ(decode(bad).error(), Errc::kMissingField) << bad;
      }
    }
  }
}

TEST_P(DataList, FindsEveryNumberOutOfRange) {
  for (std::size_t before = 0; before < 70; ++before) {
    std::string front;
    for (std::size_t i = 0; i < before; ++i) front.append("1,");
    for (unsigned value = 256; value < 1100; ++value) {
      std::string text = front + std::to_string(value);
      ASSERT_EQ(decode(text).error(), Errc::kNumberRange) << text;
      ASSERT_EQ(decode(text + ",1").error(), Errc::kNumberRange) << text;
    }
  }
}

TEST_P(DataList, FindsEveryWrongHexCharacter) {
  const std::vector<std::uint8_t> bytes{0x00, 0x9a, 0xbc, 0xde, 0xff, 0x12, 0x34,
                                        0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0, 0x01};
  const std::string text = join(bytes, "0x%02X");
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (int c = 1; c < 256; ++c) {
      if (c == ',' && at + 1 == text.size()) continue;  // a comma may end a list
      std::string changed = text;
      changed[at] = static_cast<char>(c);
      const auto result = decode(changed);
      const std::size_t part = at % 5;
      const bool hex_digit = std::isxdigit(c) != 0 && c < 128;
      if (part == 2 || part == 3) {
        // A blank after the digits leaves one digit, which is a good number.
        ASSERT_EQ(result.has_value(), hex_digit || (part == 3 && (c == ' ' || c == '\t' || c == '\r'))) << changed;
        if (hex_digit) {
          ASSERT_EQ((*result)[at / 5], std::stoi(changed.substr(at - part + 2, 2), nullptr, 16));
        }
      } else if (part == 4 || (part == 0 && c != '0' && !(c == ' ' || c == '\t' || c == '\r'))) {
        ASSERT_EQ(result.has_value(), changed == text) << changed;
      }
    }
  }
}

TEST_P(DataList, SmallCases) {
  EXPECT_EQ(decode("").value().size(), 0U);
  EXPECT_EQ(decode("  ").value().size(), 0U);
  EXPECT_EQ(decode("0").value(), std::vector<std::uint8_t>{0});
  EXPECT_EQ(decode("0,").value(), std::vector<std::uint8_t>{0});
  EXPECT_EQ(decode("0000000255").value(), std::vector<std::uint8_t>{255});
  EXPECT_EQ(decode("0x0ff, 0x1").value(), (std::vector<std::uint8_t>{255, 1}));
  EXPECT_EQ(decode(",").error(), Errc::kMissingField);
  EXPECT_EQ(decode(",1").error(), Errc::kMissingField);
  EXPECT_EQ(decode("1,,").error(), Errc::kMissingField);
  EXPECT_EQ(decode("0x").error(), Errc::kBadNumber);
  EXPECT_EQ(decode("0x1g").error(), Errc::kBadNumber);
  EXPECT_EQ(decode("0x100").error(), Errc::kNumberRange);
  EXPECT_EQ(decode("99999999999999999999999").error(), Errc::kNumberRange);
  EXPECT_EQ(decode("1 2").error(), Errc::kBadNumber);
}

TEST_P(DataList, OneValueTooMany) {
  for (const char* format : {"%u", "0x%02x", "%03u", " %u"}) {
    std::vector<std::uint8_t> bytes(vscp::kEventDataMax, 9);
    EXPECT_EQ(decode(join(bytes, format)).value(), bytes);
    bytes.resize(bytes.size() + 1);
    EXPECT_EQ(decode(join(bytes, format)).error(), Errc::kDataSize);
    bytes.resize(700);
    EXPECT_EQ(decode(join(bytes, format)).error(), Errc::kDataSize);
  }
}

std::string form_name(const testing::TestParamInfo<CodecForm>& form) {
  constexpr std::array kNames{"Scalar", "Ssse3", "Avx512"};
  return kNames[static_cast<std::size_t>(form.param)];
}

INSTANTIATE_TEST_SUITE_P(Forms, DataList, testing::Values(CodecForm::kScalar, CodecForm::kSsse3, CodecForm::kAvx512),
                         form_name);

TEST(CodecKernels, ScalarIsAlwaysThereAndOneIsActive) {
  EXPECT_NE(vscp::codec_kernels(CodecForm::kScalar), nullptr);
  ASSERT_TRUE(vscp::use_codec_form(CodecForm::kScalar));
  EXPECT_EQ(&vscp::active_codec_kernels(), vscp::codec_kernels(CodecForm::kScalar));
  EXPECT_FALSE(vscp::use_codec_form(static_cast<CodecForm>(99)));
  EXPECT_EQ(&vscp::active_codec_kernels(), vscp::codec_kernels(CodecForm::kScalar));
}

}  // namespace
