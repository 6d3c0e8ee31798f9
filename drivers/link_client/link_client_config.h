// Configuration of the link client: the entries of "link-client", and "duplicates", in the configuration file.
//
// Thread rule: plain values; made at start-up, then read-only. Every key with its default stands at its member.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/filter.h"
#include "protocol/guid.h"
#include "router/base/config_node.h"
#include "router/core/seen_events.h"
#include "router/core/slow_consumer.h"
#include "router/core/store_config.h"
#include "router/io/tls_context.h"

namespace drivers::link_client {

inline constexpr std::uint16_t kDefaultPort = 9598;

enum class Mode : std::uint8_t {
  kPersistent,  ///< stays connected: RCVLOOP on one connection, SEND on a second; polls where there is no RCVLOOP
  kInterval,    ///< comes, fetches, sends and leaves
};

struct RemoteConfig {
  std::string name;                   ///< "name": for people; default host:port
  std::string host;                   ///< "host": "name", "name:port", "[ip6]:port", each also with "tcp://" or "tls://"
  std::uint16_t port = kDefaultPort;  ///< "port", if "host" has none
  std::string user;                   ///< "user": empty = the far side wants no login
  std::string password;               ///< "password", or the first line of "password-file"
  /// "tls" (router/io/tls_config.h); {} checks the far side with the system's authorities, as "tls://" alone does.
  std::optional<router::TlsSettings> tls;
  bool binary = false;  ///< "format": "text" | "binary": binary frames if the far side is a router like this one
  Mode mode = Mode::kPersistent;  ///< "mode": "persistent" | "interval"
  std::uint32_t interval_s = 60;  ///< "interval-s"
  bool receive = true;            ///< "receive": events from there
  bool send = true;               ///< "send": events to there
  vscp::Guid guid;                ///< "guid": of the interface; all zero = the channel's
  vscp::Filter in_filter;         ///< "filter": {"in-filter", "in-mask"}: what comes in from there
  vscp::Filter out_filter;        ///< "filter": {"out-filter", "out-mask"}: what goes out to there
  bool filter_remote = false;     ///< "filter-remote": the far side is given the in-filter too (SFLT, SMSK)
  router::QueueLimits queue;      ///< "max-out-queue", "max-out-bytes", "slow-consumer" (not "disconnect")
  router::StoreConfig spool;      ///< "spool": what goes out waits on disk; "max-out-queue" and so on have no use then
  std::uint32_t send_window =
      0;  ///< "send-window": SENDs without an answer at most; 0 = 256 towards this router's kind, else 1
  std::uint32_t connect_timeout_s = 10;   ///< "connect-timeout-s": per address
  std::uint32_t answer_timeout_s = 15;    ///< "answer-timeout-s": greeting and replies
  std::uint32_t watchdog_s = 30;          ///< "watchdog-s": nothing heard in the receive loop; 0 = never
  std::uint32_t poll_interval_ms = 1000;  ///< "poll-interval-ms": persistent, but without RCVLOOP there
  std::uint32_t retry_s = 1;              ///< "retry-s": before the first new attempt; doubles
  std::uint32_t retry_max_s = 60;         ///< "retry-max-s"
  std::uint32_t login_retry_s = 60;       ///< "login-retry-s": after a refused login
  bool deduplicate = true;                ///< "deduplicate": default yes if persistent, no if interval
};

struct LinkClientConfig {
  std::vector<RemoteConfig> remotes;  ///< those that are switched on
  /// "duplicates": {"window-s", "events"}; if the key is absent, only with a remote that deduplicates.
  std::optional<router::SeenSettings> duplicates;
};

/// Reads one entry; nothing if it is switched off. `folder`: what a relative "password-file" is relative to;
/// `state_folder`: a relative "spool.folder".
/// `log_bytes`: of a worker's log. Errors go to the context; the result is usable only if none were added.
std::optional<RemoteConfig> parse_remote(const router::ConfigNode& node, const std::string& path,
                                         const std::string& folder, const std::string& state_folder,
                                         std::uint64_t log_bytes, router::ConfigContext& context);

}  // namespace drivers::link_client
