// Stands in for NATS, Redis or an MQTT broker in tests: relays what is published to every subscriber, in one thread,
// and spoils one message on request, so that the tool can show that it notices.
// Thread rule: constructed and destroyed by the test's thread; counts may be read at any time.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <thread>

#include "tools/vscpbench/link_session.h"

namespace bench::peers {

enum class FakeDialect : std::uint8_t { kNats, kRedis, kMqtt };

/// Numbers count the messages published, from 1; 0 = never.
struct PeerFaults {
  std::uint64_t lose = 0;
  std::uint64_t duplicate = 0;
  std::uint64_t swap_with_next = 0;
  std::uint64_t change_last_byte = 0;
  std::uint64_t change_first_byte = 0;  ///< of the body: the identity's marker
  std::uint64_t ping = 0;               ///< NATS: asks everybody for a sign of life; no fault
  bool refuse = false;                  ///< says no to every session
};

class FakePeer {
 public:
  explicit FakePeer(FakeDialect dialect, PeerFaults faults = {});
  ~FakePeer();
  FakePeer(const FakePeer&) = delete;
  FakePeer& operator=(const FakePeer&) = delete;

  Target target() const { return {{"127.0.0.1", port_, ""}, "", ""}; }
  /// Waits until all clients have left. Signs of life (NATS) and acknowledgements (MQTT) that came from them.
  std::uint64_t answers() const;

 private:
  struct Client {
    Fd fd;
    std::string in;
    std::string out;
    bool subscriber = false;
    unsigned qos = 0;  ///< of its subscription
  };
  void serve();
  void accept_client();
  bool read_client(Client& client);
  std::size_t take(Client& client, std::string_view bytes);
  std::size_t take_nats(Client& client, std::string_view bytes);
  std::size_t take_redis(Client& client, std::string_view bytes);
  std::size_t take_mqtt(Client& client, std::string_view bytes);
  void publish(std::string body);
  void to_subscribers(const std::string& body);

  FakeDialect dialect_;
  PeerFaults faults_;
  Fd listener_;
  Fd wake_;
  std::uint16_t port_ = 0;
  std::map<int, Client> clients_;
  std::uint64_t published_ = 0;
  std::string held_;  ///< the body that waits to come after its successor
  std::atomic<std::uint64_t> answers_{0};
  std::atomic<unsigned> connections_{0};
  std::atomic<bool> quit_{false};
  std::thread thread_;
};

}  // namespace bench::peers
