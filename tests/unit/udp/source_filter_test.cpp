#include "drivers/udp/source_filter.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <string>

namespace drivers::udp {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

Host host(const std::string& text) {
  sockaddr_storage address{};
  auto& v4 = reinterpret_cast<sockaddr_in&>(address);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(address);
  if (::inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
  } else {
    address = {};
    EXPECT_EQ(::inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr), 1) << text;
    v6.sin6_family = AF_INET6;
  }
  return router::PeerAddress(address).host();
}

bool contains(const std::string& network, const std::string& address) {
  const auto parsed = parse_network(network);
  EXPECT_TRUE(parsed) << network;
  return parsed && parsed->contains(host(address));
}

TEST(Network, HoldsItsAddressesAndNoOthers) {
  EXPECT_TRUE(contains("192.168.1.0/24", "192.168.1.255"));
  EXPECT_FALSE(contains("192.168.1.0/24", "192.168.2.0"));
  EXPECT_TRUE(contains("192.168.1.77/24", "192.168.1.3")) << "bits behind the network do not count";
  EXPECT_TRUE(contains("10.0.0.5", "10.0.0.5"));
  EXPECT_FALSE(contains("10.0.0.5", "10.0.0.4"));
  EXPECT_TRUE(contains("10.0.0.4/31", "10.0.0.5"));
  EXPECT_FALSE(contains("10.0.0.4/31", "10.0.0.6"));
  EXPECT_TRUE(contains("0.0.0.0/0", "8.8.8.8"));
  EXPECT_FALSE(contains("0.0.0.0/0", "::1")) << "of IPv4 only";
  EXPECT_TRUE(contains("fe80::/10", "febf::1"));
  EXPECT_FALSE(contains("fe80::/10", "fec0::1"));
  EXPECT_FALSE(contains("fe80::/10", "192.168.1.1"));
  EXPECT_TRUE(contains("::1", "::1"));
  EXPECT_TRUE(contains("::ffff:10.0.0.5", "10.0.0.5"));
  EXPECT_TRUE(contains("any", "::1"));
  EXPECT_TRUE(contains("any", "1.2.3.4"));
}

TEST(Network, WhatIsNoneIsRefused) {
  for (const char* text :
       {"", "localhost", "10.0.0", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/x", "10.0.0.0/8/8", "*"}) {
    const auto network = parse_network(text);
    ASSERT_FALSE(network) << text;
    EXPECT_NE(network.error().find("write"), std::string::npos);
  }
}

TEST(SourceRates, EachAddressHasItsOwn) {
  SourceRates rates(100, 7);
  std::uint64_t now = 5 * kSecond;
  unsigned taken = 0;
  for (int i = 0; i < 1000; ++i) taken += rates.take(host("10.0.0.1"), now) ? 1 : 0;
  EXPECT_EQ(taken, 50U) << "half a second's";
  EXPECT_TRUE(rates.take(host("10.0.0.2"), now));
  taken = 0;
  for (int i = 0; i < 1000; ++i) taken += rates.take(host("10.0.0.1"), now += kSecond / 1000) ? 1 : 0;
  EXPECT_NEAR(taken, 100, 1) << "a second's";
}

TEST(SourceRates, NoLimitIsNone) {
  SourceRates rates(0, 7);
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(rates.take(host("10.0.0.1"), kSecond));
}

TEST(SourceRates, AFloodOfAddressesTakesNobodysShareForLong) {
  SourceRates rates(1000, 7);
  std::uint64_t now = kSecond;
  for (unsigned i = 0; i < 100'000; ++i) {
    Host address = host("10.0.0.0");
    address[13] = static_cast<std::uint8_t>(i >> 16U);
    address[14] = static_cast<std::uint8_t>(i >> 8U);
    address[15] = static_cast<std::uint8_t>(i);
    rates.take(address, now += 1000);
  }
  EXPECT_TRUE(rates.take(host("192.168.1.1"), now));
}

}  // namespace
}  // namespace drivers::udp
