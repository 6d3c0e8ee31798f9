#include "router/core/channel_map.h"

#include <algorithm>
#include <cstring>

namespace router {
namespace {

constexpr std::size_t kNodeByte = 14;  // this one and the next are the node's

vscp::Guid without_node(vscp::Guid guid) noexcept {
  guid.bytes[kNodeByte] = 0;
  guid.bytes[kNodeByte + 1] = 0;
  return guid;
}

}  // namespace

vscp::Guid channel_guid(const vscp::Guid& server, std::uint32_t id) noexcept {
  vscp::Guid guid = server;
  guid.bytes[12] = static_cast<std::uint8_t>(id >> 8U);
  guid.bytes[13] = static_cast<std::uint8_t>(id);
  // Exclusive-or, so that a wide id never gives the GUID of a narrow one, whatever the server's GUID is.
  guid.bytes[10] = static_cast<std::uint8_t>(guid.bytes[10] ^ (id >> 24U));
  guid.bytes[11] = static_cast<std::uint8_t>(guid.bytes[11] ^ (id >> 16U));
  guid.bytes[14] = 0;
  guid.bytes[15] = 0;
  return guid;
}

std::size_t ChannelMap::Hash::operator()(const vscp::Guid& guid) const noexcept {
  std::uint64_t half[2];
  std::memcpy(half, guid.bytes.data(), sizeof(half));
  return static_cast<std::size_t>((half[0] * 0x9e3779b97f4a7c15ULL) ^ (half[1] * 0xc2b2ae3d27d4eb4fULL));
}

void ChannelMap::set(const vscp::Guid& guid, std::uint32_t channel) { set_.insert_or_assign(without_node(guid), channel); }

void ChannelMap::remove(const vscp::Guid& guid, std::uint32_t channel) {
  const auto found = set_.find(without_node(guid));
  if (found != set_.end() && found->second == channel) set_.erase(found);
}

std::uint32_t ChannelMap::destination_of(const vscp::Event& event) const noexcept {
  constexpr std::uint16_t kFirst = 512;
  constexpr std::uint16_t kLast = 1023;
  if (event.vscp_class < kFirst || event.vscp_class > kLast || event.data_size < sizeof(vscp::Guid::bytes)) return 0;
  vscp::Guid destination;
  std::copy_n(event.data.begin(), kNodeByte, destination.bytes.begin());
  return find(destination);
}

std::uint32_t ChannelMap::find(const vscp::Guid& guid) const noexcept {
  if (!set_.empty()) {
    if (const auto found = set_.find(without_node(guid)); found != set_.end()) return found->second;
  }
  const auto& bytes = guid.bytes;
  const std::uint32_t high10 = static_cast<std::uint32_t>(bytes[10] ^ server_.bytes[10]);
  const std::uint32_t high11 = static_cast<std::uint32_t>(bytes[11] ^ server_.bytes[11]);
  const std::uint32_t id = high10 << 24U | high11 << 16U | std::uint32_t{bytes[12]} << 8U | bytes[13];
  return id != 0 && channel_guid(server_, id) == guid ? id : 0;
}

}  // namespace router
