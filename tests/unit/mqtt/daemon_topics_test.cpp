#include "drivers/mqtt/daemon_topics.h"

#include <gtest/gtest.h>

#include <array>

namespace drivers::mqtt {
namespace {

constexpr vscp::Guid kGuid{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
constexpr std::array<std::uint8_t, 4> kAddress{192, 168, 1, 10};
constexpr std::uint64_t kNowNs = 0x65432101ULL * 1'000'000'000;

BrokerConfig config() {
  BrokerConfig out;
  out.server_name = "hall";
  out.topic_daemon_base = "base/";
  out.topic_drivers = "drivers";
  out.topic_discovery = "base/found";
  return out;
}

TEST(DaemonTopics, HeartbeatsHoldWhatTheSpecSays) {
  const auto events = make_heartbeats(kGuid, "hall", kAddress, kNowNs);
  ASSERT_EQ(events.size(), 4U);
  EXPECT_EQ(events[0].vscp_class, 20);
  EXPECT_EQ(events[0].data_size, 3);
  EXPECT_EQ(events[1].data_size, 64);
  EXPECT_EQ(events[1].data[3], 'l');
  EXPECT_EQ(events[1].data[4], 0);
  EXPECT_EQ(events[2].vscp_class, 0);
  EXPECT_EQ(std::vector<std::uint8_t>(events[2].data.begin() + 1, events[2].data.begin() + 5),
            (std::vector<std::uint8_t>{0x65, 0x43, 0x21, 0x01}));
  EXPECT_EQ(events[3].vscp_class, 1024);
  EXPECT_EQ(events[3].data_size, 104);
  EXPECT_EQ(events[3].data[8], 1);
  EXPECT_EQ(events[3].data[24], 192) << "the address is not reversed";
  EXPECT_EQ(events[3].data[27], 10);
  EXPECT_EQ(events[3].data[40], 'h');
}

TEST(DaemonTopics, ALongNameIsCutBetweenCharacters) {
  const std::string name = std::string(62, 'x') + "\xc3\xa4";  // the letter would end at byte 64, where the NUL is
  const auto events = make_heartbeats(kGuid, name, {}, kNowNs);
  EXPECT_EQ(events[1].data[61], 'x');
  EXPECT_EQ(events[1].data[62], 0);
  EXPECT_EQ(events[3].data[40 + 62], 0);
}

TEST(DaemonTopics, EachGuidIsToldOnce) {
  const BrokerConfig broker = config();
  DaemonTopics topics(broker);
  vscp::Event event;
  event.guid = kGuid;
  topics.note_event(event, kNowNs);
  topics.note_event(event, kNowNs);
  ASSERT_NE(topics.next(), nullptr);
  EXPECT_EQ(topics.next()->topic, "base/found");
  EXPECT_NE(topics.next()->payload.find(vscp::to_string(kGuid)), std::string::npos);
  topics.pop();
  EXPECT_EQ(topics.next(), nullptr);
}

TEST(DaemonTopics, WhatWaitsIsBounded) {
  const BrokerConfig broker = config();
  DaemonTopics topics(broker);
  vscp::Event event;
  for (unsigned i = 0; i < 2 * DaemonTopics::kWaitingMax; ++i) {
    event.guid.bytes[0] = static_cast<std::uint8_t>(i);
    event.guid.bytes[1] = static_cast<std::uint8_t>(i >> 8U);
    topics.note_event(event, kNowNs);
  }
  std::size_t count = 0;
  for (; topics.next() != nullptr; ++count) topics.pop();
  EXPECT_EQ(count, DaemonTopics::kWaitingMax);
  topics.note_event(event, kNowNs);
  EXPECT_NE(topics.next(), nullptr) << "a GUID that had no room is told when it comes again";
}

TEST(DaemonTopics, SwitchedOffNothingIsTold) {
  BrokerConfig broker = config();
  broker.daemon_topics = false;
  DaemonTopics topics(broker);
  topics.note_connected({}, kNowNs, 0);
  EXPECT_EQ(topics.next(), nullptr);
  EXPECT_EQ(topics.beat_at_ns(), ~std::uint64_t{0});
}

}  // namespace
}  // namespace drivers::mqtt
