#include "router/base/frame_cipher.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "protocol/frame.h"

namespace router {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes hex(std::string_view text) {
  Bytes out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    out.push_back(static_cast<std::uint8_t>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
  }
  return out;
}

// NIST SP 800-38A, F.2.
constexpr std::string_view kIv = "000102030405060708090a0b0c0d0e0f";
constexpr std::string_view kPlain =
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";
struct Known {
  std::string_view key;
  std::string_view cipher;
};
constexpr std::array<Known, 3> kKnown{{{"2b7e151628aed2a6abf7158809cf4f3c",
                                        "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
                                        "73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7"},
                                       {"8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
                                        "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a"
                                        "571b242012fb7ae07fa9baac3df102e008b0e27988598881d920a9e64f5615cd"},
                                       {"603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
                                        "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"
                                        "39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b"}}};

AesCbc::Block block(std::string_view text) {
  AesCbc::Block out;
  std::ranges::copy(hex(text), out.begin());
  return out;
}

TEST(AesCbc, IsTheStandards) {
  for (const auto& [key, cipher] : kKnown) {
    auto aes = AesCbc::make(hex(key));
    ASSERT_TRUE(aes);
    for (int round = 0; round < 2; ++round) {  // a context is used again and again
      Bytes bytes = hex(kPlain);
      ASSERT_TRUE(aes->encrypt(block(kIv), bytes));
      EXPECT_EQ(bytes, hex(cipher));
      ASSERT_TRUE(aes->decrypt(block(kIv), bytes));
      EXPECT_EQ(bytes, hex(kPlain));
    }
  }
}

TEST(AesCbc, RefusesKeysAndSizesThatDoNotExist) {
  for (const std::size_t size : {0U, 15U, 17U, 31U, 33U}) EXPECT_FALSE(AesCbc::make(Bytes(size))) << size;
  auto aes = AesCbc::make(Bytes(16));
  ASSERT_TRUE(aes);
  Bytes odd(17);
  EXPECT_FALSE(aes->encrypt({}, odd));
  EXPECT_FALSE(aes->decrypt({}, odd));
}

constexpr std::array kEncryptions{FrameEncryption::kAes128, FrameEncryption::kAes192, FrameEncryption::kAes256};

Bytes frame(std::size_t data_size) {
  vscp::Event event;
  event.vscp_class = 10;
  event.vscp_type = 6;
  event.data_size = static_cast<std::uint16_t>(data_size);
  event.data.fill(7);
  Bytes out(vscp::kEventFrameMax);
  out.resize(vscp::encode_event_frame(event, vscp::FrameType::kEvent1, out.data()));
  return out;
}

TEST(FrameCipher, EveryLengthGoesThereAndBack) {
  Bytes key(32);
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::uint8_t>(i * 11);
  for (const auto encryption : kEncryptions) {
    auto cipher = FrameCipher::make(encryption, key);
    ASSERT_TRUE(cipher);
    for (std::size_t size = 0; size <= vscp::kEventDataMax; ++size) {
      const Bytes plain = frame(size);
      std::array<std::uint8_t, FrameCipher::kEncryptedMax> secret;
      const auto length = cipher->encrypt(plain, secret);
      ASSERT_TRUE(length);
      EXPECT_EQ(*length % 16, 1U);
      EXPECT_EQ(secret[0], 0x10 | static_cast<unsigned>(encryption));
      std::array<std::uint8_t, FrameCipher::kEncryptedMax> back;
      const auto padded = cipher->decrypt(std::span(secret).first(*length), back);
      ASSERT_TRUE(padded);
      ASSERT_GE(padded->size(), plain.size());
      EXPECT_LT(padded->size() - plain.size(), 16U);
      EXPECT_TRUE(std::equal(plain.begin(), plain.end(), padded->begin()));
    }
  }
}

TEST(FrameCipher, NoTwoVectorsAreAlike) {
  auto cipher = FrameCipher::make(FrameEncryption::kAes128, Bytes(16));
  std::vector<Bytes> vectors;
  for (int i = 0; i < 100; ++i) {
    Bytes secret(FrameCipher::kEncryptedMax);
    secret.resize(*cipher->encrypt(frame(8), secret));
    vectors.emplace_back(secret.end() - 16, secret.end());
  }
  std::ranges::sort(vectors);
  EXPECT_EQ(std::ranges::adjacent_find(vectors), vectors.end());
}

TEST(FrameCipher, WhatIsWrongIsAnError) {
  EXPECT_FALSE(FrameCipher::make(FrameEncryption::kNone, Bytes(32)));
  EXPECT_FALSE(FrameCipher::make(FrameEncryption::kAes256, Bytes(24)));
  auto cipher = FrameCipher::make(FrameEncryption::kAes192, Bytes(32));
  ASSERT_TRUE(cipher);
  Bytes secret(FrameCipher::kEncryptedMax);
  Bytes back(FrameCipher::kEncryptedMax);
  EXPECT_EQ(cipher->encrypt(Bytes(1), secret).error(), vscp::Errc::kShortFrame);
  EXPECT_EQ(cipher->encrypt(Bytes(550), std::span(secret).first(560)).error(), vscp::Errc::kNoSpace);
  secret.resize(*cipher->encrypt(frame(8), secret));
  EXPECT_EQ(cipher->decrypt(std::span(secret).first(32), back).error(), vscp::Errc::kShortFrame);
  EXPECT_EQ(cipher->decrypt(std::span(secret).first(secret.size() - 1), back).error(), vscp::Errc::kLongFrame);
  EXPECT_EQ(cipher->decrypt(secret, std::span(back).first(40)).error(), vscp::Errc::kLongFrame);
  secret[0] = 0x11;
  EXPECT_EQ(cipher->decrypt(secret, back).error(), vscp::Errc::kEncrypted);
}

TEST(ParseKey, ReadsHexDigitsOfTheThreeSizes) {
  EXPECT_EQ(parse_key(" 2B7E1516 28aed2a6 abf71588 09cf4f3c\r\n"), hex(kKnown[0].key));
  EXPECT_EQ(parse_key(kKnown[2].key), hex(kKnown[2].key));
  EXPECT_EQ(parse_key(std::string(32, 'g')).error(), vscp::Errc::kBadNumber);
  for (const std::size_t size : {0U, 1U, 31U, 34U, 65U}) {
    EXPECT_EQ(parse_key(std::string(size, 'a')).error(), vscp::Errc::kDataSize) << size;
  }
}

}  // namespace
}  // namespace router
