#include "router/base/listen_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>

namespace router {
namespace {

constexpr std::string_view kHint =
    R"(write a port ("9598"), "ip:port" ("192.168.1.8:9598") or "[ip6]:port" ("[::1]:9598"))";

std::string_view trim(std::string_view text) noexcept {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

std::optional<std::uint16_t> parse_port(std::string_view text) noexcept {
  if (text.empty() || text.size() > 5 || !std::all_of(text.begin(), text.end(), is_digit)) return std::nullopt;
  unsigned port = 0;
  for (const char c : text) port = port * 10 + static_cast<unsigned>(c - '0');
  if (port > 65535) return std::nullopt;
  return static_cast<std::uint16_t>(port);
}

void set_ipv4(ListenAddress& out, const in_addr& address, std::uint16_t port) noexcept {
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr = address;
  name.sin_port = htons(port);
  std::memcpy(&out.storage, &name, sizeof name);
  out.size = sizeof name;
}

void set_ipv6(ListenAddress& out, const in6_addr& address, std::uint16_t port) noexcept {
  sockaddr_in6 name{};
  name.sin6_family = AF_INET6;
  name.sin6_addr = address;
  name.sin6_port = htons(port);
  std::memcpy(&out.storage, &name, sizeof name);
  out.size = sizeof name;
}

std::unexpected<std::string> problem(std::string_view text, std::string_view what) {
  return std::unexpected('"' + std::string(text) + "\" " + std::string(what) + ": " + std::string(kHint));
}

}  // namespace

std::expected<ListenAddress, std::string> parse_listen_address(std::string_view written) {
  std::string_view text = trim(written);
  ListenAddress out;
  out.text = text;
  if (text.empty()) return std::unexpected("is empty: " + std::string(kHint));
  if (text.size() > 1 && (text.back() == 's' || text.back() == 'S') && is_digit(text[text.size() - 2])) {
    text.remove_suffix(1);
    out.tls = true;
  }
  if (const auto port = parse_port(text)) {
    set_ipv6(out, in6addr_any, *port);
    out.any_port = *port == 0;
    out.all_interfaces = true;
    return out;
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return problem(text, "has no port");
  std::string host(text.substr(0, colon));
  const auto port = parse_port(text.substr(colon + 1));
  if (!port) return problem(text, "has no port from 0 to 65535 after its last colon");
  out.any_port = *port == 0;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    in6_addr address{};
    if (::inet_pton(AF_INET6, host.c_str(), &address) != 1) return problem(text, "has no IPv6 address in its brackets");
    set_ipv6(out, address, *port);
    return out;
  }
  if (host.find(':') != std::string::npos) return problem(text, "is an IPv6 address without brackets");
  if (host == "localhost") return problem(text, "is a name; 127.0.0.1 is its address");
  in_addr address{};
  if (::inet_pton(AF_INET, host.c_str(), &address) != 1) return problem(text, "does not begin with an IP address");
  set_ipv4(out, address, *port);
  return out;
}

std::expected<std::vector<ListenAddress>, std::string> parse_listen_addresses(std::string_view text) {
  std::vector<ListenAddress> out;
  for (;;) {
    const std::size_t comma = std::min(text.find(','), text.size());
    auto address = parse_listen_address(text.substr(0, comma));
    if (!address) return std::unexpected(std::move(address.error()));
    for (const ListenAddress& other : out) {
      const bool same = std::memcmp(&other.storage, &address->storage, sizeof other.storage) == 0;
      if (same && !address->any_port) {
        return std::unexpected('"' + address->text + "\" is in the list twice: remove one of the two");
      }
    }
    out.push_back(std::move(*address));
    if (comma == text.size()) return out;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace router
