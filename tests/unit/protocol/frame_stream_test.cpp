// Frames in a stream: where each ends, from any split on, and what has no end that can be known.
#include "protocol/frame_stream.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/binary_command.h"
#include "protocol/crc.h"
#include "protocol/vscp_error.h"
#include "protocol/wire_format.h"

namespace {

using vscp::BinaryCode;
using vscp::Errc;
using Bytes = std::vector<std::uint8_t>;

Bytes command(std::uint16_t code, const Bytes& argument = {}, vscp::FrameType type = vscp::FrameType::kCommand) {
  Bytes bytes(argument.size() + 7);
  bytes.resize(vscp::encode_command_frame({type, code, 0, argument}, bytes).value());
  return bytes;
}
Bytes command(BinaryCode code, const Bytes& argument = {}) {
  return command(static_cast<std::uint16_t>(code), argument);
}
Bytes confirm(std::size_t argument) {
  return command(static_cast<std::uint16_t>(BinaryCode::kEventConfirm), Bytes(argument, 7), vscp::FrameType::kReply);
}
Bytes text(std::string_view characters) {
  return {characters.begin(), characters.end()};
}

Bytes event(std::size_t data_size, vscp::FrameType type = vscp::FrameType::kEvent1) {
  vscp::Event value;
  value.time_ns = 1'795'309'323'000'000'000ULL;
  value.data_size = static_cast<std::uint16_t>(data_size);
  value.data.fill(0xe0);
  Bytes bytes(vscp::kEventFrameMax);
  bytes.resize(vscp::encode_event_frame(value, type, bytes.data()));
  return bytes;
}

Bytes event_argument(std::size_t data_size) {
  const Bytes frame = event(data_size);
  return {frame.begin() + 1, frame.end() - 2};
}

Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

std::size_t size_of(const Bytes& bytes) {
  const auto size = vscp::first_frame_size(bytes);
  EXPECT_TRUE(size.has_value()) << vscp::to_text(size.error());
  return size.value_or(~std::size_t{0});
}
Errc error_of(const Bytes& bytes) {
  const auto size = vscp::first_frame_size(bytes);
  return size ? Errc{} : size.error();
}

/// One of every frame that a client may send.
std::vector<Bytes> every_frame() {
  std::vector<Bytes> frames{event(0), event(8), event(512), event(487, vscp::FrameType::kEvent0), confirm(6)};
  for (std::uint16_t code = 0; code <= 24; ++code) {
    const auto& info = *vscp::find_binary_command(code);
    switch (info.form) {
      case vscp::ArgumentForm::kSizes:
        for (std::size_t size = info.shortest; size <= info.longest; size += info.step) {
          frames.push_back(command(code, Bytes(size, static_cast<std::uint8_t>(code))));
        }
        break;
      case vscp::ArgumentForm::kText:
        frames.push_back(command(code, text("somebody")));
        frames.push_back(command(code, text("somebody") + Bytes{0}));
        frames.push_back(command(code, Bytes(info.longest, 'x') + Bytes{0}));
        frames.push_back(command(code, Bytes(info.longest, 'x')));
        frames.push_back(command(code));
        break;
      case vscp::ArgumentForm::kEvent:
        frames.push_back(command(code, event_argument(0)));
        frames.push_back(command(code, event_argument(512)));
        break;
    }
  }
  frames.push_back(command(std::uint16_t{34}));
  frames.push_back(command(std::uint16_t{25}));  // unknown, but whole without argument
  frames.push_back(command(std::uint16_t{0xff00}));
  return frames;
}

TEST(FrameStream, NoFrameIsLongerThanTheLongest) {
  std::size_t longest = 0;
  for (const Bytes& frame : every_frame()) longest = std::max(longest, frame.size());
  EXPECT_EQ(longest, vscp::kFrameMax);
}

TEST(FrameStream, KnowsTheEndOfEveryFrame) {
  for (const Bytes& frame : every_frame()) {
    EXPECT_EQ(size_of(frame), frame.size()) << int{frame[0]} << ' ' << int{frame[2]};
    for (const Bytes& behind :
         {event(8), command(BinaryCode::kNoop), command(BinaryCode::kUser, text("x")), confirm(6)}) {
      EXPECT_EQ(size_of(frame + behind), frame.size()) << int{frame[0]} << ' ' << int{frame[2]};
    }
  }
}

TEST(FrameStream, AFrameInPartsIsNeitherWrongNorWhole) {
  for (const Bytes& frame : every_frame()) {
    for (std::size_t size = 0; size < frame.size(); ++size) {
      EXPECT_EQ(size_of(Bytes(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size))), 0U)
          << int{frame[0]} << ' ' << int{frame[2]} << " cut after " << size;
    }
  }
}

