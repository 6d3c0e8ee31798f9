// A link server for the tests of vscpbench: relays SEND to every connection in RCVLOOP, in one thread, and spoils one
// event on request so that the tool can show that it notices.
// Thread rule: constructed and destroyed by the test's thread; counts may be read after the destructor's join only.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <thread>

#include "tools/vscpbench/link_session.h"

namespace bench {

/// Numbers count the SENDs that the server gets, from 1; 0 = never.
struct Faults {
  std::uint64_t lose = 0;
  std::uint64_t lose_from = 0;  ///< this one and all after it
  std::uint64_t duplicate = 0;
  std::uint64_t swap_with_next = 0;
  std::uint64_t change_data = 0;  ///< adds 1 to a digit of the last data byte
  std::uint64_t change_guid = 0;  ///< changes the last digit of the GUID
  std::uint64_t change_class = 0;
  std::uint64_t cut_data = 0;        ///< drops the last data byte
  std::uint64_t refuse = 0;          ///< answers -OK and drops it
  std::uint64_t close_consumer = 0;  ///< closes the first consumer's connection
  bool hex_data = false;             ///< no fault: data as 0xNN, like upstream
  bool nanoseconds = false;          ///< no fault: the newer time form
};

class FakeServer {
 public:
  explicit FakeServer(Faults faults = {});
  ~FakeServer();
  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;
  std::uint16_t port() const { return port_; }

 private:
  struct Client {
    Fd fd;
    std::string in;
    std::string out;  ///< replies of this turn
    bool in_loop = false;
  };
  void serve();
  void accept_client();
  bool read_client(int fd, Client& client);
  bool handle_line(Client& client, std::string_view line);
  std::string relay(std::string_view arguments);
  void deliver();

  Faults faults_;
  Fd listener_;
  Fd wake_;
  std::uint16_t port_ = 0;
  std::map<int, Client> clients_;
  std::uint64_t sends_ = 0;
  std::string held_;    ///< the event that waits to come after its successor
  std::string fanout_;  ///< event lines of this turn
  std::atomic<bool> quit_{false};
  std::thread thread_;
};

}  // namespace bench
