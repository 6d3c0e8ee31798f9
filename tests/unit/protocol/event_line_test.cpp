#include "protocol/event_line.h"

#include <gtest/gtest.h>

#include <string>

#include "protocol/codec_kernels.h"
#include "protocol/datetime.h"

namespace {

using vscp::decode_event_line;
using vscp::Errc;
using vscp::Event;
using vscp::EventLineHints;
using vscp::LineFormat;

constexpr std::uint64_t kNs = 1'000'000'000ULL;

Errc error_of(std::string_view line) {
  Event event;
  const auto result = decode_event_line(line, event);
  return result ? Errc{} : result.error();
}

struct Decoded {
  Event event;
  EventLineHints hints;
};

Decoded decoded(std::string_view line) {
  Decoded result;
  const auto hints = decode_event_line(line, result.event);
  EXPECT_TRUE(hints.has_value()) << line;
  if (hints) result.hints = *hints;
  return result;
}

std::string encoded(const Event& event, LineFormat format) {
  vscp::DateCache dates;
  char out[vscp::kEventLineMax];
  return {out, vscp::encode_event_line(event, format, dates, out)};
}

TEST(EventLine, ReadsALegacyLine) {
  const auto [event, hints] =
      decoded("96,10,6,12,2026-11-22T01:02:03Z,1000,01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10,1,2,255");
  EXPECT_EQ(event.head, 96);
  EXPECT_EQ(event.vscp_class, 10);
  EXPECT_EQ(event.vscp_type, 6);
  EXPECT_EQ(event.obid, 12U);
  EXPECT_EQ(event.time_ns, 1'795'309'323 * kNs);
  EXPECT_EQ(event.timestamp_us, 1000U);
  EXPECT_EQ(event.guid.bytes[0], 1);
  EXPECT_EQ(event.guid.bytes[15], 16);
  ASSERT_EQ(event.data_size, 3);
  EXPECT_EQ(event.data[2], 255);
  EXPECT_FALSE(hints.time_missing);
  EXPECT_FALSE(hints.timestamp_missing);
  EXPECT_FALSE(hints.guid_missing);
}

TEST(EventLine, ReadsANanosecondLine) {
  const auto [event, hints] = decoded("256,20,3,1,,1767323045123456789,-,0x01,0x02");
  EXPECT_EQ(event.head, 0);  // bits 8-9 belong to the line
  EXPECT_EQ(event.time_ns, 1'767'323'045'123'456'789U);
  EXPECT_EQ(event.timestamp_us, static_cast<std::uint32_t>(1'767'323'045'123'456U & 0xffffffffU));
  EXPECT_FALSE(hints.time_missing);
  EXPECT_TRUE(hints.guid_missing);
  EXPECT_EQ(event.data_size, 2);
}

// What the client programs of the field send.
TEST(EventLine, SmallNumbersWithoutDateAreMicroseconds) {
  auto [event, hints] = decoded("0,20,3,,,1000,-");
  EXPECT_EQ(event.time_ns, 0U);
  EXPECT_EQ(event.timestamp_us, 1000U);
  EXPECT_TRUE(hints.time_missing);
  EXPECT_FALSE(hints.timestamp_missing);
  event = decoded("0,20,3,,,-2147483648,-").event;  // a 32-bit counter printed signed
  EXPECT_EQ(event.timestamp_us, 0x80000000U);
  event = decoded("0,20,3,,2026-11-22T01:02:03,-1,-").event;
  EXPECT_EQ(event.timestamp_us, 0xffffffffU);
  event = decoded("0,20,3,,,4294967297,-").event;
  EXPECT_EQ(event.timestamp_us, 1U);
  EXPECT_EQ(decoded("0,20,3,,,999999999999999,-").event.time_ns, 0U);
  EXPECT_EQ(decoded("0,20,3,,,1000000000000000,-").event.time_ns, vscp::kTimestampNsMin);
}

TEST(EventLine, SaysWhatIsMissing) {
  const auto [event, hints] = decoded("0,20,3,,,,");
  EXPECT_TRUE(hints.time_missing);
  EXPECT_TRUE(hints.timestamp_missing);
  EXPECT_TRUE(hints.guid_missing);
  EXPECT_EQ(event.data_size, 0);
  EXPECT_TRUE(decoded("0,20,3,,0000-00-00T00:00:00,5,-").hints.time_missing);
  EXPECT_TRUE(decoded("0,20,3,,,,00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00").hints.guid_missing);
  EXPECT_EQ(decoded(",,,,,,::1").event.vscp_class, 0);
}

TEST(EventLine, TheDateMayHaveEveryForm) {
  for (const std::string_view date : {"2026-11-22T01:02:03", "2026-11-22T01:02:03Z", "2026-11-22T01:02:03.000Z",
                                      "2026-11-22 01:02:03", " 2026-11-22T01:02:03Z "}) {
    std::string line("0,20,3,,");
    line.append(date).append(",7,-,1");
    EXPECT_EQ(decoded(line).event.time_ns, 1'795'309'323 * kNs) << date;
  }
  EXPECT_EQ(decoded("0,20,3,,2026-11-22T01:02:03.25Z,7,-").event.time_ns, 1'795'309'323 * kNs + kNs / 4);
}

TEST(EventLine, NumbersMayHaveEveryForm) {
  const auto [event, hints] = decoded(" 0x60 , 0o24 ,0b11, 007 ,, 0x10 , ::1 , 0X1f , 0b101 , 0o17 ,");
  EXPECT_EQ(event.head, 0x60);
  EXPECT_EQ(event.vscp_class, 20);
  EXPECT_EQ(event.vscp_type, 3);
  EXPECT_EQ(event.obid, 7U);
  EXPECT_EQ(event.timestamp_us, 16U);
  ASSERT_EQ(event.data_size, 3);
  EXPECT_EQ(event.data[0], 0x1f);
  EXPECT_EQ(event.data[1], 5);
  EXPECT_EQ(event.data[2], 15);
  EXPECT_FALSE(hints.guid_missing);
}

TEST(EventLine, TheGuidMayHaveCommasInBraces) {
  const auto [event, hints] = decoded("0,20,3,,,,{-:1,2,3},0,1,35");
  EXPECT_EQ(event.guid.bytes[13], 1);
  EXPECT_EQ(event.data_size, 3);
  EXPECT_EQ(decoded("0,20,3,,,,{::FE:0:5:93:40:2:32:0:1}").event.guid.bytes[6], 0xff);
}

TEST(EventLine, ALineMayEndAfterTheGuid) {
  for (const std::string_view guid : {"-", "-,", "01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10",
                                      "01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10,", "::1,  "}) {
    std::string line("0,20,3,,,,");
    line.append(guid);
    EXPECT_EQ(decoded(line).event.data_size, 0) << guid;
  }
}

TEST(EventLine, LimitsOfTheNumbers) {
  const auto [event, hints] = decoded("65535,65535,65535,4294967295,,18446744073709551615,-");
  EXPECT_EQ(event.head, 0xffff & ~vscp::kHeadFrameVersion);
  EXPECT_EQ(event.vscp_class, 0xffff);
  EXPECT_EQ(event.obid, 0xffffffffU);
  EXPECT_EQ(event.time_ns, ~std::uint64_t{0});
  EXPECT_EQ(decoded("0,0,0,0,,0000000000000000000000000012,-").event.timestamp_us, 12U);
  EXPECT_EQ(decoded("0000000000000000000000001,00012345,0,0,,1,-,1").event.vscp_class, 12345);
}

TEST(EventLine, NamesWhatIsWrong) {
  EXPECT_EQ(error_of(""), Errc::kMissingField);
  EXPECT_EQ(error_of("0"), Errc::kMissingField);
  EXPECT_EQ(error_of("0,20,3,,,"), Errc::kMissingField);
  EXPECT_EQ(error_of("0,20,3,0,2026-11-22T01:02:03Z"), Errc::kMissingField);
  EXPECT_EQ(error_of("0,20,3,0,2026-11-22T01:02:03Z,1"), Errc::kMissingField);
  EXPECT_EQ(error_of("x,20,3,,,,-"), Errc::kBadNumber);
  EXPECT_EQ(error_of("0,2 0,3,,,,-"), Errc::kBadNumber);
  EXPECT_EQ(error_of("0,-1,3,,,,-"), Errc::kBadNumber);
  EXPECT_EQ(error_of("0,0x,3,,,,-"), Errc::kBadNumber);
  EXPECT_EQ(error_of("0,20,3,,,-,-"), Errc::kBadNumber);
  EXPECT_EQ(error_of("0,20,3,,,12a,-"), Errc::kBadNumber);
  EXPECT_EQ(error_of("0,20,3,,,,-,1,x"), Errc::kBadNumber);
  EXPECT_EQ(error_of("0,20,3,,,,-,1,-1"), Errc::kBadNumber);
  EXPECT_EQ(error_of("0,20,3,,,,-,1,0b2"), Errc::kBadNumber);
  EXPECT_EQ(error_of("65536,20,3,,,,-"), Errc::kNumberRange);
  EXPECT_EQ(error_of("0,65536,3,,,,-"), Errc::kNumberRange);
  EXPECT_EQ(error_of("0,20,123456789012,,,,-"), Errc::kNumberRange);
  EXPECT_EQ(error_of("0,20,3,4294967296,,,-"), Errc::kNumberRange);
  EXPECT_EQ(error_of("0,20,3,,,18446744073709551616,-"), Errc::kNumberRange);
  EXPECT_EQ(error_of("0,20,3,,,99999999999999999999,-"), Errc::kNumberRange);
  EXPECT_EQ(error_of("0,20,3,,,-2147483649,-"), Errc::kNumberRange);
  EXPECT_EQ(error_of("0,20,3,,,,-,256"), Errc::kNumberRange);
  EXPECT_EQ(error_of("0,20,3,,,,GUID"), Errc::kBadGuid);
  EXPECT_EQ(error_of("0,20,3,,,,{::1,2"), Errc::kBadGuid);
  EXPECT_EQ(error_of("0,20,3,,yesterday,,-"), Errc::kBadDate);
  EXPECT_EQ(error_of("0,20,3,,2026-02-30T01:02:03Z,,-"), Errc::kBadDate);
  EXPECT_EQ(error_of("0,20,3,,,,-,1,,2"), Errc::kMissingField);
  using std::string_view_literals::operator""sv;
  EXPECT_EQ(error_of("0,20,3,,,,-,1,\0"sv), Errc::kEmbeddedNul);
  EXPECT_EQ(error_of("0,20\0,3,,,,-,1,2"sv), Errc::kEmbeddedNul);
  EXPECT_EQ(error_of("\0"sv), Errc::kEmbeddedNul);
}

TEST(EventLine, TakesAtMost512DataBytes) {
  for (const std::string_view value : {"7", "255", "0xFF", "0xFF ", "07"}) {
    std::string line("0,20,3,,,,-");
    for (std::size_t i = 0; i < vscp::kEventDataMax; ++i) line.append(",").append(value);
    EXPECT_EQ(decoded(line).event.data_size, vscp::kEventDataMax);
    EXPECT_EQ(decoded(line + ",").event.data_size, vscp::kEventDataMax);
    line.append(",").append(value);
    EXPECT_EQ(error_of(line), Errc::kDataSize) << value;
  }
}

Event sample() {
  Event event;
  event.time_ns = 1'795'309'323'123'456'789ULL;
  event.timestamp_us = 4'294'967'295U;
  event.obid = 17;
  event.head = 0x360 | vscp::kHeadDumb;
  event.vscp_class = 1040;
  event.vscp_type = 10;
  for (std::size_t i = 0; i < 16; ++i) event.guid.bytes[i] = static_cast<std::uint8_t>(0xa0 + i);
  event.data_size = 4;
  event.data[0] = 0;
  event.data[1] = 9;
  event.data[2] = 10;
  event.data[3] = 100;
  return event;
}

TEST(EventLine, WritesBothFormats) {
  EXPECT_EQ(encoded(sample(), LineFormat::kLegacy),
            "32864,1040,10,17,2026-11-22T01:02:03Z,4294967295,A0:A1:A2:A3:A4:A5:A6:A7:A8:A9:AA:AB:AC:AD:AE:AF,0,9,10,"
            "100\r\n");
  EXPECT_EQ(encoded(sample(), LineFormat::kNanoseconds),
            "33120,1040,10,17,,1795309323123456789,A0:A1:A2:A3:A4:A5:A6:A7:A8:A9:AA:AB:AC:AD:AE:AF,0,9,10,100\r\n");
}

TEST(EventLine, WritesNoCommaWithoutData) {
  Event event = sample();
  event.data_size = 0;
  EXPECT_TRUE(encoded(event, LineFormat::kLegacy).ends_with(":AF\r\n"));
}

TEST(EventLine, WritesNumbersOfEveryLength) {
  Event event = sample();
  std::uint64_t value = 0;
  for (int digits = 1; digits <= 19; ++digits) {
    value = value * 10 + static_cast<unsigned>(digits % 10);
    for (const std::uint64_t number : {value, value - 1, value * 10 / 9}) {
      event.time_ns = number;
      event.obid = static_cast<std::uint32_t>(number & 0xffffffffU);
      std::string expected("33120,1040,10,");
      expected.append(std::to_string(event.obid)).append(",,").append(std::to_string(number)).append(",");
      EXPECT_TRUE(encoded(event, LineFormat::kNanoseconds).starts_with(expected)) << number;
    }
  }
  event.time_ns = ~std::uint64_t{0};
  EXPECT_TRUE(encoded(event, LineFormat::kNanoseconds).find(",,18446744073709551615,") != std::string::npos);
}

TEST(EventLine, TheDateCacheFollowsTheTime) {
  vscp::DateCache dates;
  Event event = sample();
  char out[vscp::kEventLineMax];
  for (const std::uint64_t step : {std::uint64_t{0}, kNs / 2, kNs, kNs, 86'400 * kNs, 59 * kNs}) {
    event.time_ns += step;
    char date[vscp::kDatetimeTextSize];
    vscp::format_datetime(event.time_ns, date);
    const std::size_t size = vscp::encode_event_line(event, LineFormat::kLegacy, dates, out);
    EXPECT_NE(std::string_view(out, size).find(std::string_view(date, sizeof date)), std::string_view::npos);
  }
}

TEST(EventLine, StaysWithinItsBufferAtItsLargest) {
  Event event = sample();
  event.head = 0xffff;
  event.vscp_class = event.vscp_type = 0xffff;
  event.obid = 0xffffffff;
  event.time_ns = ~std::uint64_t{0};
  event.data_size = vscp::kEventDataMax;
  event.data.fill(255);
  for (std::size_t form = 0; form < vscp::kCodecFormCount; ++form) {
    if (!vscp::use_codec_form(static_cast<vscp::CodecForm>(form))) continue;
    for (const LineFormat format : {LineFormat::kLegacy, LineFormat::kNanoseconds}) {
      vscp::DateCache dates;
      std::string out(vscp::kEventLineMax + 64, '#');
      const std::size_t size = vscp::encode_event_line(event, format, dates, out.data());
      EXPECT_LE(size, vscp::kEventLineMax);
      EXPECT_EQ(out.find_first_not_of('#', vscp::kEventLineMax), std::string::npos);
    }
  }
}

}  // namespace
