#include "drivers/socketcan/link_message.h"

#include <gtest/gtest.h>
#include <linux/can.h>
#include <linux/can/netlink.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

namespace drivers::socketcan {
namespace {

using Bytes = std::vector<char>;

template <typename Value>
Bytes bytes_of(const Value& value) {
  Bytes out(sizeof(value));
  std::memcpy(out.data(), &value, sizeof(value));
  return out;
}

Bytes attribute(std::uint16_t type, const Bytes& data) {
  Bytes out = bytes_of(rtattr{static_cast<unsigned short>(RTA_LENGTH(data.size())), type});
  out.insert(out.end(), data.begin(), data.end());
  out.resize(RTA_ALIGN(out.size()));
  return out;
}

Bytes text(const std::string& text) {
  return {text.c_str(), text.c_str() + text.size() + 1};
}

Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

Bytes message(std::uint16_t type, const Bytes& body) {
  nlmsghdr head{};
  head.nlmsg_len = static_cast<std::uint32_t>(NLMSG_LENGTH(body.size()));
  head.nlmsg_type = type;
  return bytes_of(head) + body;
}

Bytes link(std::int32_t index, unsigned flags, unsigned short type, const Bytes& attributes,
           unsigned char family = AF_UNSPEC) {
  ifinfomsg head{};
  head.ifi_family = family;
  head.ifi_index = index;
  head.ifi_flags = flags;
  head.ifi_type = type;
  return bytes_of(head) + attributes;
}

struct Seen {
  LinkInfo info;
  LinkChange change;
};

std::vector<Seen> read(const Bytes& bytes, LinkReading* reading = nullptr) {
  std::vector<Seen> out;
  const LinkReading result =
      read_links(bytes, [&out](const LinkInfo& info, LinkChange change) { out.push_back({info, change}); });
  if (reading != nullptr) *reading = result;
  return out;
}

Bytes can0(std::uint32_t state, unsigned flags = IFF_UP | IFF_RUNNING) {
  can_bittiming timing{};
  timing.bitrate = 125'000;
  const Bytes data = attribute(IFLA_CAN_BITTIMING, bytes_of(timing)) + attribute(IFLA_CAN_STATE, bytes_of(state)) +
                     attribute(IFLA_CAN_RESTART_MS, bytes_of(std::uint32_t{100}));
  const Bytes info = attribute(IFLA_INFO_KIND, text("can")) + attribute(IFLA_INFO_DATA | NLA_F_NESTED, data);
  return link(7, flags, ARPHRD_CAN,
              attribute(IFLA_IFNAME, text("can0")) + attribute(IFLA_MTU, bytes_of(std::uint32_t{CANFD_MTU})) +
                  attribute(IFLA_LINKINFO, info));
}

TEST(LinkMessage, TellsWhatAControllerIs) {
  const auto seen = read(message(RTM_NEWLINK, can0(CAN_STATE_BUS_OFF, IFF_UP)));
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0].change, LinkChange::kIs);
  EXPECT_EQ(seen[0].info, (LinkInfo{.index = 7,
                                    .name = "can0",
                                    .is_can = true,
                                    .up = true,
                                    .running = false,
                                    .fd = true,
                                    .state = BusState::kBusOff,
                                    .restart_ms = 100,
                                    .bit_rate = 125'000}));
  EXPECT_EQ(read(message(RTM_NEWLINK, can0(CAN_STATE_ERROR_ACTIVE)))[0].info.state, BusState::kActive);
  EXPECT_EQ(read(message(RTM_NEWLINK, can0(CAN_STATE_STOPPED)))[0].info.state, BusState::kStopped);
  EXPECT_EQ(read(message(RTM_NEWLINK, can0(99)))[0].info.state, BusState::kUnknown);
}

TEST(LinkMessage, ReadsSeveralAndTheEnd) {
  LinkReading reading;
  const auto seen = read(message(RTM_NEWLINK, link(1, IFF_UP, ARPHRD_LOOPBACK, attribute(IFLA_IFNAME, text("lo")))) +
                             message(RTM_DELLINK, link(3, 0, ARPHRD_CAN, attribute(IFLA_IFNAME, text("vcan0")))) +
                             message(NLMSG_DONE, bytes_of(0)),
                         &reading);
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_FALSE(seen[0].info.is_can);
  EXPECT_EQ(seen[1].change, LinkChange::kGone);
  EXPECT_EQ(seen[1].info.name, "vcan0");
  EXPECT_TRUE(reading.done);
  EXPECT_EQ(reading.error, 0);
}

TEST(LinkMessage, APlaceInABridgeIsNoInterface) {
  EXPECT_TRUE(
      read(message(RTM_DELLINK, link(7, 0, ARPHRD_CAN, attribute(IFLA_IFNAME, text("can0")), AF_BRIDGE))).empty());
}

TEST(LinkMessage, TellsErrors) {
  LinkReading reading;
  read(message(NLMSG_ERROR, bytes_of(nlmsgerr{.error = -EPERM, .msg = {}})), &reading);
  EXPECT_EQ(reading.error, EPERM);
  read(message(NLMSG_ERROR, bytes_of(nlmsgerr{.error = 0, .msg = {}})), &reading);
  EXPECT_EQ(reading.error, 0);
}

// Whatever is cut off, whatever a length says: it ends, and tells no more than there is.
TEST(LinkMessage, CutAndWrongLengthsAreHarmless) {
  const Bytes whole =
      message(RTM_NEWLINK, can0(CAN_STATE_ERROR_ACTIVE)) + message(RTM_NEWLINK, can0(CAN_STATE_BUS_OFF));
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    EXPECT_LE(read(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))).size(), 2U);
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const unsigned value : {0U, 1U, 3U, 255U}) {
      Bytes changed = whole;
      changed[at] = static_cast<char>(value);
      EXPECT_LE(read(changed).size(), 2U);
    }
  }
}

