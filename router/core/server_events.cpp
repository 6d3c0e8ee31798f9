#include "router/core/server_events.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <memory>

#include "protocol/big_endian.h"

namespace router {
namespace {

constexpr std::uint64_t kNsPerS = 1'000'000'000;
constexpr std::size_t kNameSize = 64;
constexpr std::size_t kCapabilitiesSize = 104;
constexpr std::size_t kPortSize = 3;
constexpr std::uint16_t kProtocolClass = 0;
constexpr std::uint16_t kSegmentType = 1;
constexpr unsigned kEncryptedBit = 0x80;

constexpr std::uint64_t bit_of(Service service) noexcept {
  return std::uint64_t{1} << static_cast<unsigned>(service);
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

}  // namespace

void ServiceList::add(Service service, std::uint16_t port, bool encrypted) {
  add(service);
  if (ports_.size() == kPortsMax) return;
  ports_.push_back(
      {static_cast<std::uint8_t>(static_cast<unsigned>(service) | (encrypted ? kEncryptedBit : 0U)), port});
}

std::vector<vscp::Event> make_heartbeats(const ServerNotice& notice, std::uint64_t utc_ns) {
  const auto& [guid, name, address, services] = notice;
  std::vector<vscp::Event> out;
  const auto add = [&](std::uint16_t vscp_class, std::uint16_t vscp_type, std::size_t size) -> std::uint8_t* {
    vscp::Event& event = out.emplace_back();
    event.guid = guid;
    event.vscp_class = vscp_class;
    event.vscp_type = vscp_type;
    event.data_size = static_cast<std::uint16_t>(size);
    std::fill_n(event.data.begin(), size, std::uint8_t{0});
    return event.data.data();
  };
  out.reserve(4);
  add(20, 9, 3);  // CLASS1.INFORMATION, heartbeat: user byte, zone, subzone
  put_name(name, add(1026, 2, name.empty() ? 0 : kNameSize));
  *add(kProtocolClass, kSegmentType, 5) = crc8(guid);  // segment controller; the time comes with the stamp
  const auto ports = services != nullptr ? services->ports() : std::span<const ServiceList::Port>{};
  std::uint8_t* server = add(1024, 20, kCapabilitiesSize + kPortSize * ports.size());
  std::uint64_t code = services != nullptr ? services->code() : 0;
  if (address.size() == 4) code |= bit_of(Service::kIp4);
  if (address.size() == 16) code |= bit_of(Service::kIp6);
  vscp::store_big(code, server);
  std::copy(guid.bytes.begin(), guid.bytes.end(), server + 8);
  std::copy_n(address.begin(), std::min<std::size_t>(address.size(), 16), server + 24);
  put_name(name, server + 40);
  std::uint8_t* port = server + kCapabilitiesSize;
  for (const ServiceList::Port& one : ports) {
    *port = one.service;
    vscp::store_big(one.port, port + 1);
    port += kPortSize;
  }
  stamp_heartbeats(out, utc_ns);
  return out;
}

void stamp_heartbeats(std::span<vscp::Event> events, std::uint64_t utc_ns) noexcept {
  for (vscp::Event& event : events) {
    event.time_ns = utc_ns;
    event.timestamp_us = static_cast<std::uint32_t>(utc_ns / 1000);
    if (event.vscp_class == kProtocolClass && event.vscp_type == kSegmentType) {
      vscp::store_big(static_cast<std::uint32_t>(utc_ns / kNsPerS), &event.data[1]);
    }
  }
}

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

}  // namespace router
