#include "drivers/link_client/link_client_config.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <utility>

#include "router/core/filter_config.h"
#include "router/io/tls_config.h"

namespace drivers::link_client {
namespace {

using router::ConfigNode;
using router::ObjectReader;

constexpr std::array<std::pair<std::string_view, Mode>, 2> kModes{
    {{"persistent", Mode::kPersistent}, {"interval", Mode::kInterval}}};
enum class Format : std::uint8_t { kText, kBinary };
constexpr std::array<std::pair<std::string_view, Format>, 2> kFormats{
    {{"text", Format::kText}, {"binary", Format::kBinary}}};
constexpr std::int64_t kDayS = 86'400;
constexpr std::int64_t kDayMs = kDayS * 1000;

std::uint32_t small(ObjectReader& reader, std::string_view key, std::uint32_t fallback, std::int64_t min,
                    std::int64_t max) {
  return static_cast<std::uint32_t>(reader.integer(key, fallback, min, max));
}

bool parse_port(std::string_view text, std::uint16_t& port) {
  const auto result = std::from_chars(text.data(), text.data() + text.size(), port);
  return result.ec == std::errc{} && result.ptr == text.data() + text.size() && port != 0;
}

constexpr std::string_view kPlainScheme = "tcp://";
constexpr std::array<std::string_view, 3> kTlsSchemes{"tls://", "stcp://", "ssl://"};

/// A scheme in front is allowed; the last three mean TLS.
void read_address(ObjectReader& reader, RemoteConfig& out) {
  const std::string whole = reader.text("host", "", 512);
  out.port = static_cast<std::uint16_t>(reader.integer("port", out.port, 1, 65535));
  std::string_view text = whole;
  constexpr std::string_view kForms =
      R"(: write "name", "name:port", "192.168.1.8:9598" or "[fe80::1]:9598", with "tcp://" or, for TLS, "tls://" in front if you like)";
  if (text.starts_with(kPlainScheme)) text.remove_prefix(kPlainScheme.size());
  for (const std::string_view scheme : kTlsSchemes) {
    if (!text.starts_with(scheme)) continue;
    text.remove_prefix(scheme.size());
    out.tls.emplace();
    break;
  }
  if (text.starts_with("[")) {
    const auto end = text.find(']');
    const std::string_view behind = end == std::string_view::npos ? "x" : text.substr(end + 1);
    out.host = text.substr(1, end == std::string_view::npos ? end : end - 1);
    if (!behind.empty() && (!behind.starts_with(':') || !parse_port(behind.substr(1), out.port))) out.host.clear();
  } else if (const auto colon = text.find(':');
             colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos) {
    out.host = text.substr(0, colon);
    if (!parse_port(text.substr(colon + 1), out.port)) out.host.clear();
  } else {
    out.host = text;  // a name, or an IPv6 address alone
  }
  if (out.host.find_first_of("/ \t@") != std::string::npos) out.host.clear();
  if (!out.host.empty()) return;
  if (!reader.has("host")) {
    reader.error("host", "is missing" + std::string(kForms));
  } else {
    reader.error("host", '"' + whole + "\" is no address" + std::string(kForms));
  }
}

// Commands are lines: what would end one, or be taken for blanks around the argument, cannot be sent.
bool is_argument(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20) return false;
  }
  return text.empty() || (text.front() != ' ' && text.back() != ' ');
}

void read_login(ObjectReader& reader, const std::string& folder, RemoteConfig& out) {
  out.user = reader.text("user", "", 256);
  out.password = reader.text("password", "", 256);
  const std::string file = reader.text("password-file", "");
  if (!file.empty() && !out.password.empty()) {
    reader.error("password-file", "there is a \"password\" too: write one of them");
  } else if (!file.empty()) {
    const std::string path = (std::filesystem::path(folder) / file).lexically_normal().string();
    errno = 0;
    std::ifstream stream(path);
    if (!std::getline(stream, out.password)) {
      reader.error("password-file", "cannot read " + path + ": " + (errno != 0 ? std::strerror(errno) : "it is empty") +
                                        ": write the name of a file whose first line is the password");
    }
    if (out.password.ends_with('\r')) out.password.pop_back();
  }
  for (const auto& [key, text] : {std::pair{"user", &out.user}, std::pair{"password", &out.password}}) {
    if (!is_argument(*text))
      reader.error(key, "has a control character, or a blank at an end, which no command can carry: choose another");
  }
  if (out.user.empty() && !out.password.empty())
    reader.error("user", "is missing, but there is a password: write the user's name");
  if (!out.user.empty() && out.password.empty() && file.empty()) {
    reader.error("password",
                 R"(is missing: write it, or "password-file", or leave "user" out for a device without login)");
  }
}

void read_filters(ObjectReader& reader, RemoteConfig& out) {
  ObjectReader inner(reader.object("filter"), reader.path_of("filter"), reader.context());
  out.in_filter = router::read_filter(inner, "in-filter", "in-mask");
  out.out_filter = router::read_filter(inner, "out-filter", "out-mask");
  inner.finish();
  out.filter_remote = reader.boolean("filter-remote", out.filter_remote);
}

