// Looks names up away from the workers: getaddrinfo() may block for as long as the name servers like.
//
// Some threads, so that one name whose server does not answer does not keep all others waiting. A name goes to the same
// thread each time.
//
// Thread rule: resolve() from any thread; `done` is called on a thread of the resolver.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "router/core/inbox.h"

namespace drivers::link_client {

struct Resolved {
  std::vector<sockaddr_storage> addresses;  ///< in the order in which they are to be tried; at most kAddressesMax
  std::string error;                        ///< if there are none: the system's words
};
inline constexpr std::size_t kAddressesMax = 16;

/// Where remotes get addresses from; the simulation has its own.
class AddressSource {
 public:
  virtual ~AddressSource() = default;
  virtual void resolve(const std::string& host, std::uint16_t port, std::function<void(Resolved)> done) = 0;
};

class Resolver final : public AddressSource {
 public:
  Resolver() = default;
  ~Resolver() override { stop(); }
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  void start();
  /// Does not wait for a look-up that is under way: its thread is left to end by itself, and nothing comes of it.
  void stop();
  void resolve(const std::string& host, std::uint16_t port, std::function<void(Resolved)> done) override;

 private:
  static constexpr std::size_t kThreads = 4;
  static constexpr std::size_t kWaitingMax = 4096;
  struct Line {
    router::TaskQueue queue{kWaitingMax};
    std::mutex mutex;     ///< held while `done` is called
    bool closed = false;  ///< nobody is there any more who could be told
  };
  static void work(Line& line);
  std::vector<std::shared_ptr<Line>> lines_;
};

/// What a number says; no addresses if it is a name.
Resolved resolve_number(const std::string& host, std::uint16_t port);

}  // namespace drivers::link_client
