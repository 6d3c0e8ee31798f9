#include "router/core/users.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>
#include <utility>

#include "router/base/stable_sort.h"

namespace router {
namespace {

using vscp::Errc;
using vscp::LinkVerb;
using vscp::Result;

constexpr std::uint32_t bits(std::initializer_list<UserRight> rights) noexcept {
  std::uint32_t out = 0;
  for (const UserRight right : rights) out |= static_cast<std::uint32_t>(right);
  return out;
}

// What every interface word of the spec's appendix brings along.
constexpr std::uint32_t kUsual = bits(
    {UserRight::kSendEvents, UserRight::kReceiveEvents, UserRight::kSendLevel1Control, UserRight::kSendLevel2Control});
constexpr std::uint32_t kUserRights = kUsual | 0x7fU;

struct RightWord {
  std::string_view word;
  std::uint32_t value;
};

constexpr std::array kRightWords = {
    RightWord{"admin", kAllRights},
    RightWord{"user", kUserRights},
    RightWord{"driver", kUsual | bits({UserRight::kTcpip})},
    RightWord{"tcp", kUsual | bits({UserRight::kTcpip})},
    RightWord{"web", kUsual | bits({UserRight::kWeb})},
    RightWord{"rest", kUsual | bits({UserRight::kRest})},
    RightWord{"websockets", kUsual | bits({UserRight::kWebsocket})},
    RightWord{"websocket", kUsual | bits({UserRight::kWebsocket})},
    RightWord{"mqtt", kUsual | bits({UserRight::kMqtt})},
    RightWord{"udp", kUsual | bits({UserRight::kUdp})},
    RightWord{"multicast", kUsual | bits({UserRight::kMulticast})},
    RightWord{"tcpip", bits({UserRight::kTcpip})},
    RightWord{"ws", bits({UserRight::kWebsocket})},
    RightWord{"ws1", bits({UserRight::kWebsocket})},
    RightWord{"ws2", bits({UserRight::kWebsocket})},
    RightWord{"send-events", bits({UserRight::kSendEvents})},
    RightWord{"receive-events", bits({UserRight::kReceiveEvents})},
    RightWord{"l1ctrl-events", bits({UserRight::kSendLevel1Control})},
    RightWord{"l2ctrl-events", bits({UserRight::kSendLevel2Control})},
    RightWord{"lsctrl-events", bits({UserRight::kSendLevel2Control})},  // so in the spec's appendix
    RightWord{"hlo-events", bits({UserRight::kSendHlo})},
    RightWord{"set-filter", bits({UserRight::kSetFilter})},
    RightWord{"set-guid", bits({UserRight::kSetGuid})},
    RightWord{"test", bits({UserRight::kTest})},
    RightWord{"interface", bits({UserRight::kInterface})},
    RightWord{"restart", bits({UserRight::kRestart})},
    RightWord{"shutdown", bits({UserRight::kShutdown})},
};

constexpr auto kRightNames = [] {
  std::array<std::string_view, kRightWords.size()> out{};
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = kRightWords[i].word;
  return out;
}();

bool equal_ignoring_case(std::string_view left, std::string_view right) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(left, right, [&](char a, char b) { return lower(a) == lower(b); });
}

std::string_view trim(std::string_view text) noexcept {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

/// Decimal or 0x, the whole text.
Result<std::uint64_t> parse_number(std::string_view text) noexcept {
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    base = 16;
    text.remove_prefix(2);
  }
  std::uint64_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (result.ptr != text.data() + text.size() || result.ec == std::errc::invalid_argument) {
    return std::unexpected(Errc::kBadNumber);
  }
  if (result.ec != std::errc{}) return std::unexpected(Errc::kNumberRange);
  return value;
}

constexpr std::int32_t kAny = -1;

/// A class or type: a 16-bit number, or kAny.
Result<std::int32_t> parse_part(std::string_view text, std::string_view any) noexcept {
  text = trim(text);
  if (text == any) return kAny;
  const auto value = parse_number(text);
  if (!value) return std::unexpected(value.error());
  if (*value > std::numeric_limits<std::uint16_t>::max()) return std::unexpected(Errc::kNumberRange);
  return static_cast<std::int32_t>(*value);
}

template <typename T>
void insert_sorted(std::vector<T>& values, T value) {
  const auto at = std::lower_bound(values.begin(), values.end(), value);
  if (at == values.end() || *at != value) values.insert(at, value);
}

constexpr std::array<std::uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr unsigned kMappedBits = 96;

bool covers(const std::array<std::uint8_t, 16>& net, unsigned bit_count,
            const std::array<std::uint8_t, 16>& address) noexcept {
  const std::size_t whole = bit_count / 8;
  if (std::memcmp(net.data(), address.data(), whole) != 0) return false;
  const unsigned rest = bit_count % 8;
  if (rest == 0) return true;
  const auto mask = static_cast<unsigned>(0xff00U >> rest) & 0xffU;
  return ((static_cast<unsigned>(net[whole]) ^ address[whole]) & mask) == 0;
}

struct Net {
  std::array<std::uint8_t, 16> bytes{};
  std::uint8_t bit_count = 0;
};

/// "192.168.*" and "192.168.*.*": stars at the end only.
Result<Net> parse_star_form(std::string_view text) noexcept {
  Net net;
  std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), net.bytes.begin());
  unsigned octets = 0;
  unsigned parts = 0;
  bool stars = false;
  for (;;) {
    const std::size_t dot = std::min(text.find('.'), text.size());
    const std::string_view part = text.substr(0, dot);
    if (++parts > 4) return std::unexpected(Errc::kBadNumber);
    if (part == "*") {
      stars = true;
    } else {
      std::uint8_t value = 0;
      const auto result = std::from_chars(part.data(), part.data() + part.size(), value);
      const bool ok = result.ec == std::errc{} && result.ptr == part.data() + part.size();
      if (stars || !ok) return std::unexpected(Errc::kBadNumber);
      net.bytes[12 + octets++] = value;
    }
    if (dot == text.size()) break;
    text.remove_prefix(dot + 1);
  }
  if (!stars) return std::unexpected(Errc::kBadNumber);
  net.bit_count = static_cast<std::uint8_t>(kMappedBits + 8 * octets);
  return net;
}

