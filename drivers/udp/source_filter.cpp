#include "drivers/udp/source_filter.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace drivers::udp {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr unsigned kMappedBits = 96;  // in front of an IPv4 address
constexpr unsigned kHostBits = 128;

std::unexpected<std::string> problem(std::string_view text) {
  return std::unexpected('"' + std::string(text) +
                         R"(" is no address or network: write "192.168.1.0/24", "10.0.0.5", "fe80::/10" or "any")");
}

void clear_behind(Host& host, unsigned bits) noexcept {
  for (unsigned i = 0; i < host.size(); ++i) {
    const unsigned kept = bits > i * 8 ? std::min(bits - i * 8, 8U) : 0;
    host[i] = static_cast<std::uint8_t>(host[i] & (0xff00U >> kept));
  }
}

}  // namespace

bool Network::contains(const Host& address) const noexcept {
  const std::size_t whole = bits / 8;
  if (std::memcmp(address.data(), host.data(), whole) != 0) return false;
  if (whole == host.size()) return true;
  const auto mask = static_cast<unsigned>(0xff00U >> (bits % 8)) & 0xffU;
  return ((static_cast<unsigned>(address[whole]) ^ host[whole]) & mask) == 0;
}

std::expected<Network, std::string> parse_network(std::string_view text) {
  if (text == "any") return Network{};
  Network out;
  const std::size_t slash = std::min(text.find('/'), text.size());
  const std::string host(text.substr(0, slash));
  unsigned before = 0;
  if (::inet_pton(AF_INET6, host.c_str(), out.host.data()) != 1) {
    before = kMappedBits;
    out.host = {};
    out.host[10] = out.host[11] = 0xff;
    if (::inet_pton(AF_INET, host.c_str(), &out.host[12]) != 1) return problem(text);
  }
  out.bits = kHostBits;
  if (slash < text.size()) {
    const std::string_view bits = text.substr(slash + 1);
    unsigned value = 0;
    const auto result = std::from_chars(bits.data(), bits.data() + bits.size(), value);
    if (result.ec != std::errc{} || result.ptr != bits.data() + bits.size() || value > kHostBits - before) {
      return problem(text);
    }
    out.bits = before + value;
  }
  clear_behind(out.host, out.bits);
  return out;
}

SourceRates::SourceRates(std::uint32_t per_second, std::uint64_t seed) : seed_(seed | 1U) {
  if (per_second == 0) return;
  cost_ns_ = kSecondNs / per_second;
  credit_max_ns_ = std::max(kSecondNs / 2, cost_ns_);
  sets_.resize(kSets);
}

bool SourceRates::take(const Host& host, std::uint64_t now_ns) noexcept {
  if (cost_ns_ == 0) return true;
  std::uint64_t words[2];
  std::memcpy(words, host.data(), sizeof words);
  const std::uint64_t hash = (words[0] ^ seed_) * 0x9e3779b97f4a7c15U ^ (words[1] ^ seed_ >> 32U) * seed_;
  auto& set = sets_[(hash ^ hash >> 32U) * 0x9e3779b97f4a7c15U >> 56U];
  auto* found = &set[0];
  for (Source& source : set) {
    if (source.last_ns != 0 && source.host == host) {
      found = &source;
      break;
    }
    if (source.last_ns < found->last_ns) found = &source;
  }
  if (found->last_ns == 0 || found->host != host) *found = {host, now_ns, credit_max_ns_};
  found->credit_ns = std::min(credit_max_ns_, found->credit_ns + (now_ns - found->last_ns));
  found->last_ns = std::max<std::uint64_t>(now_ns, 1);
  if (found->credit_ns < cost_ns_) return false;
  found->credit_ns -= cost_ns_;
  return true;
}

}  // namespace drivers::udp
