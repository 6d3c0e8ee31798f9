#include "drivers/udp/datagram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "protocol/vscp_error.h"

namespace drivers::udp {
namespace {

using router::FrameCipher;
using router::FrameEncryption;
using Bytes = std::vector<std::uint8_t>;

Bytes frame(vscp::FrameType type = vscp::FrameType::kEvent1, std::size_t size = 5) {
  vscp::Event event;
  event.head = 0x60;
  event.vscp_class = 10;
  event.vscp_type = 6;
  event.time_ns = 1'795'000'000'000'000'000;
  event.data_size = static_cast<std::uint16_t>(size);
  event.data.fill(9);
  Bytes out(vscp::kEventFrameMax);
  out.resize(vscp::encode_event_frame(event, type, out.data()));
  return out;
}

FrameCipher cipher(std::uint8_t seed = 1, FrameEncryption encryption = FrameEncryption::kAes256) {
  return *FrameCipher::make(encryption, Bytes(32, seed));
}

Bytes datagram(const Bytes& plain, FrameCipher* with) {
  std::array<std::uint8_t, kDatagramMax> out;
  const std::size_t size = write_datagram(plain, with, out);
  EXPECT_GT(size, 0U);
  return {out.begin(), out.begin() + static_cast<std::ptrdiff_t>(size)};
}

std::expected<ReadDatagram, Refusal> read(const Bytes& bytes, FrameCipher* with = nullptr, bool required = true) {
  vscp::Event event;
  return read_datagram(bytes, with, required, event);
}

TEST(Datagram, AnEventComesBack) {
  auto secret = cipher();
  for (FrameCipher* with : {static_cast<FrameCipher*>(nullptr), &secret}) {
    for (const auto type : {vscp::FrameType::kEvent0, vscp::FrameType::kEvent1}) {
      const Bytes plain = frame(type);
      vscp::Event event;
      const auto got = read_datagram(datagram(plain, with), with, true, event);
      ASSERT_TRUE(got) << to_text(got.error());
      EXPECT_EQ(got->kind, DatagramKind::kEvent);
      EXPECT_EQ(event.vscp_class, 10);
      EXPECT_EQ(event.data_size, 5);
      EXPECT_EQ(got->confirmation.head, confirmation_of(plain).head);
      EXPECT_EQ(got->confirmation.crc, plain[plain.size() - 2] << 8 | plain[plain.size() - 1]);
    }
  }
}

TEST(Datagram, AConfirmationComesBack) {
  auto secret = cipher();
  const Confirmation wanted{static_cast<std::uint16_t>(vscp::VscpError::kMemory), 0x0163, 0xbeef};
  const auto plain = write_confirmation(wanted);
  for (FrameCipher* with : {static_cast<FrameCipher*>(nullptr), &secret}) {
    const auto got = read(datagram({plain.begin(), plain.end()}, with), with);
    ASSERT_TRUE(got) << to_text(got.error());
    EXPECT_EQ(got->kind, DatagramKind::kConfirmation);
    EXPECT_EQ(got->confirmation.error, wanted.error);
    EXPECT_EQ(got->confirmation.head, wanted.head);
    EXPECT_EQ(got->confirmation.crc, wanted.crc);
  }
}

TEST(Datagram, TheConfirmationOfFirmwareIsShorter) {
  const Bytes argument{0x01, 0x63, 0xbe, 0xef};
  Bytes plain(11);
  ASSERT_TRUE(vscp::encode_command_frame({vscp::FrameType::kReply, 0xffff, 0, argument}, plain));
  auto secret = cipher();
  for (FrameCipher* with : {static_cast<FrameCipher*>(nullptr), &secret}) {
    const auto got = read(datagram(plain, with), with);
    ASSERT_TRUE(got);
    EXPECT_EQ(got->confirmation.head, 0x0163);
    EXPECT_EQ(got->confirmation.crc, 0xbeef);
  }
}

TEST(Datagram, AConfirmationThatFitsInBothSizesIsReadInBoth) {
  // The CRC of the event is the one that a shorter confirmation, of another event, would have at this place.
  const Bytes shorter_argument{0x00, 0x00, 0x01, 0x63};
  Bytes shorter(11);
  ASSERT_TRUE(vscp::encode_command_frame({vscp::FrameType::kReply, 0xffff, 0, shorter_argument}, shorter));
  const auto crc = static_cast<std::uint16_t>(shorter[9] << 8 | shorter[10]);
  const auto plain = write_confirmation({0, 0x0163, crc});
  auto secret = cipher();
  const auto got = read(datagram({plain.begin(), plain.end()}, &secret), &secret);
  ASSERT_TRUE(got);
  ASSERT_TRUE(got->other);
  EXPECT_EQ(got->other->head, 0x0163);
  EXPECT_EQ(got->other->crc, crc);
  EXPECT_EQ(got->confirmation.head, 0);
  EXPECT_EQ(got->confirmation.crc, 0x0163);
  const auto open = read({plain.begin(), plain.end()});
  ASSERT_TRUE(open);
  EXPECT_FALSE(open->other);
  EXPECT_EQ(open->confirmation.crc, crc);
}

TEST(Datagram, EncryptionIsWhatWasAgreed) {
  auto secret = cipher();
  auto other_size = cipher(1, FrameEncryption::kAes128);
  auto other_key = cipher(2);
  EXPECT_EQ(read(datagram(frame(), &secret)).error(), Refusal::kBadEncryption);
  EXPECT_EQ(read(datagram(frame(), &other_size), &secret).error(), Refusal::kBadEncryption);
  EXPECT_EQ(read(frame(), &secret).error(), Refusal::kNotEncrypted);
  EXPECT_TRUE(read(frame(), &secret, false));
  EXPECT_EQ(read(datagram(frame(), &other_key), &secret).error(), Refusal::kUndecipherable);
}

TEST(Datagram, NoWrongKeyGivesAnEvent) {
  auto secret = cipher();
  auto wrong = cipher(3);
  for (int i = 0; i < 2'000; ++i) {
    EXPECT_FALSE(read(datagram(frame(vscp::FrameType::kEvent1, static_cast<std::size_t>(i % 64)), &wrong), &secret));
  }
}

TEST(Datagram, InAnEncryptedFrameTheCrcIsChecked) {
  Bytes plain = frame();
  plain[2] |= vscp::kHeadNoCrc;
  plain[plain.size() - 2] = 0xaa;
  plain[plain.size() - 1] = 0x55;
  auto secret = cipher();
  EXPECT_TRUE(read(plain));
  EXPECT_EQ(read(datagram(plain, &secret), &secret).error(), Refusal::kUndecipherable);
}

TEST(Datagram, EachFaultHasItsName) {
  const auto changed = [](std::size_t at, std::uint8_t value) {
    Bytes bytes = frame();
    bytes[at] = value;
    return bytes;
  };
  EXPECT_EQ(read({}).error(), Refusal::kBadSize);
  EXPECT_EQ(read(Bytes(kDatagramMax + 1)).error(), Refusal::kOversized);
  EXPECT_EQ(read({0x10}).error(), Refusal::kBadSize);
  EXPECT_EQ(read(changed(0, 0x20)).error(), Refusal::kBadType);
  EXPECT_EQ(read(changed(0, 0xe0)).error(), Refusal::kBadType);
  EXPECT_EQ(read(changed(0, 0x14)).error(), Refusal::kBadEncryption);
  EXPECT_EQ(read(changed(40, 1)).error(), Refusal::kBadCrc);
  EXPECT_EQ(read(changed(34, 0xff)).error(), Refusal::kBadSize);
  Bytes longer = frame();
  longer.push_back(0);
  EXPECT_EQ(read(longer).error(), Refusal::kBadSize);
  longer.resize(frame().size() - 1);
  EXPECT_EQ(read(longer).error(), Refusal::kBadSize);
}

TEST(Datagram, NothingOfAnEncryptedFrameMayBeCutOrChanged) {
  auto secret = cipher();
  const Bytes whole = datagram(frame(), &secret);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(read({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)}, &secret)) << size;
  }
  // A changed bit of the vector is a changed bit of the frame, which the CRC always sees; one of a block spoils the
  // block.
  for (std::size_t bit = (whole.size() - 16) * 8; bit < whole.size() * 8; ++bit) {
    Bytes bytes = whole;
    bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ 1U << bit % 8);
    EXPECT_EQ(read(bytes, &secret).error(), Refusal::kUndecipherable) << bit;
  }
}

TEST(Datagram, EveryRefusalHasAName) {
  std::vector<std::string_view> names;
  for (unsigned i = 0; i < static_cast<unsigned>(Refusal::kCount); ++i)
    names.push_back(to_text(static_cast<Refusal>(i)));
  std::ranges::sort(names);
  EXPECT_EQ(std::ranges::adjacent_find(names), names.end());
  EXPECT_EQ(std::ranges::find(names, "?"), names.end());
}

}  // namespace
}  // namespace drivers::udp
