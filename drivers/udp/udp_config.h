// Configuration of UDP: the entries of "udp". An entry is a socket with its peers, or (with "group") a multicast group.
//
// Thread rule: plain values; made at start-up, then read-only. Every key with its default stands at its member.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "drivers/udp/source_filter.h"
#include "protocol/filter.h"
#include "protocol/frame.h"
#include "protocol/guid.h"
#include "router/base/config_node.h"
#include "router/base/frame_cipher.h"
#include "router/base/listen_address.h"
#include "router/core/slow_consumer.h"

namespace drivers::udp {

inline constexpr std::uint16_t kDefaultPort = 33333;      ///< spec: vscp_over_udp.md
inline constexpr std::uint16_t kDefaultGroupPort = 9598;  ///< spec: vscp_over_multicast.md
inline constexpr std::string_view kDefaultGroup = "224.0.23.158";

/// Where datagrams go.
struct Target {
  sockaddr_storage address{};
  std::string text;
};

struct EncryptionConfig {
  router::FrameEncryption encryption =
      router::FrameEncryption::kNone;  ///< "encryption": "none" | "aes128" | "aes192" | "aes256"
  std::vector<std::uint8_t>
      key;  ///< "key": hex digits, or "key-file": a file whose first line they are; of a longer key the first bytes
  bool required = true;  ///< "require-encryption": what is not encrypted is refused, if there is a key
};

/// What a peer, a group, or everybody else who is allowed, has of its own.
struct LaneConfig {
  std::string name;  ///< "name"; default: the address
  std::optional<Target>
      target;           ///< "address": "192.168.1.20", "192.168.1.20:33333", "[fd00::20]:33333"; none: nothing goes out
  vscp::Guid guid;      ///< "guid": of the interface; all zero = the channel's
  bool send = true;     ///< "send": events to there
  bool receive = true;  ///< "receive": events from there
  vscp::FrameType frame_type = vscp::FrameType::kEvent1;  ///< "frame-type": 0 | 1, of what is sent
  EncryptionConfig encryption;
  vscp::Filter in_filter;         ///< "filter": {"in-filter", "in-mask"}
  vscp::Filter out_filter;        ///< "filter": {"out-filter", "out-mask"}
  router::QueueLimits queue;      ///< "max-out-queue", "max-out-bytes", "slow-consumer" (not "disconnect")
  bool acknowledge = false;       ///< "ack": each event is confirmed, in both directions
  std::uint32_t resend_ms = 200;  ///< "resend-ms": without a confirmation, doubled with each attempt
  std::uint32_t attempts = 5;     ///< "attempts": the first one included
  std::uint32_t window = 32;      ///< "ack-window": events without a confirmation at most
  bool deduplicate = false;       ///< "deduplicate": default as "ack"
};

struct GroupConfig {
  std::string device;                      ///< "device": "eth0", "192.168.1.8" (IPv4); "" = the system's choice
  int ttl = 1;                             ///< "ttl": routers that a datagram may pass, and one
  bool loop = true;                        ///< "loop": other programs of this machine hear us
  bool announce = true;                    ///< "announce": heartbeat and capabilities of this router
  std::uint32_t announce_interval_s = 60;  ///< "announce-interval-s"
};

struct EntryConfig {
  std::string name;                  ///< "name"
  router::ListenAddress interface;   ///< "interface": as a listener's; or, of a group, the group and its port
  std::optional<GroupConfig> group;  ///< with "group": "224.0.23.158:9598"
  LaneConfig others;                 ///< of a group all of it; else for the senders of "allow" that are no peers
  std::vector<LaneConfig> peers;     ///< "peers"
  std::vector<Network> allow;        ///< "allow": who may send besides the peers; of a group "any" if absent
  std::uint32_t max_source_rate =
      10'000;  ///< "max-source-rate": datagrams per second from an address that is no peer's; 0 = no limit
  std::uint32_t receive_buffer = 4U << 20U;  ///< "receive-buffer": bytes that the kernel keeps, if it may
};

struct UdpConfig {
  std::vector<EntryConfig> entries;  ///< those that are switched on
};

/// Reads one entry; nothing if it is switched off. `folder`: what a relative "key-file" is relative to; `log_bytes`: of
/// a worker's log. Errors go to the context; the result is usable only if none were added.
std::optional<EntryConfig> parse_entry(const router::ConfigNode& node, const std::string& path,
                                       const std::string& folder, std::uint64_t log_bytes,
                                       router::ConfigContext& context);

}  // namespace drivers::udp
