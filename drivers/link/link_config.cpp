#include "drivers/link/link_config.h"

#include <array>
#include <utility>

#include "router/core/filter_config.h"

namespace drivers::link {
namespace {

using router::ConfigContext;
using router::ConfigNode;
using router::FilterErrors;
using router::ObjectReader;
using vscp::LineFormat;

constexpr std::array<std::pair<std::string_view, LineFormat>, 2> kLineFormats{
    {{"legacy", LineFormat::kLegacy}, {"nanoseconds", LineFormat::kNanoseconds}}};

constexpr std::string_view kNoTls = "TLS is not in this version";
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

void refuse_tls(ObjectReader& reader) {
  const ConfigNode* tls = reader.any("tls");
  if (tls == nullptr || tls->kind == ConfigNode::Kind::kNull) return;
  if (tls->is_object() && tls->members.empty()) return;
  reader.error("tls", std::string(kNoTls) + ": remove what is in it, or write {}");
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

LinkListenerConfig parse_link_listener(const ConfigNode* node, const std::string& path, ConfigContext& context) {
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
  refuse_tls(reader);
  reader.finish();
  return out;
}

LinkListenerConfig parse_tcpipsrv(const ConfigNode& root, ConfigContext& context) {
  LinkListenerConfig out;
  ObjectReader reader(&root, "", context);
  read_addresses(reader, "9598", out);
  out.path_users = reader.text("path-users", "");
  if (out.path_users.empty()) reader.error("path-users", "is missing: write the name of the users file");
  out.max_out_queue = small(reader, "max-out-queue", out.max_out_queue, 16, 10'000'000);
  out.receive_sent_events = reader.boolean("receive-sent-events", true);  // the driver's own default
  read_filters(reader, FilterErrors::kWarnings, out);
  // Keys that the driver reads and does nothing with, or that the router has its own for. A "tls" block never had an
  // effect there: saying so is better than refusing a file that works today.
  for (const std::string_view key :
       {"debug", "write", "key-file", "max-in-queue", "encryption", "response-timeout", "logging"}) {
    reader.any(key);
  }
  const ConfigNode* tls = reader.object("tls");
  const ConfigNode* certificate = tls == nullptr ? nullptr : tls->find("certificate");
  if (certificate != nullptr && certificate->is_string() && !certificate->text.empty()) {
    reader.warning("tls",
                   std::string(kNoTls) + ", and the driver never used this block: connections are not encrypted");
  }
  reader.finish();
  return out;
}

}  // namespace drivers::link
