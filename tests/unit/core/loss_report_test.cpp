#include "router/core/loss_report.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

namespace {

using router::LossReport;

constexpr std::uint64_t kSecond = 1'000'000'000;

vscp::Guid own_guid() {
  vscp::Guid guid;
  guid.bytes[0] = 0xff;
  guid.bytes[15] = 7;
  return guid;
}

TEST(LossReport, SaysWhoLostHowMuch) {
  LossReport report(own_guid(), 3);
  EXPECT_FALSE(report.is_due(0, 10, kSecond));
  ASSERT_TRUE(report.is_due(0x01020304, 10, kSecond));
  vscp::Event event;
  report.make(0x01020304, 10, kSecond, event);
  EXPECT_EQ(event.vscp_class, 508);
  EXPECT_EQ(event.vscp_type, 18);
  EXPECT_EQ(event.priority(), 1);
  EXPECT_EQ(event.guid, own_guid());
  ASSERT_EQ(event.data_size, 7);
  const std::array<std::uint8_t, 7> wanted{3, 255, 255, 1, 2, 3, 4};
  EXPECT_TRUE(std::equal(wanted.begin(), wanted.end(), event.data.begin()));
}

TEST(LossReport, OncePerSecond) {
  LossReport report(own_guid(), 0);
  vscp::Event event;
  ASSERT_TRUE(report.is_due(5, 100, kSecond));
  report.make(5, 100, kSecond, event);
  EXPECT_FALSE(report.is_due(50, 1000, 2 * kSecond - 1));
  EXPECT_EQ(report.ns_until_due(50, 2 * kSecond - 1), 1U);
  ASSERT_TRUE(report.is_due(50, 1000, 2 * kSecond));
  report.make(50, 1000, 2 * kSecond, event);
  EXPECT_EQ(event.data[6], 45) << "since the last one";
  EXPECT_EQ(report.ns_until_due(50, 3 * kSecond), ~std::uint64_t{0});
}

// Two workers whose readers lose nothing but each other's reports fall silent.
TEST(LossReport, ReportsAloneMakeNoOthers) {
  LossReport report(own_guid(), 0);
  vscp::Event event;
  ASSERT_TRUE(report.is_due(5, 100, kSecond));
  report.make(5, 100, kSecond, event);  // itself the 101st
  report.note_other(event);             // and one of another worker, the 102nd
  EXPECT_FALSE(report.is_due(9, 102, 5 * kSecond));
  EXPECT_FALSE(report.is_due(9, 103, 6 * kSecond)) << "what was lost before is forgotten";
  EXPECT_TRUE(report.is_due(10, 103, 6 * kSecond)) << "another event, another loss";
}

// Only what the router itself says counts as a report.
TEST(LossReport, AStrangersErrorIsAnEventLikeAnyOther) {
  LossReport report(own_guid(), 0);
  vscp::Event event;
  ASSERT_TRUE(report.is_due(5, 100, kSecond));
  report.make(5, 100, kSecond, event);
  event.guid.bytes[15] = 8;
  report.note_other(event);
  EXPECT_TRUE(report.is_due(9, 102, 5 * kSecond));
}

TEST(LossReport, ATotalThatShrinksIsNoLoss) {
  LossReport report(own_guid(), 0);
  vscp::Event event;
  ASSERT_TRUE(report.is_due(5, 100, kSecond));
  report.make(5, 100, kSecond, event);
  EXPECT_FALSE(report.is_due(4, 200, 3 * kSecond));
  EXPECT_EQ(report.ns_until_due(4, 3 * kSecond), ~std::uint64_t{0});
}

}  // namespace
