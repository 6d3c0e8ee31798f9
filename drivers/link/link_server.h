// The tcp/ip link server: listening sockets, placing of new connections, login service. Spec: vscp_tcpiplink.md.
//
// New connections come in on one worker per listener and go to the worker with the fewest sessions: VSCP has few, long connections, so counting
// beats hashing (SO_REUSEPORT).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "drivers/link/link_context.h"
#include "router/core/router.h"

namespace drivers::link {

class LinkListener;

/// One configured listener with its users.
struct LinkListenerSetup {
  LinkListenerConfig config;
  std::shared_ptr<const router::UserDirectory> users;
  LoginService::OldFormHandler on_old_form;
};

class LinkServer {
 public:
  LinkServer(router::Router& router, std::vector<LinkListenerSetup> setups, std::function<void()> request_shutdown);
  ~LinkServer();

  /// Empty, or one sentence: what cannot be listened on.
  std::string open();
  void start();
  void drain();
  void stop();

  /// After open(): "127.0.0.1:9598" of each socket, with the port that the system chose.
  std::vector<std::string> addresses() const;
  /// New users for listener `index`; sessions that are logged in keep what they have.
  void set_users(std::size_t index, std::shared_ptr<const router::UserDirectory> users);
  /// Reads the certificates of listener `index` again, for connections that come from then on. Empty, or what is wrong:
  /// then the old ones stay.
  std::string renew_certificates(std::size_t index);

 private:
  router::Router* router_;
  std::vector<LinkListenerSetup> setups_;
  std::function<void()> request_shutdown_;
  std::vector<std::unique_ptr<LoginService>> logins_;
  std::vector<std::shared_ptr<TlsDoor>> doors_;  ///< by setup; null: no TLS
  std::vector<std::unique_ptr<LinkListener>> listeners_;
};

}  // namespace drivers::link
