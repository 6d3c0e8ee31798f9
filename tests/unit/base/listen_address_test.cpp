#include "router/base/listen_address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>

namespace router {
namespace {

std::string error_of(std::string_view text) {
  const auto result = parse_listen_addresses(text);
  return result ? "none" : result.error();
}

std::string shown(const ListenAddress& address) {
  char host[INET6_ADDRSTRLEN] = {};
  if (address.storage.ss_family == AF_INET) {
    sockaddr_in name{};
    std::memcpy(&name, &address.storage, sizeof name);
    ::inet_ntop(AF_INET, &name.sin_addr, host, sizeof host);
    return std::string(host) + " " + std::to_string(ntohs(name.sin_port)) + " " + std::to_string(address.size);
  }
  sockaddr_in6 name{};
  std::memcpy(&name, &address.storage, sizeof name);
  ::inet_ntop(AF_INET6, &name.sin6_addr, host, sizeof host);
  return std::string(host) + " " + std::to_string(ntohs(name.sin6_port)) + " " + std::to_string(address.size);
}

TEST(ListenAddress, ReadsEachForm) {
  const auto list = parse_listen_addresses("9598, 127.0.0.1:9599,[fe80::1]:1 ,[::]:0, 10.0.0.1:0");
  ASSERT_TRUE(list) << list.error();
  ASSERT_EQ(list->size(), 5U);
  EXPECT_EQ(shown((*list)[0]), ":: 9598 28");
  EXPECT_TRUE((*list)[0].all_interfaces);
  EXPECT_EQ(shown((*list)[1]), "127.0.0.1 9599 16");
  EXPECT_FALSE((*list)[1].all_interfaces);
  EXPECT_EQ((*list)[1].text, "127.0.0.1:9599");
  EXPECT_EQ(shown((*list)[2]), "fe80::1 1 28");
  EXPECT_EQ(shown((*list)[3]), ":: 0 28");
  EXPECT_FALSE((*list)[3].all_interfaces);
  EXPECT_EQ(shown((*list)[4]), "10.0.0.1 0 16");
}

TEST(ListenAddress, SaysWhatToWriteInstead) {
  const std::string hint = R"(: write a port ("9598"), "ip:port" ("192.168.1.8:9598") or "[ip6]:port" ("[::1]:9598"))";
  EXPECT_EQ(error_of(""), "is empty" + hint);
  EXPECT_EQ(error_of("9598,"), "is empty" + hint);
  EXPECT_EQ(error_of("65536"), "\"65536\" has no port" + hint);
  EXPECT_EQ(error_of("127.0.0.1"), "\"127.0.0.1\" has no port" + hint);
  EXPECT_EQ(error_of("127.0.0.1:x"), "\"127.0.0.1:x\" has no port from 0 to 65535 after its last colon" + hint);
  EXPECT_EQ(error_of("127.0.0.1:"), "\"127.0.0.1:\" has no port from 0 to 65535 after its last colon" + hint);
  EXPECT_EQ(error_of("::1:9598"), "\"::1:9598\" is an IPv6 address without brackets" + hint);
  EXPECT_EQ(error_of("[::g]:1"), "\"[::g]:1\" has no IPv6 address in its brackets" + hint);
  EXPECT_EQ(error_of("localhost:1"), "\"localhost:1\" is a name; 127.0.0.1 is its address" + hint);
  EXPECT_EQ(error_of("host.example:1"), "\"host.example:1\" does not begin with an IP address" + hint);
  EXPECT_EQ(error_of("1.2.3.4.5:1"), "\"1.2.3.4.5:1\" does not begin with an IP address" + hint);
  EXPECT_EQ(error_of("9598,9598"), "\"9598\" is in the list twice: remove one of the two");
}

TEST(ListenAddress, AnSBehindThePortMeansTls) {
  const auto list = parse_listen_addresses("9598, 9599s,127.0.0.1:1S, [::1]:0s");
  ASSERT_TRUE(list.has_value());
  EXPECT_FALSE((*list)[0].tls);
  for (const std::size_t i : {1U, 2U, 3U}) EXPECT_TRUE((*list)[i].tls) << i;
  EXPECT_EQ((*list)[1].text, "9599s");
  EXPECT_TRUE((*list)[3].any_port);
  EXPECT_EQ(error_of("9598,9598s"), "\"9598s\" is in the list twice: remove one of the two");
}

TEST(ListenAddress, PortZeroMayRepeat) {
  EXPECT_TRUE(parse_listen_addresses("127.0.0.1:0,127.0.0.1:0"));
}

}  // namespace
}  // namespace router
