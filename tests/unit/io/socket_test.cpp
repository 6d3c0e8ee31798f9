#include "router/io/socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cstring>
#include <latch>
#include <string>
#include <thread>

namespace {

using router::listen_tcp;
using router::ListenAddress;
using router::UniqueFd;

ListenAddress parsed(const std::string& text) {
  auto address = router::parse_listen_address(text);
  EXPECT_TRUE(address.has_value()) << text;
  return *address;
}

UniqueFd connect_to(int listener) {
  const sockaddr_storage address = router::local_address(listener);
  UniqueFd socket(::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const socklen_t size = address.ss_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  EXPECT_EQ(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), size), 0) << std::strerror(errno);
  return socket;
}

TEST(ListenTcp, TakesAFreePortAndIsNotBlocking) {
  const auto listener = listen_tcp(parsed("127.0.0.1:0"));
  ASSERT_TRUE(listener.has_value()) << listener.error();
  EXPECT_NE(::fcntl(listener->get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(listener->get(), F_GETFD) & FD_CLOEXEC, 0);
  const std::string text = router::address_text(router::local_address(listener->get()));
  EXPECT_TRUE(text.starts_with("127.0.0.1:")) << text;
  EXPECT_NE(text, "127.0.0.1:0");

  const UniqueFd client = connect_to(listener->get());
  const UniqueFd server(::accept(listener->get(), nullptr, nullptr));
  ASSERT_TRUE(server.valid());
  EXPECT_EQ(router::address_text(router::peer_address(server.get())),
            router::address_text(router::local_address(client.get())));
  int on = 0;
  socklen_t size = sizeof(on);
  ASSERT_EQ(::getsockopt(server.get(), IPPROTO_TCP, TCP_NODELAY, &on, &size), 0);
  EXPECT_NE(on, 0);
  ASSERT_EQ(::getsockopt(server.get(), SOL_SOCKET, SO_KEEPALIVE, &on, &size), 0);
  EXPECT_NE(on, 0);
  int idle_s = 0;
  ASSERT_EQ(::getsockopt(server.get(), IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, &size), 0);
  EXPECT_EQ(idle_s, 60) << "what is accepted has the options of its listening socket";
}

TEST(PeerAddress, IsTheSameAsTheAddressItWasMadeOf) {
  for (const char* text : {"127.0.0.1:9598", "[::1]:80", "[2001:db8::7]:65535", "0.0.0.0:1"}) {
    const router::PeerAddress peer(parsed(text).storage);
    EXPECT_EQ(router::address_text(peer.storage()), text);
  }
  const router::PeerAddress v4(parsed("10.1.2.3:5").storage);
  EXPECT_EQ(v4.host(), router::PeerAddress(parsed("10.1.2.3:6").storage).host());
  EXPECT_EQ(v4.host(), router::PeerAddress(parsed("[::ffff:10.1.2.3]:7").storage).host()) << "the same host";
  EXPECT_NE(v4.host(), router::PeerAddress(parsed("10.1.2.4:5").storage).host());
}

TEST(ListenTcp, APortInUseIsSaidSo) {
  const auto first = listen_tcp(parsed("127.0.0.1:0"));
  ASSERT_TRUE(first.has_value());
  const std::string place = router::address_text(router::local_address(first->get()));
  const auto second = listen_tcp(parsed(place), 0);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error(),
            "cannot listen on " + place + ": another program uses this port; stop it or configure another port");
}

TEST(ListenTcp, WaitsForAPortThatIsGivenUp) {
  auto first = listen_tcp(parsed("127.0.0.1:0"));
  ASSERT_TRUE(first.has_value());
  const ListenAddress place = parsed(router::address_text(router::local_address(first->get())));
  std::latch ready(1);
  bool opened = false;
  std::thread second([&] {
    ready.count_down();
    opened = listen_tcp(place, 60'000).has_value();
  });
  ready.wait();
  ::shutdown(first->get(), SHUT_RDWR);
  *first = UniqueFd();
  second.join();
  EXPECT_TRUE(opened);
}

TEST(ListenTcp, AnAddressThatTheMachineLacksIsSaidSo) {
  const auto listener = listen_tcp(parsed("192.0.2.1:0"));  // a network for documentation
  ASSERT_FALSE(listener.has_value());
  EXPECT_EQ(listener.error(),
            "cannot listen on 192.0.2.1:0: this machine has no such address; configure one that it has");
}

TEST(ListenTcp, ABarePortTakesIpv4) {
  const auto listener = listen_tcp(parsed("0"));
  ASSERT_TRUE(listener.has_value()) << listener.error();
  const sockaddr_storage bound = router::local_address(listener->get());
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = bound.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6*>(&bound)->sin6_port
                                                 : reinterpret_cast<const sockaddr_in*>(&bound)->sin_port;
  const UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  const UniqueFd server(::accept(listener->get(), nullptr, nullptr));
  ASSERT_TRUE(server.valid());
  EXPECT_EQ(router::host_text(router::peer_address(server.get())), "127.0.0.1")
      << "mapped addresses are written as IPv4";
}

TEST(AddressText, Ipv6InBrackets) {
  sockaddr_storage storage{};
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(9598);
  v6->sin6_addr = in6addr_loopback;
  EXPECT_EQ(router::address_text(storage), "[::1]:9598");
  EXPECT_EQ(router::host_text(storage), "::1");
}

}  // namespace
