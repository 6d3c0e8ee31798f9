#include "drivers/mqtt/broker_config.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <filesystem>
#include <optional>

#include "drivers/mqtt/config_parts.h"
#include "drivers/mqtt/tls_reason.h"
#include "drivers/mqtt/topic_match.h"
#include "router/base/random.h"
#include "router/io/tls_config.h"

namespace drivers::mqtt {
namespace {

using router::ConfigNode;
using router::ObjectReader;

constexpr std::array<std::pair<std::string_view, PayloadFormat>, 4> kPublishFormats{
    {{"json", PayloadFormat::kJson},
     {"xml", PayloadFormat::kXml},
     {"string", PayloadFormat::kString},
     {"binary", PayloadFormat::kBinary}}};
constexpr std::array<std::pair<std::string_view, PayloadDialect>, 2> kDialects{
    {{"current", PayloadDialect::kCurrent}, {"legacy", PayloadDialect::kLegacy}}};

constexpr std::int64_t kSmallMax = 0xffff;

/// The schemes that upstream knows, and those that other clients use.
struct Scheme {
  std::string_view prefix;
  bool tls;
};
constexpr std::array<Scheme, 6> kSchemes{
    {{"tcp://", false}, {"mqtt://", false}, {"stcp://", true}, {"mqtts://", true}, {"ssl://", true}, {"tls://", true}}};

std::string absolute(const std::string& folder, const std::string& path) {
  return path.empty() ? path : (std::filesystem::path(folder) / path).lexically_normal().string();
}

class BrokerReading {
 public:
  BrokerReading(const BrokerSection& section, router::ConfigContext& context, const router::ConfigPlace& place)
      : section_(section), reader_(section.node, section.path, context), place_(place) {}

  BrokerConfig read(std::string_view default_name) {
    reader_.boolean("enable", true);
    out_.name = reader_.text("name", default_name, 64);
    out_.named = reader_.has("name");
    if (out_.name.empty() || out_.name.find_first_of("/\\ ") != std::string::npos || out_.name.starts_with('.')) {
      reader_.error("name",
                    "a broker's name is one word without blanks and slashes: it also names the folder of its spool");
    }
    read_names("user-escapes", reader_, out_.user_escapes);
    read_host();
    read_session();
    make_values();
    read_options();
    read_tls();
    read_will();
    read_topics();
    out_.filter = read_filter(reader_);
    read_reconnect();
    out_.store = router::read_store(reader_, place_.state_folder, "spool/" + out_.name);
    read_site();
    reader_.finish();
    return std::move(out_);
  }

 private:
  std::uint32_t small(ObjectReader& reader, std::string_view key, std::uint32_t fallback, std::int64_t min,
                      std::int64_t max) {
    return static_cast<std::uint32_t>(reader.integer(key, fallback, min, max));
  }

  int qos(ObjectReader& reader, int fallback) { return static_cast<int>(reader.integer("qos", fallback, 0, 2)); }

  void read_host() {
    MqttConnection& to = out_.connection;
    std::string host = reader_.text("host", "localhost", 1024);
    bool tls = false;
    for (const Scheme& scheme : kSchemes) {
      if (!host.starts_with(scheme.prefix)) continue;
      tls = scheme.tls;
      host.erase(0, scheme.prefix.size());
      break;
    }
    if (host.find("://") != std::string::npos) {
      reader_.error("host", '"' + host + "\": write host, host:port, mqtt://host:port or, with TLS, mqtts://host:port");
    }
    out_.connection.tls.enable = tls;
    to.port = tls ? 8883 : 1883;
    split_port(host);
    to.port = static_cast<std::uint16_t>(reader_.integer("port", to.port, 1, kSmallMax));
    if (host.empty()) reader_.error("host", "has no name before the port: write for example \"localhost\"");
    to.host = std::move(host);
    if (!reader_.text("bind", "").empty()) {
      reader_.error("bind",
                    "the MQTT library cannot bind to an address of this machine: remove the key, or write \"\"");
    }
  }