TEST(FrameStream, AnyOrderOfFramesComesApartAgain) {
  const auto frames = every_frame();
  std::mt19937 random(7);
  Bytes stream;
  std::vector<std::size_t> sizes;
  for (int i = 0; i < 2'000; ++i) {
    const Bytes& frame = frames[random() % frames.size()];
    stream = stream + frame;
    sizes.push_back(frame.size());
    if (stream.size() < 4'000) continue;
    std::span<const std::uint8_t> rest = stream;
    for (const std::size_t size : sizes) {
      const auto found = vscp::first_frame_size(rest);
      ASSERT_TRUE(found.has_value());
      ASSERT_EQ(*found, size);
      rest = rest.subspan(size);
    }
    stream.clear();
    sizes.clear();
  }
}

TEST(FrameStream, FirstBytesThatBeginNoFrame) {
  for (unsigned first = 0; first < 256; ++first) {
    const Bytes bytes(600, static_cast<std::uint8_t>(first));
    const unsigned type = first >> 4U;
    if (type > 1 && type < 14) {
      EXPECT_EQ(error_of(bytes), Errc::kBadFrameType) << first;
    } else if ((first & 15U) != 0) {
      EXPECT_EQ(error_of(bytes), Errc::kEncrypted) << first;
      EXPECT_EQ(error_of({static_cast<std::uint8_t>(first)}), Errc::kEncrypted);
    }
  }
}

TEST(FrameStream, SizesThatCannotBe) {
  Bytes bytes = event(8);
  bytes[34] = 0x02;
  bytes[35] = 0x01;  // 513
  EXPECT_EQ(error_of(bytes), Errc::kDataSize);
  Bytes send = command(BinaryCode::kSend, event_argument(8));
  send[3 + 33] = 0xff;
  EXPECT_EQ(error_of(send), Errc::kDataSize);
}

TEST(FrameStream, AWrongCrcOfACommandIsNotWaitedOut) {
  // Where one length is possible the frame is given out, and its decoder says what is wrong.
  Bytes bytes = command(BinaryCode::kNoop);
  bytes.back() ^= 1U;
  EXPECT_EQ(size_of(bytes), bytes.size());
  EXPECT_EQ(vscp::decode_command_frame(bytes).error(), Errc::kBadCrc);
  // Where several are, all of them were tried.
  bytes = command(BinaryCode::kRetr, {0, 9});
  bytes.back() ^= 1U;
  EXPECT_EQ(error_of(bytes), Errc::kBadCrc);
  bytes = command(BinaryCode::kUser, text("somebody") + Bytes{0});
  bytes.back() ^= 1U;
  EXPECT_EQ(error_of(bytes), Errc::kBadCrc);
  bytes = confirm(6);
  bytes.back() ^= 1U;
  EXPECT_EQ(error_of(bytes), Errc::kBadCrc);
  // A text that has no end.
  EXPECT_EQ(error_of(command(BinaryCode::kPass, Bytes(200, 'x'))), Errc::kBadCrc);
}

TEST(FrameStream, UnknownCodesAreKnownOnlyWithoutArgument) {
  EXPECT_EQ(error_of(command(std::uint16_t{25}, {1, 2, 3})), Errc::kUnknownCommand);
  EXPECT_EQ(error_of(command(std::uint16_t{0xfffe}, {1, 2, 3})), Errc::kUnknownCommand);
  EXPECT_EQ(error_of(command(std::uint16_t{7}, {1, 2, 3}, vscp::FrameType::kReply)), Errc::kUnknownCommand);
  EXPECT_EQ(size_of(command(std::uint16_t{7}, {}, vscp::FrameType::kReply)), 7U);
}

// The CRC of a short form may happen to stand in the long one: then what comes behind decides.
TEST(FrameStream, ALengthThatFitsByChance) {
  const std::uint8_t code[2] = {0, 21};
  const std::uint16_t crc = vscp::crc16_ccitt(code);
  const Bytes argument{
      static_cast<std::uint8_t>(crc >> 8U), static_cast<std::uint8_t>(crc & 0xffU), 'x', 0, 0, 0, 0, 0};
  EXPECT_EQ(size_of(command(BinaryCode::kWhatCanYouDo, argument)), 13U);
  // Garbage behind a whole frame is the next frame's trouble.
  EXPECT_EQ(size_of(command(BinaryCode::kRetr) + text("SEND")), 5U);
}

TEST(FrameStream, ANulInTheNextFrameEndsNoText) {
  // Without a NUL of its own; the code of the next frame begins with one.
  const Bytes user = command(BinaryCode::kUser, text("admin"));
  EXPECT_EQ(size_of(user + command(BinaryCode::kPass, text("secret"))), user.size());
  // The first bytes of an event frame of type 0, over which the CRC stays 0.
  EXPECT_EQ(size_of(user + event(8, vscp::FrameType::kEvent0)), user.size());
}

// Firmware sends two bytes of head where the spec has four. What comes behind must be there to tell; nothing waits for
// it.
TEST(FrameStream, AShortConfirmIsKnownByWhatFollows) {
  EXPECT_EQ(size_of(confirm(4)), 0U);
  for (const Bytes& behind : {event(8), command(BinaryCode::kNoop), confirm(4), confirm(6)}) {
    EXPECT_EQ(size_of(confirm(4) + behind), 11U);
  }
  EXPECT_EQ(error_of(confirm(5) + event(8)), Errc::kBadCrc);
}

// One in 65536 confirms has a CRC that fits the short form too.
TEST(FrameStream, NoConfirmIsEndedByChance) {
  for (unsigned crc = 0; crc < 0x10000; ++crc) {
    const Bytes argument{0, 0, 0x01, 0x60, static_cast<std::uint8_t>(crc >> 8U), static_cast<std::uint8_t>(crc)};
    const Bytes frame = command(0xffff, argument, vscp::FrameType::kReply) + command(BinaryCode::kNoop);
    ASSERT_EQ(size_of(frame), 13U) << crc;
  }
}

TEST(BinaryCommand, HasTheCodesOfTheSpecAndThoseOfEarlierFirmware) {
  for (std::uint16_t code = 0; code <= 24; ++code) {
    ASSERT_NE(vscp::find_binary_command(code), nullptr);
    EXPECT_EQ(static_cast<std::uint16_t>(vscp::find_binary_command(code)->code), code);
  }
  for (std::uint16_t code = 30; code <= 34; ++code) {
    EXPECT_EQ(vscp::find_binary_command(code), vscp::find_binary_command(static_cast<std::uint16_t>(code - 10)));
  }
  for (const int code : {25, 29, 35, 0xff00, 0xfffe, 0xffff})
    EXPECT_EQ(vscp::find_binary_command(static_cast<std::uint16_t>(code)), nullptr);
}

TEST(VscpError, NamesWhatIsWrongWithAFrame) {
  EXPECT_EQ(vscp::to_vscp_error(Errc::kBadCrc), vscp::VscpError::kInvalidChecksum);
  EXPECT_EQ(vscp::to_vscp_error(Errc::kDataSize), vscp::VscpError::kSize);
  EXPECT_EQ(vscp::to_vscp_error(Errc::kBadFrameType), vscp::VscpError::kInvalidFrame);
  EXPECT_EQ(vscp::to_vscp_error(Errc::kEncrypted), vscp::VscpError::kUnsupported);
  EXPECT_EQ(vscp::to_vscp_error(Errc::kUnknownCommand), vscp::VscpError::kUnknownCommand);
  EXPECT_EQ(vscp::to_vscp_error(Errc::kBadDate), vscp::VscpError::kParameter);
}

TEST(WireFormat, ReadsBackWhatItWrote) {
  vscp::Event source;
  source.time_ns = 1'795'309'323'000'000'000ULL;
  source.timestamp_us = static_cast<std::uint32_t>(source.time_ns / 1000 & 0xffffffffU);
  source.vscp_class = 20;
  source.vscp_type = 3;
  source.data_size = 2;
  source.data[0] = 1;
  source.data[1] = 255;
  vscp::DateCache dates;
  for (const auto format :
       {vscp::WireFormat::kLegacyLine, vscp::WireFormat::kNanosecondsLine, vscp::WireFormat::kFrame}) {
    char out[vscp::kEventWireMax];
    const std::size_t size = vscp::encode_event(source, format, dates, out);
    vscp::Event event;
    ASSERT_TRUE(vscp::decode_event({out, size}, format, event).has_value());
    EXPECT_EQ(event, source);
    EXPECT_FALSE(vscp::decode_event({out, size / 2}, format, event).has_value());
  }
}

}  // namespace
