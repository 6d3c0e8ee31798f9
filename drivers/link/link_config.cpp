#include "drivers/link/link_config.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <filesystem>
#include <utility>

#include "router/core/filter_config.h"
#include "router/io/tls_config.h"

namespace drivers::link {
namespace {

using router::ConfigContext;
using router::ConfigNode;
using router::FilterErrors;
using router::ObjectReader;
using vscp::LineFormat;

constexpr std::array<std::pair<std::string_view, LineFormat>, 2> kLineFormats{
    {{"legacy", LineFormat::kLegacy}, {"nanoseconds", LineFormat::kNanoseconds}}};

constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::int64_t kYearS = 31'536'000;

std::uint32_t small(ObjectReader& reader, std::string_view key, std::uint32_t fallback, std::int64_t min,
                    std::int64_t max) {
  return static_cast<std::uint32_t>(reader.integer(key, fallback, min, max));
}

void read_addresses(ObjectReader& reader, std::string_view fallback, LinkListenerConfig& out) {
  const std::string text = reader.text("interface", fallback);
  auto addresses = router::parse_listen_addresses(text);
  if (addresses) {
    out.addresses = std::move(*addresses);
  } else {
    reader.error("interface", std::move(addresses.error()));
  }
}

void read_filters(ObjectReader& reader, FilterErrors errors, LinkListenerConfig& out) {
  ObjectReader inner(reader.object("filter"), reader.path_of("filter"), reader.context());
  out.in_filter = router::read_filter(inner, "in-filter", "in-mask", errors);
  out.out_filter = router::read_filter(inner, "out-filter", "out-mask", errors);
  inner.finish();
}

void read_guid(ObjectReader& reader, LinkListenerConfig& out) {
  const std::string text = reader.text("guid", "");
  if (text.empty()) return;
  if (const auto guid = vscp::parse_guid(text)) {
    out.guid = *guid;
    return;
  }
  reader.error("guid", '"' + text + "\" is no GUID: write 16 hex pairs with colons, or leave the key out for the " +
                           "router's own GUID");
}

const auto kSaysTls = [](const router::ListenAddress& address) { return address.tls; };

// Addresses that say that they are for TLS need a certificate.
void place_tls(ObjectReader& reader, LinkListenerConfig& out) {
  const auto first = std::find_if(out.addresses.begin(), out.addresses.end(), kSaysTls);
  if (first != out.addresses.end() && !out.tls) {
    reader.error("interface", '"' + first->text + "\" asks for TLS, which needs a certificate: write " +
                                  R"("tls": { "certfile": ..., "keyfile": ... }, or leave the "s" out)");
  }
  out.place_tls();
}

void read_tls(ObjectReader& reader, const std::string& folder, LinkListenerConfig& out) {
  const ConfigNode* node = reader.any("tls");
  const bool is_empty = node == nullptr || node->kind == ConfigNode::Kind::kNull ||
                        (node->is_object() && node->members.empty());
  node = is_empty ? nullptr : reader.object("tls");
  ObjectReader inner(node, reader.path_of("tls"), reader.context());
  const router::TlsSettings settings = router::read_tls(inner, router::TlsSide::kServer, folder);
  if (node != nullptr) {
    out.tls = settings;
    router::check_tls(inner, settings);
  }
  inner.finish();
  place_tls(reader, out);
}

// Upstream's names, which never had an effect there. A file that works today goes on as it did: without an "s" behind a
// port there is no TLS.
void read_upstream_tls(ObjectReader& reader, const std::string& folder, LinkListenerConfig& out) {
  ObjectReader inner(reader.object("tls"), reader.path_of("tls"), reader.context());
  const auto path = [&](std::string_view key) {
    const std::string name = inner.text(key, "");
    return name.empty() ? name : (std::filesystem::path(folder) / name).lexically_normal().string();
  };
  router::TlsSettings settings;
  settings.side = router::TlsSide::kServer;
  settings.certificate_file = path("certificate");
  std::string chain = path("certificate-chain");
  if (chain.empty()) chain = path("certificate_chain");
  if (!chain.empty()) settings.key_file = std::exchange(settings.certificate_file, chain);
  settings.ca_file = path("ca-file");
  settings.ca_path = path("ca-path");
  const bool verify = inner.boolean("verify-peer", false);
  settings.check_certificate = inner.boolean("verify_peer", false) || verify;
  const bool asked = std::any_of(out.addresses.begin(), out.addresses.end(), kSaysTls);
  if (asked && !settings.certificate_file.empty()) {
    out.tls = settings;
    for (router::TlsIssue& issue : router::TlsContext::check(settings, std::time(nullptr))) {
      if (issue.is_warning) {
        reader.warning("tls", std::move(issue.text));
      } else {
        reader.error("tls", std::move(issue.text));
      }
    }
  } else if (!settings.certificate_file.empty()) {
    reader.warning("tls", "has a certificate, but no address has an \"s\" behind its port: connections are not encrypted, "
                          "as they never were with the driver");
  }
  place_tls(reader, out);
}

void read_queue(ObjectReader& reader, LinkListenerConfig& out) {
  const router::QueueLimits limits = router::read_queue_limits(reader);
  out.max_out_queue = limits.max_out_queue.value_or(out.max_out_queue);
  out.max_out_bytes = limits.max_out_bytes;
  out.slow_consumer = limits.slow_consumer.value_or(out.slow_consumer);
  out.hold_producers_ms = limits.hold_producers_ms.value_or(out.hold_producers_ms);
}

void read_times(ObjectReader& reader, LinkListenerConfig& out) {
  out.login_timeout_s = small(reader, "login-timeout-s", out.login_timeout_s, 1, 86'400);
  out.idle_timeout_s = small(reader, "idle-timeout-s", out.idle_timeout_s, 0, kYearS);
  out.keepalive_ms = small(reader, "keepalive-ms", out.keepalive_ms, 100, kDayMs);
  out.rcvloop_gap_ms = small(reader, "rcvloop-gap-ms", out.rcvloop_gap_ms, 0, 10'000);
  out.login_failure_delay_ms = small(reader, "login-failure-delay-ms", out.login_failure_delay_ms, 0, 60'000);
  out.login_failure_delay_max_ms =
      small(reader, "login-failure-delay-max-ms", out.login_failure_delay_max_ms, 0, 600'000);
  if (out.login_failure_delay_max_ms < out.login_failure_delay_ms) {
    reader.error("login-failure-delay-max-ms", std::to_string(out.login_failure_delay_max_ms) +
                                                   " is less than login-failure-delay-ms: write " +
                                                   std::to_string(out.login_failure_delay_ms) + " or more");
  }
}

}  // namespace

void LinkListenerConfig::place_tls() noexcept {
  if (!tls || std::any_of(addresses.begin(), addresses.end(), kSaysTls)) return;
  for (auto& address : addresses) address.tls = true;
}

LinkListenerConfig parse_link_listener(const ConfigNode* node, const std::string& path, ConfigContext& context,
                                       const std::string& folder) {
  LinkListenerConfig out;
  ObjectReader reader(node, path, context);
  read_addresses(reader, kDefaultInterface, out);
  read_guid(reader, out);
  out.path_users = reader.text("path-users", "users.json");
  if (out.path_users.empty()) reader.error("path-users", "is empty: write the name of the users file, \"users.json\"");
  read_queue(reader, out);
  out.receive_sent_events = reader.boolean("receive-sent-events", out.receive_sent_events);
  out.line_format = reader.word<LineFormat>("line-format", out.line_format, kLineFormats);
  read_times(reader, out);
  out.binary_confirm = reader.boolean("binary-confirm", out.binary_confirm);
  out.line_max = small(reader, "line-max", out.line_max, 2600, 65536);
  out.max_sessions = small(reader, "max-sessions", out.max_sessions, 1, 10'000'000);
  out.max_sessions_per_address = small(reader, "max-sessions-per-address", 0, 0, 10'000'000);
  read_filters(reader, FilterErrors::kErrors, out);
  read_tls(reader, folder, out);
  reader.finish();
  return out;
}

LinkListenerConfig parse_tcpipsrv(const ConfigNode& root, ConfigContext& context, const std::string& folder) {
  LinkListenerConfig out;
  ObjectReader reader(&root, "", context);
  read_addresses(reader, "9598", out);
  out.path_users = reader.text("path-users", "");
  if (out.path_users.empty()) reader.error("path-users", "is missing: write the name of the users file");
  out.max_out_queue = small(reader, "max-out-queue", out.max_out_queue, 16, 10'000'000);
  out.receive_sent_events = reader.boolean("receive-sent-events", true);  // the driver's own default
  read_filters(reader, FilterErrors::kWarnings, out);
  read_upstream_tls(reader, folder, out);
  // Keys that the driver reads and does nothing with, or that the router has its own for.
  for (const std::string_view key :
       {"debug", "write", "key-file", "max-in-queue", "encryption", "response-timeout", "logging"}) {
    reader.any(key);
  }
  reader.finish();
  return out;
}

}  // namespace drivers::link
