// Makes the MQTT library look for work.
//
// Its two threads sleep where they should not (1.3.12), and nothing in its interface wakes them but something to do:
// - The sending thread looks whether there is something to do, and waits for a signal or for one second. Between the
//   two a signal is lost (paho.mqtt.c, issue 1039): of ten thousand messages one was a second late.
// - The receiving thread waits for what comes in, for one second at most. What did not fit into a socket goes on, and a
//   new socket is looked at, only after that; and when nothing came it sleeps 0.1 s more, deaf to what comes then.
// So this is a client of the library whose broker is this process, over a loopback connection: a message of it wakes
// the sending thread, two bytes to it the receiving one, and two bytes every 0.9 s keep that from being deaf.
//
// Thread rule: any; it has a thread of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>

#include "router/base/fd.h"

namespace drivers::mqtt {

class PahoDoorbell {
  struct Key {};

 public:
  /// That of the process. The library's threads run until the last owner has let go of it.
  static std::shared_ptr<PahoDoorbell> shared();
  explicit PahoDoorbell(Key);
  ~PahoDoorbell();
  PahoDoorbell(const PahoDoorbell&) = delete;
  PahoDoorbell& operator=(const PahoDoorbell&) = delete;

  /// False: the library does not take the message, and its sending thread is not woken.
  bool ring() noexcept;
  /// Whether the receiving thread is woken too: soon after the first one was made, unless loopback connections fail.
  bool is_connected() const;

 private:
  void run();
  /// The library's end of a connection to the listener; none if it does not come.
  router::UniqueFd accept_ours() const;
  bool wait_for(int fd, int timeout_ms) const noexcept;
  void tell(int fd) const noexcept;

  void* handle_ = nullptr;
  std::uint16_t port_ = 0;  ///< of the listener, which sets it: first
  router::UniqueFd listener_;
  router::UniqueFd stop_;  ///< an eventfd
  mutable std::mutex mutex_;
  router::UniqueFd broker_end_;  ///< by mutex_
  std::thread thread_;
};

}  // namespace drivers::mqtt