  void split_port(std::string& host) {
    const std::size_t colon = host.rfind(':');
    const bool bracketed = host.starts_with('[');
    if (bracketed) {
      const std::size_t end = host.find(']');
      if (end == std::string::npos) {
        reader_.error("host", "\"[\" without \"]\": write an IPv6 address as [::1] or [::1]:1883");
        return;
      }
      if (end + 1 < host.size() && host[end + 1] == ':') take_port(std::string_view(host).substr(end + 2));
      host = host.substr(1, end - 1);
      return;
    }
    if (colon == std::string::npos || host.find(':') != colon) return;  // none, or an IPv6 address without brackets
    take_port(std::string_view(host).substr(colon + 1));
    host.resize(colon);
  }

  void take_port(std::string_view text) {
    std::uint32_t port = 0;
    for (const char c : text) {
      if (c < '0' || c > '9' || port > kSmallMax) {
        port = 0;
        break;
      }
      port = port * 10 + static_cast<std::uint32_t>(c - '0');
    }
    if (port == 0 || port > kSmallMax) {
      reader_.error("host", "\"" + std::string(text) + "\" is no port: write a number from 1 to 65535");
      return;
    }
    out_.connection.port = static_cast<std::uint16_t>(port);
    host_has_port_ = true;
  }

  void read_session() {
    MqttConnection& to = out_.connection;
    to.user = reader_.text("user", "");
    to.password = reader_.text("password", "");
    to.client_id = reader_.text("clientid", "");
    to.keep_alive_s = small(reader_, "keepalive", to.keep_alive_s, 0, kSmallMax);
    to.connect_timeout_ms = small(reader_, "connection-timeout", to.connect_timeout_ms, 100, 600'000);
    to.clean_session = read_flag(reader_, "bcleansession", to.client_id.empty());
    if (!to.clean_session && to.client_id.empty()) {
      reader_.error(
          "clientid",
          "is needed with \"bcleansession\": false, so that the broker knows whose session it is: write a name "
          "that no other client has, for example \"router-{{srvguid}}\"");
    }
    to.session_expiry_s = small(reader_, "session-expiry-s", 0xffffffffU, 0, 0xffffffffLL);
    out_.measurement_block = read_flag(reader_, "bjsonmeasurementblock", out_.measurement_block);
    out_.escape_topics = read_flag(reader_, "bescape-pub-topics", out_.escape_topics);
    out_.topic_defaults = read_flag(reader_, "bUseTopicForEventDefaults", out_.topic_defaults);
    read_flag(reader_, "bfull-l2", false);  // upstream reads it and does nothing with it
  }

  /// The tokens that do not change.
  void make_values() {
    values_.server_guid = place_.guid;
    const bool has_guid = section_.driver_guid && !section_.driver_guid->is_zero();
    values_.interface_guid = has_guid ? *section_.driver_guid : place_.guid;
    values_.user_escapes = out_.user_escapes;
    values_.names = {{"user", out_.connection.user},
                     {"host", out_.connection.host},
                     {"server-name", place_.server_name},
                     {"server-version", VSCPROUTER_VERSION},
                     {"root-folder", place_.state_folder},
                     {"driver-name", section_.owner.empty() ? out_.name : section_.owner},
                     {"driver-level", std::to_string(section_.level)},
                     {"rnd", random_hex()}};
    MqttConnection& to = out_.connection;
    if (to.client_id.find("{{") != std::string::npos) to.client_id = fixed("clientid", reader_, to.client_id);
    values_.names.emplace_back("clientid", to.client_id);
  }

  static std::string random_hex() {
    router::SystemRandom random;
    char text[17];
    std::snprintf(text, sizeof(text), "%016llx", static_cast<unsigned long long>(random.next()));
    return text;
  }

  TopicTemplate compile(std::string_view key, ObjectReader& from, const std::string& text, TopicUse use) {
    auto compiled = out_.escape_topics || use != TopicUse::kPublish ? TopicTemplate::compile(text, use, values_)
                                                                    : TopicTemplate::compile_literal(text, use);
    if (compiled) return std::move(*compiled);
    from.error(key, '"' + text + "\": " + compiled.error().text);
    return {};
  }

  /// A text with tokens that do not change; {{guid}} is the router's there, as in upstream's samples.
  std::string fixed(std::string_view key, ObjectReader& from, const std::string& text,
                    TopicUse use = TopicUse::kFixed) {
    if (text.empty()) return text;
    values_.names.emplace_back("guid", vscp::to_string(place_.guid));
    std::string out = compile(key, from, text, use).constant();
    values_.names.pop_back();
    return out;
  }

  void read_options() {
    MqttConnection& to = out_.connection;
    ObjectReader options(reader_.object("mqtt-options"), reader_.path_of("mqtt-options"), reader_.context());
    to.no_delay = read_flag(options, "tcp-nodelay", to.no_delay);
    const std::int64_t version = options.integer("protocol-version", 311, 5, 311);
    out_.version_named = options.has("protocol-version");
    if (version != 311 && version != 5) options.error("protocol-version", "write 311 (MQTT 3.1.1) or 5");
    to.version = version == 5 ? MqttVersion::k5 : MqttVersion::k311;
    to.receive_maximum = small(options, "receive-maximum", 0, 0, kSmallMax);
    to.in_flight_max = small(options, "send-maximum", to.in_flight_max, 1, kSmallMax);
    for (const std::string_view key : {"ssl-ctx-with-defaults", "tls-ocsp-required", "tls-use-os-certs"}) {
      if (read_flag(options, key, false)) options.error(key, "is not supported: write 0, or remove the key");
    }
    for (const std::string_view key : {"tls-engine", "tls-keyform", "tls-kpass-sha1", "tls-alpn", "bind-address"}) {
      if (!options.text(key, "").empty()) options.error(key, "is not supported: write \"\", or remove the key");
    }
    options.finish();
    ObjectReader v5(reader_.object("v5"), reader_.path_of("v5"), reader_.context());
    read_names("user-properties", v5, out_.user_properties);
    v5.finish();
  }

  void read_names(std::string_view key, ObjectReader& from, std::vector<std::pair<std::string, std::string>>& out) {
    const ConfigNode* node = from.object(key);
    if (node == nullptr) return;
    for (const auto& member : node->members) {
      if (member.value.is_string()) {
        out.emplace_back(member.key, member.value.text);
      } else {
        from.error_at(member.value, router::config_path(from.path_of(key), member.key),
                      "is " + std::string(member.value.kind_text()) + ": write a text in quotation marks");
      }
    }
  }

  void read_tls() {
    MqttTls& to = out_.connection.tls;
    ObjectReader tls(reader_.object("tls"), reader_.path_of("tls"), reader_.context());
    to.ca_file = absolute(place_.folder, tls.text("cafile", ""));
    to.ca_path = absolute(place_.folder, tls.text("capath", ""));
    to.certificate_file = absolute(place_.folder, tls.text("certfile", ""));
    to.key_file = absolute(place_.folder, tls.text("keyfile", ""));
    to.key_password = tls.text("pwkeyfile", "");
    to.check_host_name = !read_flag(tls, "no-hostname-checking", false);
    to.check_certificate = tls.integer("cert-reqs", 1, 0, 1) != 0;
    to.ciphers = tls.text("ciphers", "");
    to.psk = tls.text("psk", "");
    to.psk_identity = tls.text("psk-identity", "");
    const std::string version = tls.text("version", "");
    if (!version.empty() && version != "tlsv1.2" && version != "tlsv1.3") {
      tls.error("version",
                "\"" + version + "\": TLS 1.2 and newer are used in any case; write \"\", \"tlsv1.2\" or \"tlsv1.3\"");
    }
    if (to.psk.size() % 2 != 0 || to.psk.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos) {
      tls.error("psk", "is not made of pairs of hex digits");
    }
    if (to.psk.empty() != to.psk_identity.empty())
      tls.error("psk", "\"psk\" and \"psk-identity\" go together: write both, or none");
    if (to.certificate_file.empty() && !to.key_file.empty()) tls.error("keyfile", "needs a \"certfile\" too");
    const bool named = !to.ca_file.empty() || !to.ca_path.empty() || !to.psk.empty();
    if (!to.enable && !named && !to.certificate_file.empty())
      tls.error("cafile", "is needed for TLS: write the file of the authority's certificate");
    to.enable = to.enable || named;
    if (to.enable) router::check_tls(tls, tls_settings(to));
    // Port 1883 by default was for the case without TLS.
    if (to.enable && !reader_.has("port") && out_.connection.port == 1883 && !host_has_port_)
      out_.connection.port = 8883;
    tls.finish();
  }

  void read_will() {
    MqttWill& to = out_.connection.will;
    ObjectReader will(reader_.object("will"), reader_.path_of("will"), reader_.context());
    to.topic = fixed("topic", will, will.text("topic", ""));
    to.payload = will.text("payload", "");
    to.qos = qos(will, 0);
    to.retain = read_flag(will, "retain", read_flag(will, "bretain", false));
    will.finish();
  }

  void read_topics() {
    const PayloadFormat publish_format =
        reader_.word<PayloadFormat>("publish-format", PayloadFormat::kJson, kPublishFormats);
    const PayloadFormat subscribe_format =
        read_format(reader_, "subscribe-format", PayloadFormat::kAuto);
    const int default_qos = qos(reader_, 0);
    const bool retain = read_flag(reader_, "bretain", false);
    Defaults defaults{publish_format, subscribe_format, default_qos, retain};
    const auto publish = reader_.list("publish");
    for (std::size_t i = 0; i < publish.size(); ++i) {
      ObjectReader one(&publish[i], router::config_path(reader_.path_of("publish"), i), reader_.context());
      out_.publish.push_back(read_publication(one, defaults));
    }
    const auto subscribe = reader_.list("subscribe");
    for (std::size_t i = 0; i < subscribe.size(); ++i) {
      ObjectReader one(&subscribe[i], router::config_path(reader_.path_of("subscribe"), i), reader_.context());
      out_.subscribe.push_back(read_subscription(one, defaults));
    }
    if (reader_.context().known_keys != nullptr) {
      ObjectReader publication(nullptr, reader_.path_of("publish") + "[]", reader_.context());
      read_publication(publication, defaults);
      ObjectReader subscription(nullptr, reader_.path_of("subscribe") + "[]", reader_.context());
      read_subscription(subscription, defaults);
    }
    out_.topic_daemon_base =
        fixed("topic-daemon-base", reader_, reader_.text("topic-daemon-base", "vscp-daemon/{{srvguid}}/"));
    out_.topic_drivers = fixed("topic-drivers", reader_, reader_.text("topic-drivers", "drivers"));
    out_.topic_discovery = fixed("topic-discovery", reader_, reader_.text("topic-discovery", "discovery"));
    out_.daemon_topics = reader_.boolean("daemon-topics", !section_.driver_guid);
    out_.heartbeat_s = small(reader_, "heartbeat-s", out_.heartbeat_s, 1, 86'400);
    out_.server_guid = place_.guid;
    out_.server_name = place_.server_name;
  }

  struct Defaults {
    PayloadFormat publish_format;
    PayloadFormat subscribe_format;
    int qos;
    bool retain;
  };

  PublishConfig read_publication(ObjectReader& one, const Defaults& defaults) {
    PublishConfig entry;
    entry.topic_text = one.text("topic", "");
    if (entry.topic_text.empty()) {
      one.error("topic", "is missing: write for example \"vscp/{{guid}}/{{class}}/{{type}}\"");
    }
    entry.qos = qos(one, defaults.qos);
    entry.retain = read_flag(one, "retain", read_flag(one, "bretain", defaults.retain));
    entry.format = one.word<PayloadFormat>("format", defaults.publish_format, kPublishFormats);
    entry.dialect = one.word<PayloadDialect>("dialect", PayloadDialect::kCurrent, kDialects);
    if (!entry.topic_text.empty()) {
      values_.names.emplace_back("fmtpublish", to_text(entry.format));
      entry.topic = compile("topic", one, entry.topic_text, TopicUse::kPublish);
      values_.names.pop_back();
    }
    entry.filter = read_filter(one);
    one.any("v5-options");  // upstream's samples have it here too; it means nothing for publishing
    one.finish();
    return entry;
  }

  SubscribeConfig read_subscription(ObjectReader& one, const Defaults& defaults) {
    SubscribeConfig entry;
    const std::string topic = one.text("topic", "");
    if (topic.empty()) one.error("topic", "is missing: write for example \"vscp/#\"");
    entry.subscription.topic = fixed("topic", one, topic, TopicUse::kSubscribe);
    entry.subscription.qos = qos(one, defaults.qos);
    entry.format = read_format(one, "format", defaults.subscribe_format);
    read_v5_options(one, entry.subscription);
    one.finish();
    return entry;
  }

  /// A number as the packet has it, or words.
  void read_v5_options(ObjectReader& one, MqttSubscription& out) {
    const ConfigNode* node = one.any("v5-options");
    if (node == nullptr) return;
    if (node->kind == ConfigNode::Kind::kInteger) {
      const std::int64_t bits = one.integer("v5-options", 0, 0, 0x2c);
      out.no_local = (bits & 4) != 0;
      out.retain_as_published = (bits & 8) != 0;
      out.retain_handling = static_cast<int>(bits >> 4U);
      return;
    }
    for (const auto& [word, where] : one.texts("v5-options")) {
      if (word == "NO_LOCAL") {
        out.no_local = true;
      } else if (word == "RETAIN_AS_PUBLISHED") {
        out.retain_as_published = true;
      } else if (word == "SEND_RETAIN_NEW") {
        out.retain_handling = 1;
      } else if (word == "SEND_RETAIN_NEVER") {
        out.retain_handling = 2;
      } else if (word != "SEND_RETAIN_ALWAYS") {
        one.error_at(
            *where, one.path_of("v5-options"),
            "\"" + word +
                "\": write NO_LOCAL, RETAIN_AS_PUBLISHED, SEND_RETAIN_ALWAYS, SEND_RETAIN_NEW or SEND_RETAIN_NEVER");
      }
    }
  }

  void read_reconnect() {
    ReconnectConfig& to = out_.reconnect;
    ObjectReader reconnect(reader_.object("reconnect"), reader_.path_of("reconnect"), reader_.context());
    to.delay_s = small(reconnect, "delay", to.delay_s, 0, 86'400);
    to.delay_max_s = small(reconnect, "delay-max", std::max(to.delay_max_s, to.delay_s), 0, 86'400);
    to.exponential = read_flag(reconnect, "exponential-backoff", to.exponential);
    if (to.delay_max_s < to.delay_s) {
      reconnect.error("delay-max", std::to_string(to.delay_max_s) + " is less than \"delay\": write " +
                                       std::to_string(to.delay_s) + " or more");
    }
    reconnect.finish();
  }

  void read_site() {
    SiteConfig& to = out_.site;
    ObjectReader site(reader_.object("site"), reader_.path_of("site"), reader_.context());
    to.name = read_site_name(site, "name");
    to.peer = read_site_name(site, "peer");
    to.topic = site.text("topic", to.topic, 256);
    if (to.topic.empty() || find_topic_fault(to.topic))
      site.error("topic", "is no topic: write for example \"vscp-site\"");
    to.hops_max = small(site, "max-hops", to.hops_max, 1, 255);
    site.finish();
    if (!reader_.has("site")) return;
    if (to.name.empty() || to.peer.empty()) {
      site.error(to.name.empty() ? "name" : "peer",
                 "is missing: write the names of both sites, for example \"north\" and \"south\"");
    } else if (to.name == to.peer) {
      site.error("peer", "is this site itself: write the name of the other one");
    }
    if (!out_.publish.empty() || !out_.subscribe.empty()) {
      site.error(
          "name",
          "a site link has no topics of its own: put \"publish\" and \"subscribe\" into another entry of \"mqtt\"");
    }
    if (to.peer.empty()) to.name.clear();
    for (const std::string& topic : {to.events_in(), to.arrived_in(), to.hello_in()}) {
      SubscribeConfig entry;
      entry.subscription.topic = topic;
      entry.subscription.qos = 1;
      if (to.enabled()) out_.subscribe.push_back(std::move(entry));
    }
  }

  std::string read_site_name(ObjectReader& site, std::string_view key) {
    std::string name = site.text(key, "", 64);
    const bool good = std::all_of(name.begin(), name.end(), [](unsigned char c) {
      return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
    });
    if (!good) site.error(key, '"' + name + "\": a site's name is made of letters, digits, '-', '_' and '.'");
    return good ? name : std::string();
  }

  const BrokerSection& section_;
  ObjectReader reader_;
  const router::ConfigPlace& place_;
  BrokerConfig out_;
  TopicValues values_;
  bool host_has_port_ = false;
};

}  // namespace

BrokerConfig read_broker(const BrokerSection& section, std::string_view default_name, router::ConfigContext& context,
                         const router::ConfigPlace& place) {
  return BrokerReading(section, context, place).read(default_name);
}

}  // namespace drivers::mqtt
