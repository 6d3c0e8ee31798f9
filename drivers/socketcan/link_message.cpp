#include "drivers/socketcan/link_message.h"

#include <linux/can.h>
#include <linux/can/netlink.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>

#include <algorithm>
#include <cstring>
#include <string_view>

namespace drivers::socketcan {
namespace {

constexpr std::uint16_t kAttributeType = 0x3fff;  // without the flags of nested ones

template <typename Value>
bool read(std::span<const char> bytes, Value& value) noexcept {
  if (bytes.size() < sizeof(value)) return false;
  std::memcpy(&value, bytes.data(), sizeof(value));
  return true;
}

/// Calls visit(type, data) for each attribute.
template <typename Visit>
void for_each_attribute(std::span<const char> bytes, const Visit& visit) {
  rtattr head;
  while (read(bytes, head)) {
    if (head.rta_len < sizeof(head) || head.rta_len > bytes.size()) return;
    visit(static_cast<std::uint16_t>(head.rta_type & kAttributeType),
          bytes.subspan(sizeof(head), head.rta_len - sizeof(head)));
    const std::size_t step = std::min<std::size_t>(RTA_ALIGN(head.rta_len), bytes.size());
    bytes = bytes.subspan(step);
  }
}

std::string_view text_of(std::span<const char> bytes) noexcept {
  const std::string_view text(bytes.data(), bytes.size());
  return text.substr(0, text.find('\0'));
}

BusState state_of(std::uint32_t state) noexcept {
  switch (state) {
    case CAN_STATE_ERROR_ACTIVE:
      return BusState::kActive;
    case CAN_STATE_ERROR_WARNING:
      return BusState::kWarning;
    case CAN_STATE_ERROR_PASSIVE:
      return BusState::kPassive;
    case CAN_STATE_BUS_OFF:
      return BusState::kBusOff;
    case CAN_STATE_STOPPED:
    case CAN_STATE_SLEEPING:
      return BusState::kStopped;
    default:
      return BusState::kUnknown;
  }
}

void read_can(std::span<const char> bytes, LinkInfo& out) {
  for_each_attribute(bytes, [&out](std::uint16_t type, std::span<const char> data) {
    std::uint32_t value = 0;
    can_bittiming timing;
    if (type == IFLA_CAN_STATE && read(data, value)) out.state = state_of(value);
    if (type == IFLA_CAN_RESTART_MS && read(data, value)) out.restart_ms = value;
    if (type == IFLA_CAN_BITTIMING && read(data, timing)) out.bit_rate = timing.bitrate;
  });
}

void read_kind(std::span<const char> bytes, LinkInfo& out) {
  std::string_view kind;
  std::span<const char> data;
  for_each_attribute(bytes, [&](std::uint16_t type, std::span<const char> value) {
    if (type == IFLA_INFO_KIND) kind = text_of(value);
    if (type == IFLA_INFO_DATA) data = value;
  });
  if (kind == "can") read_can(data, out);
}

LinkInfo read_link(std::span<const char> bytes) {
  LinkInfo out;
  ifinfomsg head;
  // Of another family it is about the interface's place in something else (a bridge).
  if (!read(bytes, head) || head.ifi_family != AF_UNSPEC) return out;
  out.index = head.ifi_index;
  out.is_can = head.ifi_type == ARPHRD_CAN;
  out.up = (head.ifi_flags & IFF_UP) != 0;
  out.running = out.up && (head.ifi_flags & IFF_RUNNING) != 0;
  const std::size_t attributes = NLMSG_ALIGN(sizeof(head));
  if (bytes.size() <= attributes) return out;
  for_each_attribute(bytes.subspan(attributes), [&out](std::uint16_t type, std::span<const char> data) {
    std::uint32_t mtu = 0;
    if (type == IFLA_IFNAME) out.name = text_of(data).substr(0, IFNAMSIZ - 1);
    if (type == IFLA_MTU && read(data, mtu)) out.fd = out.is_can && mtu >= CANFD_MTU;
    if (type == IFLA_LINKINFO) read_kind(data, out);
  });
  return out;
}

template <typename Value>
void append(std::vector<char>& out, const Value& value) {
  const std::size_t at = out.size();
  out.resize(at + sizeof(value));
  std::memcpy(out.data() + at, &value, sizeof(value));
}

/// Opens an attribute; close_attribute() writes its length.
std::size_t open_attribute(std::vector<char>& out, std::uint16_t type) {
  out.resize(NLMSG_ALIGN(out.size()));
  const std::size_t at = out.size();
  append(out, rtattr{.rta_len = 0, .rta_type = type});
  return at;
}

void close_attribute(std::vector<char>& out, std::size_t at) {
  const auto size = static_cast<std::uint16_t>(out.size() - at);
  std::memcpy(out.data() + at, &size, sizeof(size));
  out.resize(NLMSG_ALIGN(out.size()));
}

std::vector<char> finish(std::vector<char> message) {
  const auto size = static_cast<std::uint32_t>(message.size());
  std::memcpy(message.data(), &size, sizeof(size));
  return message;
}

}  // namespace

LinkReading read_links(std::span<const char> bytes, const std::function<void(const LinkInfo&, LinkChange)>& visit) {
  LinkReading out;
  nlmsghdr head;
  while (read(bytes, head)) {
    if (head.nlmsg_len < sizeof(head) || head.nlmsg_len > bytes.size()) break;
    const std::span<const char> body = bytes.subspan(sizeof(head), head.nlmsg_len - sizeof(head));
    int error = 0;
    if (head.nlmsg_type == NLMSG_DONE) out.done = true;
    if (head.nlmsg_type == NLMSG_ERROR && read(body, error) && error < 0 && error > -4096) out.error = -error;
    if (head.nlmsg_type == RTM_NEWLINK || head.nlmsg_type == RTM_DELLINK) {
      const LinkInfo link = read_link(body);
      if (link.index > 0) visit(link, head.nlmsg_type == RTM_NEWLINK ? LinkChange::kIs : LinkChange::kGone);
    }
    bytes = bytes.subspan(std::min<std::size_t>(NLMSG_ALIGN(head.nlmsg_len), bytes.size()));
  }
  return out;
}

std::vector<char> make_list_request(std::uint32_t sequence) {
  std::vector<char> out;
  append(out, nlmsghdr{.nlmsg_len = 0,
                       .nlmsg_type = RTM_GETLINK,
                       .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                       .nlmsg_seq = sequence,
                       .nlmsg_pid = 0});
  append(out, ifinfomsg{});
  return finish(std::move(out));
}

std::vector<char> make_restart_request(std::int32_t index, std::uint32_t sequence) {
  std::vector<char> out;
  append(out, nlmsghdr{.nlmsg_len = 0,
                       .nlmsg_type = RTM_NEWLINK,
                       .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
                       .nlmsg_seq = sequence,
                       .nlmsg_pid = 0});
  ifinfomsg link{};
  link.ifi_index = index;
  append(out, link);
  constexpr std::string_view kKind = "can";
  const std::size_t info = open_attribute(out, IFLA_LINKINFO);
  const std::size_t kind = open_attribute(out, IFLA_INFO_KIND);
  out.insert(out.end(), kKind.begin(), kKind.end());
  close_attribute(out, kind);
  const std::size_t data = open_attribute(out, IFLA_INFO_DATA);
  const std::size_t restart = open_attribute(out, IFLA_CAN_RESTART);
  append(out, std::uint32_t{1});
  close_attribute(out, restart);
  close_attribute(out, data);
  close_attribute(out, info);
  return finish(std::move(out));
}

std::vector<char> make_look_request(std::int32_t index, std::uint32_t sequence) {
  std::vector<char> out;
  append(out, nlmsghdr{.nlmsg_len = 0,
                       .nlmsg_type = RTM_GETLINK,
                       .nlmsg_flags = NLM_F_REQUEST,
                       .nlmsg_seq = sequence,
                       .nlmsg_pid = 0});
  ifinfomsg link{};
  link.ifi_index = index;
  append(out, link);
  return finish(std::move(out));
}

std::vector<char> make_switch_request(std::int32_t index, bool on, std::uint32_t sequence) {
  std::vector<char> out;
  append(out, nlmsghdr{.nlmsg_len = 0,
                       .nlmsg_type = RTM_NEWLINK,
                       .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
                       .nlmsg_seq = sequence,
                       .nlmsg_pid = 0});
  ifinfomsg link{};
  link.ifi_index = index;
  link.ifi_change = IFF_UP;
  link.ifi_flags = on ? IFF_UP : 0;
  append(out, link);
  return finish(std::move(out));
}

}  // namespace drivers::socketcan