// The kernel's own list: what it says of the loopback interface, which every machine has.
TEST(LinkMessage, TheKernelUnderstandsTheRequestForAList) {
  const int netlink = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  ASSERT_GE(netlink, 0);
  const Bytes request = make_list_request(5);
  ASSERT_EQ(::send(netlink, request.data(), request.size(), 0), static_cast<ssize_t>(request.size()));
  bool has_lo = false;
  LinkReading reading;
  Bytes bytes(65'536);
  while (!reading.done && reading.error == 0) {
    const ssize_t size = ::recv(netlink, bytes.data(), bytes.size(), 0);
    ASSERT_GT(size, 0);
    for (const Seen& seen : read(Bytes(bytes.begin(), bytes.begin() + size), &reading))
      has_lo = has_lo || seen.info.name == "lo";
  }
  EXPECT_EQ(reading.error, 0);
  EXPECT_TRUE(has_lo);
  ::close(netlink);
}

TEST(LinkMessage, TheRestartNamesTheInterface) {
  const Bytes request = make_restart_request(7, 1);
  nlmsghdr head;
  ASSERT_GE(request.size(), sizeof(head));
  std::memcpy(&head, request.data(), sizeof(head));
  EXPECT_EQ(head.nlmsg_len, request.size());
  EXPECT_EQ(head.nlmsg_type, RTM_NEWLINK);
  EXPECT_EQ(head.nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK);
  // The attributes, one in the other, as `ip link set can0 type can restart` sends them.
  const Bytes info = attribute(IFLA_INFO_KIND, Bytes{'c', 'a', 'n'}) +
                     attribute(IFLA_INFO_DATA, attribute(IFLA_CAN_RESTART, bytes_of(std::uint32_t{1})));
  const Bytes want = link(7, 0, 0, attribute(IFLA_LINKINFO, info));
  EXPECT_EQ(Bytes(request.begin() + sizeof(head), request.end()), want);
}

// The loopback interface is asked to be what it is.
TEST(LinkMessage, TheKernelUnderstandsTheOtherRequests) {
  const int netlink = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  ASSERT_GE(netlink, 0);
  std::vector<Seen> seen;
  const auto answer = [netlink, &seen](const Bytes& request) {
    EXPECT_EQ(::send(netlink, request.data(), request.size(), 0), static_cast<ssize_t>(request.size()));
    Bytes bytes(4096);
    const ssize_t size = ::recv(netlink, bytes.data(), bytes.size(), 0);
    EXPECT_GT(size, 0);
    LinkReading reading;
    seen = read(Bytes(bytes.begin(), bytes.begin() + std::max<ssize_t>(size, 0)), &reading);
    return reading.error;
  };
  const int index = static_cast<int>(::if_nametoindex("lo"));
  const int error = answer(make_switch_request(index, true, 1));
  EXPECT_TRUE(error == 0 || error == EPERM) << error;
  EXPECT_EQ(answer(make_look_request(index, 4)), 0);
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0].info.name, "lo");
  // It has no controller to restart.
  const int restart = answer(make_restart_request(index, 2));
  EXPECT_TRUE(restart == EOPNOTSUPP || restart == EPERM) << restart;
  const int none = answer(make_switch_request(0x7ffffff0, true, 3));
  EXPECT_TRUE(none == ENODEV || none == EPERM) << none;
  ::close(netlink);
}

}  // namespace
}  // namespace drivers::socketcan
