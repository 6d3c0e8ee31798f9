#include "drivers/mqtt/daemon_topics.h"

#include <gtest/gtest.h>

namespace drivers::mqtt {
namespace {

constexpr vscp::Guid kGuid{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
constexpr std::uint64_t kNowNs = 0x65432101ULL * 1'000'000'000;

BrokerConfig config() {
  BrokerConfig out;
  out.server_name = "hall";
  out.topic_daemon_base = "base/";
  out.topic_drivers = "drivers";
  out.topic_discovery = "base/found";
  return out;
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
