// The link server without its listener, on the simulated network and in one thread: workers, sessions, login service
// and clock move only when the test says so.
//
// Thread rule: one thread. Ownership: the rig owns everything; client sockets are numbers of its network.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "drivers/link/link_context.h"
#include "drivers/link/link_session.h"
#include "router/base/clock.h"
#include "router/core/router.h"
#include "router/io/sim_net.h"
#include "router/io/sim_ring.h"

namespace link_test {

inline constexpr std::uint64_t kMillisecond = 1'000'000;
inline constexpr std::uint64_t kSecond = 1'000'000'000;

/// A network in which nothing goes wrong by chance: bytes come at once and whole.
router::SimFaults no_faults();
/// A user with this password, hashed at the lowest cost there is, who may do everything.
router::User make_user(std::string name, std::string_view password);

struct RigSettings {
  RigSettings();
  std::uint64_t seed = 1;
  router::ThreadIndex workers = 1;
  std::size_t event_pool = 0;
  drivers::link::LinkListenerConfig config;
  router::WorkerSettings worker;
  router::SimRingSettings ring;
  router::SimFaults faults = no_faults();
  std::shared_ptr<drivers::link::TlsDoor> tls;  ///< null: none
  std::vector<router::User> users;  ///< none: "admin" with the password "secret"
};

class LinkRig {
 public:
  explicit LinkRig(const RigSettings& settings = {});
  ~LinkRig();
  LinkRig(const LinkRig&) = delete;
  LinkRig& operator=(const LinkRig&) = delete;

  /// A new client whose session lives on this worker; it has been greeted when this returns, but has not read it.
  router::Socket connect(router::ThreadIndex worker = 0);
  /// connect(), USER, PASS; everything up to here is read.
  router::Socket connect_logged_in(router::ThreadIndex worker = 0);

  /// Writes all of it, with turns in between if the socket is full. False if it stays full.
  bool send(router::Socket client, std::string_view text);
  /// What the client has received, at most `limit` bytes; no turns.
  std::string read(router::Socket client, std::size_t limit = SIZE_MAX);
  /// send(), settle(), and everything that the client gets then.
  std::string ask(router::Socket client, std::string_view text);
  /// settle() and read() in turn until nothing more comes.
  std::string read_all(router::Socket client);
  /// The server has closed its side and everything was read.
  bool is_closed(router::Socket client);
  void close(router::Socket client);
  void reset(router::Socket client);
  void half_close(router::Socket client) { net_.shutdown_send(client); }

  /// Turns and login checks until nothing moves any more. Time passes only as far as the network's delays need it.
  void settle();
  /// One turn of each worker; no login checks.
  void turn();
  void advance(std::uint64_t nanoseconds) { clock_.advance(nanoseconds); }
  /// advance(), settle().
  void pass_time(std::uint64_t nanoseconds);
  /// Whether settle() runs login checks (as it does from the start).
  void run_logins(bool on) { run_logins_ = on; }

  /// Closes every client and lets every session end. What is left over then, as text; empty if nothing is.
  std::string end();

  router::SimNet& net() { return net_; }
  router::Router& router() { return *router_; }
  router::Worker& worker(router::ThreadIndex index = 0) { return router_->worker(index); }
  drivers::link::LoginService& logins() { return *logins_; }
  /// The session of a client that is connected; null if it has gone.
  drivers::link::LinkSession* session(router::Socket client);
  std::size_t session_count() const;
  unsigned shutdowns() const { return shutdowns_; }
  unsigned closed() const { return closed_; }

 private:
  struct Client {
    router::Socket socket;
    router::ThreadIndex worker;
    std::uint32_t channel;
    std::uint64_t serial;
  };
  bool anything_waits() const;

  RigSettings settings_;
  router::ManualClock clock_;
  router::SimNet net_;
  std::vector<router::SimRing*> rings_;
  std::unique_ptr<router::Router> router_;
  std::unique_ptr<drivers::link::LoginService> logins_;
  std::shared_ptr<drivers::link::LinkContext> context_;
  router::Socket listener_;
  std::vector<Client> clients_;
  bool run_logins_ = true;
  bool ended_ = false;
  unsigned shutdowns_ = 0;
  unsigned closed_ = 0;
};

/// "text" * count.
std::string repeat(std::string_view text, std::size_t count);
/// The lines of a text, without their CRLF; the last may be without an end.
std::vector<std::string> lines_of(std::string_view text);
/// A SEND with these data; class 20, type 3.
std::string send_line(std::uint32_t number);

}  // namespace link_test
