// Remotes on the simulated network, in one thread: the test plays the far sides. Workers and clock move only when the
// test says so.
//
// Thread rule: one thread. Ownership: the rig owns everything; sockets are numbers of its network.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "drivers/link_client/remote.h"
#include "drivers/link_client/resolver.h"
#include "router/base/clock.h"
#include "router/core/router.h"
#include "router/io/sim_net.h"
#include "router/io/sim_ring.h"

namespace link_client_test {

inline constexpr std::uint64_t kMillisecond = 1'000'000;
inline constexpr std::uint64_t kSecond = 1'000'000'000;

/// Answers every name at once with the addresses of some listeners.
class SimAddresses final : public drivers::link_client::AddressSource {
 public:
  void resolve(const std::string&, std::uint16_t, std::function<void(drivers::link_client::Resolved)> done) override {
    ++asked;
    done({addresses, addresses.empty() ? "no such name" : ""});
  }
  std::vector<sockaddr_storage> addresses;
  unsigned asked = 0;
};

class RemoteRig {
 public:
  /// One worker, one remote. `set_up` changes its configuration: host "far", no login, persistent.
  explicit RemoteRig(const std::function<void(drivers::link_client::RemoteConfig&)>& set_up = {},
                     const router::SimFaults& faults = no_faults(), std::uint64_t seed = 1);
  ~RemoteRig();
  RemoteRig(const RemoteRig&) = delete;
  RemoteRig& operator=(const RemoteRig&) = delete;

  static router::SimFaults no_faults();

  /// Starts the remote; then turns.
  void start();
  /// The far side's end of the next connection; -1 if there is none within `patience_ns`.
  router::Socket accept(std::uint64_t patience_ns = 5 * kSecond);
  /// Writes as the far side; then turns.
  void say(router::Socket far, std::string_view text);
  /// What the far side has received since the last call.
  std::string heard(router::Socket far);
  /// say() and heard().
  std::string talk(router::Socket far, std::string_view text) {
    say(far, text);
    return heard(far);
  }
  /// Through greeting, CHID and RCVLOOP.
  router::Socket accept_receiver(std::string_view channel = "7");
  /// Through the greeting of the second connection.
  router::Socket accept_sender(std::string_view greeting = "+OK\r\n");
  /// Publishes an event as another channel of the router would.
  void publish(std::uint16_t vscp_type, std::uint8_t data, std::uint8_t priority = 3);

  void turn();
  void settle();
  void pass_time(std::uint64_t nanoseconds);
  /// Until `done`, in steps of 10 ms; false if it does not come within `patience_ns`.
  bool pass_until(const std::function<bool()>& done, std::uint64_t patience_ns);

  drivers::link_client::Remote& remote() { return *remote_; }
  drivers::link_client::RemoteStatus status() { return remote_->status(); }
  router::Worker& worker() { return router_->worker(0); }
  router::Router& router() { return *router_; }
  router::SimNet& net() { return net_; }
  SimAddresses& addresses() { return addresses_; }
  router::Socket listener() const { return listener_; }

 private:
  router::ManualClock clock_;
  router::SimNet net_;
  router::SimRing* ring_ = nullptr;
  std::unique_ptr<router::Router> router_;
  SimAddresses addresses_;
  router::Socket listener_;
  std::unique_ptr<drivers::link_client::Remote> remote_;
};

/// An event line as a far side sends it, with two data bytes.
std::string event_line(std::uint32_t number, std::uint32_t obid = 1);

}  // namespace link_client_test
