#include "drivers/mqtt/daemon_topics.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <memory>

#include "protocol/text_put.h"
#include "router/base/json_writer.h"

namespace drivers::mqtt {
namespace {

constexpr std::uint64_t kNsPerS = 1'000'000'000;
constexpr std::size_t kNameSize = 64;
constexpr std::size_t kCapabilitiesSize = 104;
constexpr std::uint8_t kBitIp4 = 1U << 5U;  // in the last byte of the capabilities
constexpr std::uint8_t kBitIp6 = 1U << 6U;
constexpr std::uint32_t kTypeLevel1Driver = 2;  // spec: vscp_tcpiplink.md#tcpip-interface-list
constexpr std::uint32_t kTypeLevel2Driver = 3;

std::string date_of(std::uint64_t utc_ns) {
  vscp::DateCache dates;
  char text[64];
  return {text, vscp::text::put_date(utc_ns, dates, text)};
}

/// That of firmware: x^8 + x^5 + x^4 + 1, lowest bit first.
std::uint8_t crc8(const vscp::Guid& guid) noexcept {
  std::uint8_t crc = 0;
  for (const std::uint8_t byte : guid.bytes) {
    crc = static_cast<std::uint8_t>(crc ^ byte);
    for (int bit = 0; bit < 8; ++bit)
      crc = static_cast<std::uint8_t>((crc & 1U) != 0 ? (crc >> 1U) ^ 0x8cU : crc >> 1U);
  }
  return crc;
}

/// The name in 64 bytes, with a NUL behind it, cut between two characters.
void put_name(std::string_view name, std::uint8_t* out) noexcept {
  std::size_t size = std::min(name.size(), kNameSize - 1);
  while (size < name.size() && size > 0 && (static_cast<unsigned char>(name[size]) & 0xc0U) == 0x80U) --size;
  std::copy_n(name.begin(), size, out);
}

/// Of this machine: the first IPv4 address that is not loopback, else such an IPv6 address.
std::vector<std::uint8_t> own_address() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, &::freeifaddrs);
  std::vector<std::uint8_t> found;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || (entry->ifa_flags & IFF_LOOPBACK) != 0 || (entry->ifa_flags & IFF_UP) == 0)
      continue;
    if (entry->ifa_addr->sa_family == AF_INET) {
      const auto* bytes =
          reinterpret_cast<const std::uint8_t*>(&reinterpret_cast<const sockaddr_in*>(entry->ifa_addr)->sin_addr);
      return {bytes, bytes + 4};
    }
    if (entry->ifa_addr->sa_family == AF_INET6 && found.empty()) {
      const auto* bytes =
          reinterpret_cast<const std::uint8_t*>(&reinterpret_cast<const sockaddr_in6*>(entry->ifa_addr)->sin6_addr);
      found.assign(bytes, bytes + 16);
    }
  }
  return found;
}

std::string drivers_json(std::span<const router::InterfaceInfo> interfaces) {
  router::JsonWriter out;
  out.begin_object().key("drivers").begin_array();
  for (const auto& one : interfaces) {
    if (one.type != kTypeLevel1Driver && one.type != kTypeLevel2Driver) continue;
    out.begin_object()
        .member("enable", true)
        .member("active", true)
        .member("name", one.name)
        .member("path", "")
        .member("param", "")
        .member("level", one.type == kTypeLevel1Driver ? 1 : 2)
        .member("flags", 0)
        .member("guid", vscp::to_string(one.guid))
        .member("translation", 0)
        .end_object();
  }
  out.end_array().end_object();
  return out.take();
}

}  // namespace

std::vector<vscp::Event> make_heartbeats(const vscp::Guid& guid, std::string_view name,
                                         std::span<const std::uint8_t> address, std::uint64_t utc_ns) {
  std::vector<vscp::Event> out;
  const auto add = [&](std::uint16_t vscp_class, std::uint16_t vscp_type, std::size_t size) -> std::uint8_t* {
    vscp::Event& event = out.emplace_back();
    event.guid = guid;
    event.time_ns = utc_ns;
    event.timestamp_us = static_cast<std::uint32_t>(utc_ns / 1000);
    event.vscp_class = vscp_class;
    event.vscp_type = vscp_type;
    event.data_size = static_cast<std::uint16_t>(size);
    std::fill_n(event.data.begin(), size, std::uint8_t{0});
    return event.data.data();
  };
  out.reserve(4);
  add(20, 9, 3);  // CLASS1.INFORMATION, heartbeat: user byte, zone, subzone
  put_name(name, add(1026, 2, name.empty() ? 0 : kNameSize));
  std::uint8_t* segment = add(0, 1, 5);  // CLASS1.PROTOCOL, segment controller
  const auto seconds = static_cast<std::uint32_t>(utc_ns / kNsPerS);
  segment[0] = crc8(guid);
  for (unsigned i = 0; i < 4; ++i) segment[1 + i] = static_cast<std::uint8_t>(seconds >> (24 - 8 * i));
  std::uint8_t* server = add(1024, 20, kCapabilitiesSize);
  if (address.size() == 4) server[7] = kBitIp4;
  if (address.size() == 16) server[7] = kBitIp6;
  std::copy(guid.bytes.begin(), guid.bytes.end(), server + 8);
  std::copy_n(address.begin(), std::min<std::size_t>(address.size(), 16), server + 24);
  put_name(name, server + 40);
  return out;
}

// Upstream's samples write the whole topic, its default is a name only.
std::string DaemonTopics::topic(const std::string& name) const {
  const std::string& base = config_.topic_daemon_base;
  return name.starts_with(base) ? name : base + name;
}

void DaemonTopics::note_connected(std::span<const router::InterfaceInfo> interfaces, std::uint64_t started_utc_ns,
                                  std::uint64_t now_ns) {
  waiting_.clear();
  if (!enabled()) return;
  waiting_.push_back({topic("server-name"), config_.server_name, 2, true});
  waiting_.push_back({topic("server-version"), VSCPROUTER_VERSION, 2, true});
  waiting_.push_back({topic("server-started-utc"), date_of(started_utc_ns), 2, true});
  if (!config_.topic_drivers.empty())
    waiting_.push_back({topic(config_.topic_drivers), drivers_json(interfaces), 2, true});
  beat_at_ns_ = now_ns + config_.heartbeat_s * kNsPerS;
}

void DaemonTopics::note_event(const vscp::Event& event, std::uint64_t utc_ns) {
  if (!enabled() || config_.topic_discovery.empty() || seen_.size() >= kGuidsMax || waiting_.size() >= kWaitingMax)
    return;
  if (!seen_.insert(event.guid).second) return;
  router::JsonWriter out;
  out.begin_object().member("guid", vscp::to_string(event.guid)).member("time", date_of(utc_ns)).end_object();
  waiting_.push_back({topic(config_.topic_discovery), out.take(), 1, true});
}

void DaemonTopics::beat(std::uint64_t now_ns, std::uint64_t utc_ns) {
  beat_at_ns_ = now_ns + config_.heartbeat_s * kNsPerS;
  for (const auto& event : make_heartbeats(config_.server_guid, config_.server_name, own_address(), utc_ns)) {
    for (std::size_t entry = 0; entry < writer_.entries(); ++entry) {
      MqttOutgoing message;
      if (waiting_.size() >= kWaitingMax || !writer_.write(entry, event, message)) continue;
      waiting_.push_back({message.topic,
                          {reinterpret_cast<const char*>(message.payload.data()), message.payload.size()},
                          message.qos,
                          message.retain});
    }
  }
}

}  // namespace drivers::mqtt