Result<Net> parse_net(std::string_view text) {
  if (text == "*") return Net{};
  if (text.find('*') != std::string_view::npos) return parse_star_form(text);
  const std::size_t slash = std::min(text.find('/'), text.size());
  const std::string host(text.substr(0, slash));
  Net net;
  unsigned first_bit = 0;
  if (::inet_pton(AF_INET6, host.c_str(), net.bytes.data()) != 1) {
    std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), net.bytes.begin());
    if (::inet_pton(AF_INET, host.c_str(), net.bytes.data() + 12) != 1) return std::unexpected(Errc::kBadNumber);
    first_bit = kMappedBits;
  }
  net.bit_count = 128;
  if (slash == text.size()) return net;
  const auto prefix = parse_number(text.substr(slash + 1));
  if (!prefix || *prefix > 128 - first_bit) return std::unexpected(Errc::kNumberRange);
  net.bit_count = static_cast<std::uint8_t>(first_bit + *prefix);
  return net;
}

}  // namespace

std::optional<std::uint32_t> parse_right(std::string_view word) noexcept {
  for (const RightWord& entry : kRightWords) {
    if (equal_ignoring_case(entry.word, word)) return entry.value;
  }
  const auto value = parse_number(word);
  if (!value) return std::nullopt;
  return static_cast<std::uint32_t>(*value & kAllRights);
}

std::span<const std::string_view> right_words() noexcept {
  return kRightNames;
}

VerbSet verbs_for_privilege(unsigned level) noexcept {
  VerbSet out;
  out.set(static_cast<std::size_t>(LinkVerb::kRepeat));
  for (const vscp::LinkCommandInfo& command : vscp::link_commands()) {
    if (command.before_login || command.privilege <= level) out.set(static_cast<std::size_t>(command.verb));
  }
  return out;
}

VerbSet verbs_for_rights(std::uint32_t rights) noexcept {
  VerbSet out;
  out.set();
  const auto need = [&](UserRight right, std::initializer_list<LinkVerb> verbs) {
    if ((rights & static_cast<std::uint32_t>(right)) != 0) return;
    for (const LinkVerb verb : verbs) out.reset(static_cast<std::size_t>(verb));
  };
  need(UserRight::kSendEvents, {LinkVerb::kSend, LinkVerb::kMeasurement});
  need(UserRight::kReceiveEvents, {LinkVerb::kRetr, LinkVerb::kRcvLoop, LinkVerb::kChkData, LinkVerb::kClrAll});
  need(UserRight::kSetGuid, {LinkVerb::kSetGuid});
  need(UserRight::kSetFilter, {LinkVerb::kSetFilter, LinkVerb::kSetMask});
  need(UserRight::kInterface, {LinkVerb::kInterface});
  need(UserRight::kTest, {LinkVerb::kTest});
  need(UserRight::kRestart, {LinkVerb::kRestart});
  need(UserRight::kShutdown, {LinkVerb::kShutdown});
  return out;
}

