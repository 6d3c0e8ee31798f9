#include "protocol/filter.h"

#include <gtest/gtest.h>

namespace {

using vscp::Errc;
using vscp::Event;
using vscp::Filter;
using vscp::parse_filter_half;

TEST(FilterHalf, ReadsTheSpecsForm) {
  const auto half = parse_filter_half("1,0x0000,0x0006,ff:ff:ff:ff:ff:ff:ff:01:00:00:00:00:00:00:00:00");
  ASSERT_TRUE(half.has_value());
  EXPECT_EQ(half->priority, 1);
  EXPECT_EQ(half->vscp_class, 0);
  EXPECT_EQ(half->vscp_type, 6);
  EXPECT_EQ(half->guid.bytes[7], 1);
  EXPECT_EQ(half->index, 0U);
}

TEST(FilterHalf, ReadsIndexBlanksAndShortGuids) {
  const auto half = parse_filter_half("  7 , 0xFFFF,65535 , {-:1,2,3} , 8 ");
  ASSERT_TRUE(half.has_value());
  EXPECT_EQ(half->priority, 7);
  EXPECT_EQ(half->vscp_class, 0xffff);
  EXPECT_EQ(half->guid.bytes[13], 1);
  EXPECT_EQ(half->index, 8U);
  EXPECT_TRUE(parse_filter_half("0,0,0,")->guid.is_zero());
  EXPECT_TRUE(parse_filter_half("0,0,0,-")->guid.is_zero());
  EXPECT_EQ(parse_filter_half("0,0,0,::1")->guid.bytes[0], 0xff);
}

TEST(FilterHalf, NamesWhatIsWrong) {
  EXPECT_EQ(parse_filter_half("").error(), Errc::kMissingField);
  EXPECT_EQ(parse_filter_half("1,2,3").error(), Errc::kMissingField);
  EXPECT_EQ(parse_filter_half("x,2,3,-").error(), Errc::kBadNumber);
  EXPECT_EQ(parse_filter_half(",2,3,-").error(), Errc::kBadNumber);
  EXPECT_EQ(parse_filter_half("1,-2,3,-").error(), Errc::kBadNumber);
  EXPECT_EQ(parse_filter_half("256,2,3,-").error(), Errc::kNumberRange);
  EXPECT_EQ(parse_filter_half("1,65536,3,-").error(), Errc::kNumberRange);
  EXPECT_EQ(parse_filter_half("1,2,65536,-").error(), Errc::kNumberRange);
  EXPECT_EQ(parse_filter_half("1,2,3,GUID").error(), Errc::kBadGuid);
  EXPECT_EQ(parse_filter_half("1,2,3,{::1").error(), Errc::kBadGuid);
  EXPECT_EQ(parse_filter_half("1,2,3,-,x").error(), Errc::kBadNumber);
  EXPECT_EQ(parse_filter_half("1,2,3,-,4294967296").error(), Errc::kNumberRange);
  EXPECT_EQ(parse_filter_half("1,2,3,-,1,2").error(), Errc::kBadNumber);
}

Event event_of(std::uint16_t vscp_class, std::uint16_t vscp_type, unsigned priority) {
  Event event;
  event.vscp_class = vscp_class;
  event.vscp_type = vscp_type;
  event.head = static_cast<std::uint16_t>(priority << 5U);
  event.guid.bytes.fill(0x20);
  return event;
}

TEST(Filter, NothingMaskedLetsAllPass) {
  Filter filter;
  filter.filter_class = 10;
  EXPECT_TRUE(filter.matches(event_of(20, 3, 7)));
  EXPECT_TRUE(filter.may_match_class(20));
}

TEST(Filter, EachFieldCounts) {
  Filter filter;
  filter.filter_class = 20;
  filter.mask_class = 0xffff;
  EXPECT_TRUE(filter.matches(event_of(20, 3, 7)));
  EXPECT_FALSE(filter.matches(event_of(21, 3, 7)));
  EXPECT_FALSE(filter.may_match_class(21));
  filter.filter_type = 3;
  filter.mask_type = 0xff;
  EXPECT_FALSE(filter.matches(event_of(20, 4, 7)));
  EXPECT_TRUE(filter.matches(event_of(20, 0x103, 7)));
  filter.filter_priority = 7;
  filter.mask_priority = 4;
  EXPECT_TRUE(filter.matches(event_of(20, 3, 4)));
  EXPECT_FALSE(filter.matches(event_of(20, 3, 3)));
  filter.filter_guid.bytes[15] = 0x20;
  filter.mask_guid.bytes[15] = 0xff;
  EXPECT_TRUE(filter.matches(event_of(20, 3, 7)));
  filter.filter_guid.bytes[0] = 0x21;
  filter.mask_guid.bytes[0] = 0x01;
  EXPECT_FALSE(filter.matches(event_of(20, 3, 7)));
}

TEST(Filter, CanonicalFormsOfEqualFiltersAreEqual) {
  Filter left;
  left.filter_class = 0x1234;
  left.mask_class = 0xff00;
  Filter right = left;
  right.filter_class = 0x12ff;
  right.filter_guid.bytes.fill(9);
  right.filter_priority = 3;
  right.filter_type = 77;
  EXPECT_NE(left, right);
  EXPECT_EQ(left.canonical(), right.canonical());
}

}  // namespace
