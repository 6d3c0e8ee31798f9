#include "router/core/server_events.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace router {
namespace {

constexpr vscp::Guid kGuid{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
constexpr std::array<std::uint8_t, 4> kAddress{192, 168, 1, 10};
constexpr std::uint64_t kNowNs = 0x65432101ULL * 1'000'000'000;

TEST(ServerEvents, HeartbeatsHoldWhatTheSpecSays) {
  const auto events = make_heartbeats({kGuid, "hall", kAddress}, kNowNs);
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

TEST(ServerEvents, ALongNameIsCutBetweenCharacters) {
  const std::string name = std::string(62, 'x') + "\xc3\xa4";  // the letter would end at byte 64, where the NUL is
  const auto events = make_heartbeats({kGuid, name, {}}, kNowNs);
  EXPECT_EQ(events[1].data[61], 'x');
  EXPECT_EQ(events[1].data[62], 0);
  EXPECT_EQ(events[3].data[40 + 62], 0);
}

TEST(ServerEvents, ServicesAreBitsAndOtherPortsStandBehind) {
  ServiceList services;
  services.add(Service::kLink);
  services.add(Service::kUdp, 0x8235, true);
  services.add(Service::kIp6);
  const auto events = make_heartbeats({kGuid, "", kAddress, &services}, kNowNs);
  const auto& capabilities = events.back();
  EXPECT_EQ(capabilities.data[6], 0xc0) << "bits 15 and 14";
  EXPECT_EQ(capabilities.data[7], 0x60) << "the address tells that there is IPv4";
  ASSERT_EQ(capabilities.data_size, 107);
  EXPECT_EQ(capabilities.data[104], 0x8e);
  EXPECT_EQ(capabilities.data[105], 0x82);
  EXPECT_EQ(capabilities.data[106], 0x35);
  for (std::uint16_t port = 1; port < 1000; ++port) services.add(Service::kUdp, port, false);
  EXPECT_LE(make_heartbeats({kGuid, "", {}, &services}, kNowNs).back().data_size, vscp::kEventDataMax);
}

TEST(ServerEvents, AStampIsAllThatChanges) {
  auto events = make_heartbeats({kGuid, "hall", kAddress}, kNowNs);
  stamp_heartbeats(events, kNowNs + 5'000'000'000);
  EXPECT_EQ(events[0].time_ns, kNowNs + 5'000'000'000);
  EXPECT_EQ(events[2].data[4], 6);
  EXPECT_EQ(events, make_heartbeats({kGuid, "hall", kAddress}, kNowNs + 5'000'000'000));
}

}  // namespace
}  // namespace router
