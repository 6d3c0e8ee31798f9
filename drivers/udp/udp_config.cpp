#include "drivers/udp/udp_config.h"

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <utility>

#include "router/core/filter_config.h"

namespace drivers::udp {
namespace {

using router::ConfigNode;
using router::FrameEncryption;
using router::ObjectReader;

constexpr std::array<std::pair<std::string_view, FrameEncryption>, 4> kEncryptions{
    {{"none", FrameEncryption::kNone},
     {"aes128", FrameEncryption::kAes128},
     {"aes192", FrameEncryption::kAes192},
     {"aes256", FrameEncryption::kAes256}}};
constexpr std::size_t kPeersMax = 4096;
constexpr std::size_t kNetworksMax = 256;

std::uint32_t small(ObjectReader& reader, std::string_view key, std::uint32_t fallback, std::int64_t min,
                    std::int64_t max) {
  return static_cast<std::uint32_t>(reader.integer(key, fallback, min, max));
}

bool is_multicast(const sockaddr_storage& address) noexcept {
  if (address.ss_family == AF_INET) {
    return IN_MULTICAST(ntohl(reinterpret_cast<const sockaddr_in&>(address).sin_addr.s_addr));
  }
  return IN6_IS_ADDR_MULTICAST(&reinterpret_cast<const sockaddr_in6&>(address).sin6_addr) != 0;
}

bool is_link_local(const sockaddr_storage& address) noexcept {
  return address.ss_family == AF_INET6 &&
         IN6_IS_ADDR_LINKLOCAL(&reinterpret_cast<const sockaddr_in6&>(address).sin6_addr) != 0;
}

/// "host:port", "[host]:port", or either without a port. On error: what is wrong.
std::expected<router::ListenAddress, std::string> parse_target(std::string_view text, std::uint16_t port) {
  std::string whole(text);
  const bool is_ip6 = std::count(text.begin(), text.end(), ':') > 1;
  if (is_ip6 && !text.starts_with('[')) whole = '[' + whole + ']';
  if (is_ip6 ? whole.ends_with(']') : whole.find(':') == std::string::npos) whole += ':' + std::to_string(port);
  auto out = router::parse_listen_address(whole);
  const std::string hint = R"(" is no address to send to: write "192.168.1.20", "192.168.1.20:)" +
                           std::to_string(port) + R"(" or "[fd00::20]:)" + std::to_string(port) +
                           "\", with numbers only";
  if (!out || out->tls || out->any_port || out->all_interfaces) return std::unexpected('"' + std::string(text) + hint);
  return out;
}

// ---- what every lane has --------------------------------------------------------------------------------------------

void read_key(ObjectReader& reader, const std::string& folder, EncryptionConfig& out) {
  std::string text = reader.text("key", "", 512);
  const std::string file = reader.text("key-file", "");
  std::string_view key = "key";
  if (!file.empty() && !text.empty()) {
    reader.error("key-file", "there is a \"key\" too: write one of them");
    return;
  }
  if (!file.empty()) {
    key = "key-file";
    const std::string path = (std::filesystem::path(folder) / file).lexically_normal().string();
    errno = 0;
    std::ifstream stream(path);
    if (!std::getline(stream, text)) {
      reader.error(key, "cannot read " + path + ": " + (errno != 0 ? std::strerror(errno) : "it is empty") +
                            ": write the name of a file whose first line is the key in hex digits");
      return;
    }
  }
  const std::size_t size = router::key_size(out.encryption);
  if (text.empty()) {
    if (size != 0)
      reader.error("key", "is missing: write " + std::to_string(2 * size) + " hex digits, or \"key-file\"");
    return;
  }
  if (size == 0) {
    reader.error(key, "has no use without \"encryption\": write \"aes128\", \"aes192\" or \"aes256\" there");
    return;
  }
  const auto bytes = router::parse_key(text);
  if (!bytes || bytes->size() < size) {  // the key itself is not repeated
    reader.error(key, "is no key for this encryption: write " + std::to_string(2 * size) + " hex digits");
    return;
  }
  out.key = *bytes;
}

void read_encryption(ObjectReader& reader, const std::string& folder, EncryptionConfig& out) {
  out.encryption = reader.word<FrameEncryption>("encryption", out.encryption, kEncryptions);
  out.required = reader.boolean("require-encryption", out.required);
  read_key(reader, folder, out);
  if (out.encryption == FrameEncryption::kNone && reader.has("require-encryption") && out.required) {
    reader.error("require-encryption", "there is no \"encryption\": write it, and a key");
  }
}

void read_filters(ObjectReader& reader, LaneConfig& out) {
  ObjectReader inner(reader.object("filter"), reader.path_of("filter"), reader.context());
  out.in_filter = router::read_filter(inner, "in-filter", "in-mask");
  out.out_filter = router::read_filter(inner, "out-filter", "out-mask");
  inner.finish();
}

void read_queue(ObjectReader& reader, std::uint64_t log_bytes, LaneConfig& out) {
  out.queue = router::read_queue_limits(reader);
  if (out.queue.slow_consumer == router::SlowConsumer::kDisconnect) {
    reader.error("slow-consumer", R"(there is no connection: write "drop-lowest-priority" or "drop-oldest")");
  }
  if (out.queue.hold_producers_ms.value_or(0) != 0) {
    reader.error("hold-producers-ms", "nobody waits for datagrams: remove the key");
  }
  if (auto problem = router::queue_bytes_problem(out.queue.max_out_bytes, log_bytes); !problem.empty()) {
    reader.error("max-out-bytes", std::move(problem));
  }
}

void read_ack(ObjectReader& reader, LaneConfig& out) {
  out.acknowledge = reader.boolean("ack", out.acknowledge);
  out.deduplicate = reader.boolean("deduplicate", out.acknowledge);
  out.resend_ms = small(reader, "resend-ms", out.resend_ms, 10, 60'000);
  out.attempts = small(reader, "attempts", out.attempts, 1, 20);
  out.window = small(reader, "ack-window", out.window, 1, 1024);
  if (out.acknowledge) return;
  for (const std::string_view key : {"resend-ms", "attempts", "ack-window"}) {
    if (reader.has(key)) reader.error(key, R"(has no use without "ack": write "ack": true, or remove the key)");
  }
}

void read_lane(ObjectReader& reader, const std::string& folder, std::uint64_t log_bytes, LaneConfig& out) {
  out.guid = router::read_interface_guid(reader);
  out.send = reader.boolean("send", out.send);
  out.receive = reader.boolean("receive", out.receive);
  out.frame_type = reader.integer("frame-type", 1, 0, 1) == 0 ? vscp::FrameType::kEvent0 : vscp::FrameType::kEvent1;
  read_encryption(reader, folder, out.encryption);
  read_filters(reader, out);
  read_queue(reader, log_bytes, out);
  read_ack(reader, out);
}

/// Keys that mean something only where events go out to one place.
constexpr std::string_view kSendingKeys[] = {
    "send",          "receive",           "frame-type", "max-out-queue", "max-out-bytes",
    "slow-consumer", "hold-producers-ms", "resend-ms",  "attempts",      "ack-window",
};

// ---- one entry ------------------------------------------------------------------------------------------------------

struct EntryReading {
  ObjectReader& reader;
  const std::string& folder;
  std::uint64_t log_bytes;
  EntryConfig& out;

  void read_interface() {
    const std::string text = reader.text("interface", "33333", 512);
    auto address = router::parse_listen_address(text);
    if (!address || address->tls) {
      reader.error("interface", address ? '"' + text + "\" ends in \"s\": there is no TLS on UDP: write it without"
                                        : address.error());
      return;
    }
    if (is_multicast(address->storage)) {
      reader.error("interface", '"' + text + "\" is a multicast address: write it as \"group\"");
      return;
    }
    out.interface = std::move(*address);
  }

  void read_group() {
    const std::string text = reader.text("group", kDefaultGroup, 512);
    GroupConfig& group = out.group.emplace();
    auto address = parse_target(text, kDefaultGroupPort);
    if (!address || !is_multicast(address->storage)) {
      reader.error("group",
                   '"' + text + R"(" is no multicast address: write "224.0.23.158:9598" or "[ff02::1234]:9598")");
    } else {
      out.interface = std::move(*address);
      out.others.target = Target{out.interface.storage, out.interface.text};
    }
    group.device = reader.text("device", group.device, 64);
    group.ttl = static_cast<int>(reader.integer("ttl", group.ttl, 0, 255));
    group.loop = reader.boolean("loop", group.loop);
    group.announce = reader.boolean("announce", group.announce);
    group.announce_interval_s = small(reader, "announce-interval-s", group.announce_interval_s, 1, 86'400);
    if (reader.has("interface")) {
      reader.error("interface",
                   R"(has no use beside "group", which has the port: write "device" to choose a network interface)");
    }
    if (reader.has("peers")) reader.error("peers", R"(has no use beside "group": write another entry for them)");
    if (out.others.acknowledge) reader.error("ack", "is not for groups: nobody could tell who has not confirmed");
  }

  void read_allow() {
    const bool has = reader.has("allow");
    for (const auto& [text, node] : reader.texts("allow")) {
      auto network = parse_network(text);
      if (!network) {
        reader.error_at(*node, reader.path_of("allow"), network.error());
      } else {
        out.allow.push_back(*network);
      }
    }
    if (out.allow.size() > kNetworksMax) {
      reader.error("allow", "has " + std::to_string(out.allow.size()) + " entries: write at most " +
                                std::to_string(kNetworksMax) + ", or larger networks");
    }
    if (!has && out.group) out.allow.emplace_back();
    out.max_source_rate = small(reader, "max-source-rate", out.max_source_rate, 0, 10'000'000);
    out.receive_buffer = small(reader, "receive-buffer", out.receive_buffer, 4096, 1 << 30U);
  }

  void read_peers() {
    const auto list = reader.list("peers");
    if (list.size() > kPeersMax) {
      reader.error("peers",
                   "has " + std::to_string(list.size()) + " entries: write at most " + std::to_string(kPeersMax));
    }
    for (std::size_t i = 0; i < list.size(); ++i) {
      const std::string path = router::config_path(reader.path_of("peers"), i);
      ObjectReader inner(&list[i], path, reader.context());
      LaneConfig peer;
      const bool enable = inner.boolean("enable", true);
      peer.name = inner.text("name", "", 64);
      read_peer_address(inner, peer);
      read_lane(inner, folder, log_bytes, peer);
      inner.finish();
      if (!enable) continue;
      check_peer(list[i], path, peer);
      out.peers.push_back(std::move(peer));
    }
  }

  void read_peer_address(ObjectReader& inner, LaneConfig& peer) {
    const std::string text = inner.text("address", "", 128);
    if (text.empty()) {
      inner.error("address", R"(is missing: write where the peer listens, for example "192.168.1.20:33333")");
      return;
    }
    auto address = parse_target(text, kDefaultPort);
    if (!address) {
      inner.error("address", address.error());
    } else if (is_multicast(address->storage)) {
      inner.error("address", '"' + text + "\" is a multicast address: write an entry of \"udp\" with \"group\"");
    } else if (is_link_local(address->storage)) {
      inner.error("address",
                  '"' + text + "\" does not say on which network interface: write another address of the peer");
    } else {
      peer.target = Target{address->storage, address->text};
      if (peer.name.empty()) peer.name = address->text;
    }
  }

  void check_peer(const ConfigNode& node, const std::string& path, const LaneConfig& peer) {
    const bool has_name = std::any_of(out.peers.begin(), out.peers.end(),
                                      [&](const LaneConfig& other) { return other.name == peer.name; });
    if (has_name && peer.target) {
      reader.error_at(node, path, "another peer has the name \"" + peer.name + "\" already: write another \"name\"");
    }
    if (!peer.send && !peer.receive) {
      reader.error_at(node, path,
                      R"("send" and "receive" are both false: write true for one of them, or "enable": false)");
    }
    if (!peer.target || out.interface.size == 0) return;
    const int family = out.interface.storage.ss_family;
    if (peer.target->address.ss_family != family && !out.interface.all_interfaces) {
      reader.error_at(node, path,
                      "a socket on " + out.interface.text + " cannot send to " + peer.target->text +
                          ": write an entry of its own for IPv4 or IPv6, or a bare port as \"interface\"");
    }
  }

  // What nobody could ever use would look as if it worked.
  void check_use() {
    if (out.group) return;
    if (out.peers.empty() && out.allow.empty() && !reader.has("peers")) {
      reader.error("allow", R"(is missing, and there are no peers, so that nobody may send: write networks, or "any")");
    }
    for (const std::string_view key : {"device", "ttl", "loop", "announce", "announce-interval-s"}) {
      if (reader.has(key)) reader.error(key, R"(is for groups only: remove it, or write "group")");
    }
    for (const std::string_view key : kSendingKeys) {
      if (!reader.has(key)) continue;
      reader.error(key, R"(belongs into an entry of "peers": to those who are only allowed nothing is sent)");
    }
    if (!out.allow.empty()) return;
    for (const std::string_view key :
         {"encryption", "key", "key-file", "require-encryption", "ack", "deduplicate", "filter"}) {
      if (reader.has(key))
        reader.error(key, R"(is for the senders of "allow", of which there are none: write it in "peers")");
    }
  }
};

}  // namespace

std::optional<EntryConfig> parse_entry(const ConfigNode& node, const std::string& path, const std::string& folder,
                                       std::uint64_t log_bytes, router::ConfigContext& context) {
  EntryConfig out;
  ObjectReader reader(&node, path, context);
  EntryReading reading{reader, folder, log_bytes, out};
  const bool enable = reader.boolean("enable", true);
  out.name = reader.text("name", "", 64);
  read_lane(reader, folder, log_bytes, out.others);
  if (reader.has("group")) {
    reading.read_group();
  } else {
    reading.read_interface();
  }
  for (const std::string_view key :
       {"interface", "group", "device", "ttl", "loop", "announce", "announce-interval-s"}) {
    reader.any(key);
  }
  reading.read_allow();
  if (reader.has("group")) {
    reader.any("peers");
  } else {
    reading.read_peers();
  }
  reading.check_use();
  reader.finish();
  if (out.name.empty()) out.name = out.interface.text;
  out.others.name = out.name;
  if (!enable) return std::nullopt;
  return out;
}

}  // namespace drivers::udp
