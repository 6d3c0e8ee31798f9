// What the router tells about itself by events: heartbeats, and what it can do. Spec: class1.protocol.md#type1,
// class1.information.md#type9, class2.information.md#type2, class2.protocol.md#type20.
//
// Thread rule: pure but for own_addresses(), which asks the system; start-up and helper threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "protocol/event.h"

namespace router {

/// What a service is in the capability code: the number of its bit.
enum class Service : std::uint8_t {
  kAes128 = 0,
  kAes192 = 1,
  kAes256 = 2,
  kManyConnections = 3,
  kTls = 4,
  kIp4 = 5,
  kIp6 = 6,
  kMulticastChannel = 8,
  kMulticastAnnounce = 13,
  kUdp = 14,
  kLink = 15,
  kInterfaces = 61,
};

/// The services of a router, put together by its drivers before it starts.
class ServiceList {
 public:
  void add(Service service) noexcept { code_ |= std::uint64_t{1} << static_cast<unsigned>(service); }
  /// Several: bits of the capability code.
  void add(std::uint64_t code) noexcept { code_ |= code; }
  /// One on a port that is not the spec's. A few are kept.
  void add(Service service, std::uint16_t port, bool encrypted);

  struct Port {
    std::uint8_t service = 0;  ///< its bit's number; bit 7: encrypted
    std::uint16_t port = 0;
  };
  std::uint64_t code() const noexcept { return code_; }
  std::span<const Port> ports() const noexcept { return ports_; }

 private:
  static constexpr std::size_t kPortsMax = 32;
  std::uint64_t code_ = 0;
  std::vector<Port> ports_;
};

/// What stays the same from one heartbeat to the next.
struct ServerNotice {
  vscp::Guid guid;
  std::string_view name;
  std::span<const std::uint8_t> address;  ///< IPv4 (4 bytes) or IPv6 (16), or empty
  const ServiceList* services = nullptr;  ///< null: nothing is known
};

/// Heartbeats and capabilities at `utc_ns`, in upstream's order.
std::vector<vscp::Event> make_heartbeats(const ServerNotice& notice, std::uint64_t utc_ns);
/// The same at another time.
void stamp_heartbeats(std::span<vscp::Event> events, std::uint64_t utc_ns) noexcept;

/// Of this machine: the first IPv4 address that is not loopback, else such an IPv6 address, else nothing.
std::vector<std::uint8_t> own_address();

}  // namespace router