Result<void> SendRules::add(std::string_view entry) {
  entry = trim(entry);
  std::string_view any = "*";
  char separator = ':';
  if (entry.size() > 3 && equal_ignoring_case(entry.substr(0, 3), "TX;")) {
    entry.remove_prefix(3);
    any = "-1";
    separator = ';';
  }
  const std::size_t split = entry.find(separator);
  if (split == std::string_view::npos) return std::unexpected(Errc::kMissingField);
  const auto vscp_class = parse_part(entry.substr(0, split), any);
  if (!vscp_class) return std::unexpected(vscp_class.error());
  const auto vscp_type = parse_part(entry.substr(split + 1), any);
  if (!vscp_type) return std::unexpected(vscp_type.error());
  if (*vscp_class == kAny && *vscp_type == kAny) {
    any_ = true;
  } else if (*vscp_type == kAny) {
    insert_sorted(classes_, static_cast<std::uint16_t>(*vscp_class));
  } else if (*vscp_class == kAny) {
    insert_sorted(types_, static_cast<std::uint16_t>(*vscp_type));
  } else {
    insert_sorted(pairs_, static_cast<std::uint32_t>(*vscp_class) << 16U | static_cast<std::uint32_t>(*vscp_type));
  }
  allows_all_ = any_;
  return {};
}

bool SendRules::allows(std::uint16_t vscp_class, std::uint16_t vscp_type) const noexcept {
  if (allows_all_) return true;
  return std::binary_search(classes_.begin(), classes_.end(), vscp_class) ||
         std::binary_search(types_.begin(), types_.end(), vscp_type) ||
         std::binary_search(pairs_.begin(), pairs_.end(), static_cast<std::uint32_t>(vscp_class) << 16U | vscp_type);
}

Result<void> HostRules::add(std::string_view entry) {
  entry = trim(entry);
  Rule rule;
  if (entry.starts_with('+') || entry.starts_with('-')) {
    rule.allow = entry[0] == '+';
    entry = trim(entry.substr(1));
  }
  const auto net = parse_net(entry);
  if (!net) return std::unexpected(net.error());
  rule.net = net->bytes;
  rule.bits = net->bit_count;
  rules_.push_back(rule);
  return {};
}

bool HostRules::allows(const sockaddr* address) const noexcept {
  if (rules_.empty()) return true;
  std::array<std::uint8_t, 16> bytes{};
  if (address->sa_family == AF_INET) {
    sockaddr_in name{};
    std::memcpy(&name, address, sizeof name);
    std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), bytes.begin());
    std::memcpy(bytes.data() + 12, &name.sin_addr, 4);
  } else if (address->sa_family == AF_INET6) {
    sockaddr_in6 name{};
    std::memcpy(&name, address, sizeof name);
    std::memcpy(bytes.data(), &name.sin6_addr, 16);
  } else {
    return false;
  }
  bool any_allows = false;
  for (auto rule = rules_.rbegin(); rule != rules_.rend(); ++rule) {
    if (covers(rule->net, rule->bits, bytes)) return rule->allow;
    any_allows = any_allows || rule->allow;
  }
  return !any_allows;
}

bool User::may_send_listed(std::uint16_t vscp_class, std::uint16_t vscp_type) const noexcept {
  const auto has = [&](UserRight right) { return (rights & static_cast<std::uint32_t>(right)) != 0; };
  switch (vscp_class) {
    case 0:
    case 512:
      if (!has(UserRight::kSendLevel1Control)) return false;
      break;
    case 1024:
      if (!has(UserRight::kSendLevel2Control)) return false;
      break;
    case 1025:
      if (!has(UserRight::kSendHlo)) return false;
      break;
    default:
      break;
  }
  return send_rules.allows(vscp_class, vscp_type);
}

UserDirectory::UserDirectory(std::vector<User> users) : users_(std::move(users)) {
  const auto by_name = [](const User& a, const User& b) { return a.name < b.name; };
  stable_sort(users_, by_name);
  const auto same = [](const User& a, const User& b) { return a.name == b.name; };
  users_.erase(std::unique(users_.begin(), users_.end(), same), users_.end());
}

const User* UserDirectory::find(std::string_view name) const noexcept {
  const auto at = std::lower_bound(users_.begin(), users_.end(), name,
                                   [](const User& user, std::string_view wanted) { return user.name < wanted; });
  return at != users_.end() && at->name == name ? &*at : nullptr;
}

}  // namespace router
