#include "drivers/library/abi/level1_frame.h"

#include <gtest/gtest.h>

#include <cstring>

#include "drivers/examples/level1/canal.h"

namespace {

using namespace drivers::library;

// The header that driver authors get is the same interface.
static_assert(sizeof(canalMsg) == sizeof(CanalMsg) && sizeof(canalStatus) == sizeof(CanalStatus) &&
              sizeof(canalStatistics) == sizeof(CanalStatistics));
static_assert(offsetof(canalMsg, sizeData) == offsetof(CanalMsg, size) &&
              offsetof(canalMsg, timestamp) == offsetof(CanalMsg, timestamp));

vscp::Guid interface_guid() {
  vscp::Guid guid;
  for (std::size_t at = 0; at < guid.bytes.size(); ++at) guid.bytes[at] = static_cast<std::uint8_t>(0xa0 + at);
  return guid;
}

CanalMsg measurement() {
  CanalMsg message;
  message.flags = kCanalExtended;
  message.id = 5UL << 26 | 1UL << 25 | 10UL << 16 | 6UL << 8 | 0x23;
  message.size = 3;
  message.data[0] = 0x60;
  message.data[1] = 1;
  message.data[2] = 2;
  message.timestamp = 0x1'0000'0007;
  return message;
}

TEST(Level1Frame, MessageBecomesEvent) {
  vscp::Event event;
  event.time_ns = 1;
  event.obid = 1;
  ASSERT_EQ(message_to_event(measurement(), interface_guid(), event), FrameKind::kEvent);
  EXPECT_EQ(event.vscp_class, 10);
  EXPECT_EQ(event.vscp_type, 6);
  EXPECT_EQ(event.priority(), 5);
  EXPECT_TRUE(event.head & vscp::kHeadHardCoded);
  EXPECT_EQ(event.data_size, 3);
  EXPECT_EQ(event.data[2], 2);
  EXPECT_EQ(event.timestamp_us, 7U);
  EXPECT_EQ(event.time_ns, 0U);
  EXPECT_EQ(event.obid, 0U);
  EXPECT_EQ(event.guid.bytes[0], 0xa0);
  EXPECT_EQ(event.guid.bytes[13], 0xad);
  EXPECT_EQ(event.guid.bytes[14], 0);
  EXPECT_EQ(event.guid.bytes[15], 0x23);
}

TEST(Level1Frame, WhatIsNoEventNeverBecomesOne) {
  vscp::Event event;
  const auto kind = [&](auto&& change) {
    CanalMsg message = measurement();
    change(message);
    return message_to_event(message, interface_guid(), event);
  };
  EXPECT_EQ(kind([](CanalMsg& m) { m.flags |= kCanalRemote; }), FrameKind::kRemote);
  EXPECT_EQ(kind([](CanalMsg& m) { m.id |= 0x4000'0000; }), FrameKind::kRemote);
  EXPECT_EQ(kind([](CanalMsg& m) { m.flags |= kCanalStatusMessage; }), FrameKind::kStatus);
  EXPECT_EQ(kind([](CanalMsg& m) { m.id |= 0x2000'0000; }), FrameKind::kStatus);
  EXPECT_EQ(kind([](CanalMsg& m) { m.flags |= kCanalFd; }), FrameKind::kFd);
  EXPECT_EQ(kind([](CanalMsg& m) { m.size = 9; }), FrameKind::kBadSize);
  EXPECT_EQ(kind([](CanalMsg& m) { m.id = 0x1'0000'0000; }), FrameKind::kBadId);
  EXPECT_EQ(kind([](CanalMsg& m) { m.flags = 0, m.id = 0x123; }), FrameKind::kStandard);
  EXPECT_EQ(kind([](CanalMsg& m) { m.flags = 0x8000'0000, m.id = 0x7ff; }), FrameKind::kStandard);
}

TEST(Level1Frame, AForgottenFlagIsSeenByTheIdentifier) {
  vscp::Event event;
  CanalMsg message = measurement();
  message.flags = 0;
  EXPECT_EQ(message_to_event(message, interface_guid(), event), FrameKind::kEvent);
  message.flags = 0;
  message.id = 0x8000'0123;  // Linux's flag for 29 bits
  EXPECT_EQ(message_to_event(message, interface_guid(), event), FrameKind::kEvent);
  EXPECT_EQ(event.guid.bytes[15], 0x23);
  EXPECT_EQ(event.vscp_class, 0);
}

TEST(Level1Frame, EventBecomesMessageAndBack) {
  vscp::Event event;
  ASSERT_EQ(message_to_event(measurement(), interface_guid(), event), FrameKind::kEvent);
  const auto message = event_to_message(event);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->flags, kCanalExtended);
  EXPECT_EQ(message->id, measurement().id);
  EXPECT_EQ(message->size, 3);
  EXPECT_EQ(std::memcmp(message->data, measurement().data, 3), 0);
  event.vscp_class = 1040;
  EXPECT_FALSE(event_to_message(event));
}

}  // namespace
