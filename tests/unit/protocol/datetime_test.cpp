#include "protocol/datetime.h"

#include <gtest/gtest.h>

#include <ctime>
#include <random>

namespace {

using vscp::Errc;
using vscp::parse_datetime;

constexpr std::uint64_t kNs = 1'000'000'000ULL;

TEST(Datetime, ReadsTheFormsOfRealPeers) {
  EXPECT_EQ(parse_datetime("1970-01-01T00:00:00Z").value(), 0U);
  EXPECT_EQ(parse_datetime("2001-11-02T18:00:01").value(), 1'004'724'001 * kNs);
  EXPECT_EQ(parse_datetime("2001-11-02 18:00:01").value(), 1'004'724'001 * kNs);
  EXPECT_EQ(parse_datetime("2026-11-22T01:02:03.000Z").value(), 1'795'309'323 * kNs);
  EXPECT_EQ(parse_datetime("2026-11-22T01:02:03.5").value(), 1'795'309'323 * kNs + 500'000'000);
  EXPECT_EQ(parse_datetime("2026-11-22T01:02:03.123456789Z").value(), 1'795'309'323 * kNs + 123'456'789);
  EXPECT_EQ(parse_datetime("2553-12-31T23:59:59.999999999Z").value(), 18'429'292'799 * kNs + 999'999'999);
}

TEST(Datetime, TheLastTimeThatFits) {
  EXPECT_EQ(parse_datetime("2554-07-21T23:34:33.709551615Z").value(), ~std::uint64_t{0});
  char out[vscp::kDatetimeTextSize];
  vscp::format_datetime(~std::uint64_t{0}, out);
  EXPECT_EQ(std::string_view(out, sizeof out), "2554-07-21T23:34:33Z");
}

TEST(Datetime, ALeapSecondIsTheSecondBefore) {
  EXPECT_EQ(parse_datetime("2016-12-31T23:59:60Z").value(), parse_datetime("2016-12-31T23:59:59Z").value());
}

TEST(Datetime, KnowsLeapYears) {
  EXPECT_TRUE(parse_datetime("2024-02-29T00:00:00").has_value());
  EXPECT_TRUE(parse_datetime("2000-02-29T00:00:00").has_value());
  EXPECT_FALSE(parse_datetime("2023-02-29T00:00:00").has_value());
  EXPECT_FALSE(parse_datetime("2100-02-29T00:00:00").has_value());
}

TEST(Datetime, RefusesWhatIsNoDate) {
  for (const std::string_view text : {"",
                                      "2026",
                                      "2026-11-22",
                                      "2026-11-22T01:02:0",
                                      "2026-11-22T01:02:03z",
                                      "2026-11-22T01:02:03ZZ",
                                      "2026-11-22T01:02:03.",
                                      "2026-11-22T01:02:03.Z",
                                      "2026-11-22T01:02:03.1234567890",
                                      "2026-11-22T01:02:03+01:00",
                                      "2026-00-22T01:02:03",
                                      "2026-13-22T01:02:03",
                                      "2026-11-00T01:02:03",
                                      "2026-11-31T01:02:03",
                                      "2026-11-22T24:02:03",
                                      "2026-11-22T01:60:03",
                                      "2026-11-22T01:02:61",
                                      "1969-12-31T23:59:59",
                                      "2554-07-21T23:34:34",
                                      "2554-07-21T23:34:33.709551616",
                                      "2555-01-01T00:00:00",
                                      "9999-12-31T23:59:59",
                                      "2026/11/22T01:02:03",
                                      "2026-11-22t01:02:03",
                                      "2026-11-22T01.02:03",
                                      "2026-11-22T01:02-03",
                                      "x026-11-22T01:02:03",
                                      "2026-1x-22T01:02:03",
                                      " 026-11-22T01:02:03",
                                      "2026-11-22T01:02:0x",
                                      "2026-11-22T01:02:x3",
                                      "0000-00-00T00:00:00"}) {
    const auto time = parse_datetime(text);
    ASSERT_FALSE(time.has_value()) << text;
    EXPECT_EQ(time.error(), Errc::kBadDate);
  }
}

TEST(Datetime, AgreesWithTheCLibraryOverAllDays) {
  constexpr std::uint64_t kLastDay = 213'300;  // in 2553
  std::mt19937_64 random(7);
  for (std::uint64_t day = 0; day <= kLastDay; ++day) {
    const std::uint64_t second = day * 86'400 + random() % 86'400;
    const auto time = static_cast<std::time_t>(second);
    std::tm date;
    gmtime_r(&time, &date);
    char expected[64];
    std::strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%SZ", &date);
    char out[vscp::kDatetimeTextSize + 1] = {};
    ASSERT_EQ(vscp::format_datetime(second * kNs + random() % kNs, out), out + vscp::kDatetimeTextSize);
    ASSERT_STREQ(out, expected);
    ASSERT_EQ(parse_datetime(out).value(), second * kNs);
  }
}

}  // namespace
