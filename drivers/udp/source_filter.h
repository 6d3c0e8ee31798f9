// From whom datagrams are taken: networks, and a rate for each address that is not a peer's.
//
// Thread rule: Network is a value; SourceRates has one owner and takes memory only when it is made.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "router/io/socket.h"

namespace drivers::udp {

using Host = router::PeerAddress::Host;

/// Addresses whose first `bits` bits are alike; IPv4 as ::ffff:a.b.c.d.
struct Network {
  Host host{};
  unsigned bits = 0;  ///< 0: everybody

  bool contains(const Host& address) const noexcept;
};

/// "192.168.1.0/24", "10.0.0.5", "fe80::/10", "::1", or "any" for everybody. On error: what is wrong and what to write
/// instead.
std::expected<Network, std::string> parse_network(std::string_view text);

/// How many datagrams each address may send per second: what is more costs no more than a look-up. 1024 addresses are
/// known; of the four that fall together, the one that was silent for the longest time makes room for a new one.
class SourceRates {
 public:
  /// `per_second`: 0 = no limit. As much as half a second's may come at once. `seed` makes the places unpredictable.
  SourceRates(std::uint32_t per_second, std::uint64_t seed);

  /// Counts a datagram; false if it is one too many.
  bool take(const Host& host, std::uint64_t now_ns) noexcept;

 private:
  static constexpr std::size_t kWays = 4;
  static constexpr std::size_t kSets = 256;
  struct Source {
    Host host{};
    std::uint64_t last_ns = 0;    ///< when it was heard; 0: nobody
    std::uint64_t credit_ns = 0;  ///< time that it may still use up
  };

  std::uint64_t cost_ns_ = 0;  ///< of one datagram
  std::uint64_t credit_max_ns_ = 0;
  std::uint64_t seed_;
  std::vector<std::array<Source, kWays>> sets_;
};

}  // namespace drivers::udp