void read_queue(ObjectReader& reader, std::uint64_t log_bytes, RemoteConfig& out) {
  out.queue = router::read_queue_limits(reader);
  if (out.queue.slow_consumer == router::SlowConsumer::kDisconnect) {
    reader.error("slow-consumer",
                 R"(is not for a far side that is away: write "drop-lowest-priority" or "drop-oldest")");
  }
  if (auto problem = router::queue_bytes_problem(out.queue.max_out_bytes, log_bytes); !problem.empty()) {
    reader.error("max-out-bytes", std::move(problem));
  }
}

void read_spool(ObjectReader& reader, const std::string& state_folder, RemoteConfig& out) {
  out.spool = router::read_spool(reader, state_folder, "spool/link-" + out.name);
  if (!out.spool.on_disk) return;
  const ConfigNode* spool = reader.object("spool");
  if (out.name.find_first_of("/\\ ") != std::string::npos && spool->find("folder") == nullptr) {
    reader.error("spool", "the folder is named after the entry, and \"" + out.name +
                              "\" has blanks or slashes: write \"folder\", or a \"name\" that is one word");
  }
  if (!out.send) reader.error("spool", R"(has no use with "send": false: remove one of the two)");
  for (const std::string_view key : {"max-out-queue", "max-out-bytes", "slow-consumer", "hold-producers-ms"}) {
    if (reader.has(key)) reader.error(key, R"(has no use beside a spool: remove it, or write "max-bytes" of "spool")");
  }
}

void read_times(ObjectReader& reader, RemoteConfig& out) {
  out.interval_s = small(reader, "interval-s", out.interval_s, 1, kDayS);
  out.connect_timeout_s = small(reader, "connect-timeout-s", out.connect_timeout_s, 1, 3600);
  out.answer_timeout_s = small(reader, "answer-timeout-s", out.answer_timeout_s, 1, 3600);
  out.watchdog_s = small(reader, "watchdog-s", out.watchdog_s, 0, kDayS);
  out.poll_interval_ms = small(reader, "poll-interval-ms", out.poll_interval_ms, 10, kDayMs);
  out.retry_s = small(reader, "retry-s", out.retry_s, 1, kDayS);
  out.retry_max_s = small(reader, "retry-max-s", out.retry_max_s, 1, kDayS);
  out.login_retry_s = small(reader, "login-retry-s", out.login_retry_s, 1, kDayS);
  if (out.retry_max_s < out.retry_s) {
    reader.error("retry-max-s", std::to_string(out.retry_max_s) + " is less than retry-s: write " +
                                    std::to_string(out.retry_s) + " or more");
  }
}

// The object switches TLS on, as "tls://" does.
void read_tls(ObjectReader& reader, const std::string& folder, RemoteConfig& out) {
  const ConfigNode* node = reader.any("tls");
  if (node != nullptr && node->kind == ConfigNode::Kind::kNull) node = nullptr;
  if (node != nullptr) node = reader.object("tls");
  ObjectReader inner(node, reader.path_of("tls"), reader.context());
  const router::TlsSettings settings = router::read_tls(inner, router::TlsSide::kClient, folder);
  if (node != nullptr || out.tls) {
    out.tls = settings;
    router::check_tls(inner, settings);
  }
  inner.finish();
}

}  // namespace

std::optional<RemoteConfig> parse_remote(const ConfigNode& node, const std::string& path, const std::string& folder,
                                         const std::string& state_folder, std::uint64_t log_bytes,
                                         router::ConfigContext& context) {
  RemoteConfig out;
  ObjectReader reader(&node, path, context);
  const bool enable = reader.boolean("enable", true);
  out.name = reader.text("name", "", 64);
  read_address(reader, out);
  if (out.name.empty()) out.name = out.host + ':' + std::to_string(out.port);
  read_login(reader, folder, out);
  out.mode = reader.word<Mode>("mode", out.mode, kModes);
  out.binary = reader.word<Format>("format", Format::kText, kFormats) == Format::kBinary;
  if (out.binary && out.mode == Mode::kInterval)
    reader.error("format", R"(is for mode "persistent" only: write "text")");
  out.receive = reader.boolean("receive", out.receive);
  out.send = reader.boolean("send", out.send);
  if (!out.receive && !out.send)
    reader.error("send", R"(is false, and so is "receive": write true for one of them, or "enable": false)");
  out.guid = router::read_interface_guid(reader);
  read_filters(reader, out);
  read_queue(reader, log_bytes, out);
  read_spool(reader, state_folder, out);
  out.send_window = small(reader, "send-window", out.send_window, 0, 4096);
  read_times(reader, out);
  out.deduplicate = reader.boolean("deduplicate", out.mode == Mode::kPersistent);
  read_tls(reader, folder, out);
  reader.finish();
  if (!enable) return std::nullopt;
  return out;
}

}  // namespace drivers::link_client
