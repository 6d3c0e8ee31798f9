// Configuration of one listener of the tcp/ip link server: an entry of "link" in the configuration file.
//
// Thread rule: plain values; made at start-up, then read-only. Every key with its default stands at its member.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/event_line.h"
#include "protocol/filter.h"
#include "protocol/guid.h"
#include "router/base/config_node.h"
#include "router/base/listen_address.h"
#include "router/core/slow_consumer.h"
#include "router/io/tls_context.h"

namespace drivers::link {

inline constexpr std::string_view kDefaultInterface = "127.0.0.1:9598";

struct LinkListenerConfig {
  std::vector<router::ListenAddress>
      addresses;                        ///< "interface": "9598", "ip:port", "[ip6]:port", or a list with commas; an "s" behind: TLS
  /// "tls" (router/io/tls_config.h; "cert-reqs" 1: clients must have a certificate that "cafile" knows). Of those addresses
  /// that end in "s"; if none does, of all.
  std::optional<router::TlsSettings> tls;
  vscp::Guid guid;                      ///< "guid": base of the channel GUIDs; all zero = the router's GUID
  std::string path_users;               ///< "path-users": absolute, or relative to the file's folder
  std::uint32_t max_out_queue = 32000;  ///< "max-out-queue": events that a session may be behind
  /// "max-out-bytes": bytes that a session may be behind; 0 = no limit; absent = a quarter of the worker's log, so that
  /// one reader of big events cannot use it up alone.
  std::optional<std::uint64_t> max_out_bytes;
  bool receive_sent_events = false;     ///< "receive-sent-events": a session gets its own events back
  vscp::LineFormat line_format = vscp::LineFormat::kLegacy;  ///< "line-format": "legacy" | "nanoseconds"
  router::SlowConsumer slow_consumer =
      router::SlowConsumer::kDropLowestPriority;  ///< "slow-consumer": "drop-lowest-priority" | ...
  /// "hold-producers-ms": how long senders may be held back for a consumer that is behind but still reading, before
  /// slow-consumer is applied to it. 0 = never hold a sender.
  std::uint32_t hold_producers_ms = 500;
  std::uint32_t login_timeout_s = 30;           ///< "login-timeout-s": without a login a session is closed
  std::uint32_t idle_timeout_s = 43200;         ///< "idle-timeout-s": nothing received and not in RCVLOOP; 0 = never
  std::uint32_t keepalive_ms = 2000;            ///< "keepalive-ms": "+OK" in RCVLOOP
  std::uint32_t rcvloop_gap_ms = 50;            ///< "rcvloop-gap-ms": between the reply to RCVLOOP and the first event
  bool binary_confirm = true;                   ///< "binary-confirm": in binary, each event that comes in is confirmed
  std::uint32_t line_max = 4096;                ///< "line-max": bytes of a command line, without its end
  std::uint32_t max_sessions = 200000;          ///< "max-sessions"
  std::uint32_t max_sessions_per_address = 0;   ///< "max-sessions-per-address": 0 = no limit
  std::uint32_t login_failure_delay_ms = 1000;  ///< "login-failure-delay-ms": doubles per failure from one address
  std::uint32_t login_failure_delay_max_ms = 8000;  ///< "login-failure-delay-max-ms"
  vscp::Filter in_filter;  ///< "filter": {"in-filter","in-mask"}: events from clients that pass go into the router
  vscp::Filter
      out_filter;  ///< "filter": {"out-filter","out-mask"}: events for clients, before the session's own filter

  /// With `tls`, if no address says that it is for TLS, all are.
  void place_tls() noexcept;
};

/// Reads one listener. `node` may be null: all defaults. Errors go to the context; the result is usable only if none
/// were added. `folder`: what the names of certificates are relative to.
LinkListenerConfig parse_link_listener(const router::ConfigNode* node, const std::string& path,
                                       router::ConfigContext& context, const std::string& folder = {});

/// Reads a configuration file of the upstream driver tcpipsrv (its keys interface, path-users, max-out-queue,
/// receive-sent-events, filter, tls). Its other keys are known and have no meaning here.
LinkListenerConfig parse_tcpipsrv(const router::ConfigNode& root, router::ConfigContext& context,
                                  const std::string& folder = {});

}  // namespace drivers::link
