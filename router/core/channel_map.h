// Which channel has which interface GUID, for events sent to a destination interface (classes 512-1023: data bytes 0-15 with the two
// lowest bytes zero). Spec: vscp_tcpiplink.md#tcpip-send ("Send event to specific interface").
//
// A session's default GUID is the server's GUID with the channel id in it, so the channel is found by arithmetic; only GUIDs that were set
// (SGID) or configured (drivers) are in a table. Every worker has its own copy, kept up by tasks that the others post.
//
// Thread rule: one worker.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "protocol/event.h"
#include "protocol/guid.h"

namespace router {

/// GUID of channel `id` on a server: bytes 12-13 of the server's GUID replaced by the id's low 16 bits, bytes 10-11
/// exclusive-or its high 16 bits, bytes 14-15 zero.
vscp::Guid channel_guid(const vscp::Guid& server, std::uint32_t id) noexcept;

class ChannelMap {
 public:
  explicit ChannelMap(const vscp::Guid& server) : server_(server) {}

  /// Bytes 14 and 15 are taken as zero: they are the nodes'.
  void set(const vscp::Guid& guid, std::uint32_t channel);
  /// Forgets the GUID if it is this channel's.
  void remove(const vscp::Guid& guid, std::uint32_t channel);
  /// The channel of an interface GUID, 0 if none is known. A channel found by arithmetic may be gone.
  std::uint32_t find(const vscp::Guid& guid) const noexcept;
  /// Of an event of classes 512-1023 the channel of the interface that its first 16 bytes name (the last two of them are the node's); 0: none
  /// is named, or none is known.
  std::uint32_t destination_of(const vscp::Event& event) const noexcept;
  const vscp::Guid& server() const noexcept { return server_; }

 private:
  struct Hash {
    std::size_t operator()(const vscp::Guid& guid) const noexcept;
  };
  vscp::Guid server_;
  std::unordered_map<vscp::Guid, std::uint32_t, Hash> set_;
};

}  // namespace router
