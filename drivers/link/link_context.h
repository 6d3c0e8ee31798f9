// What all sessions of one listener share. Immutable while workers run, apart from the services it points to.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "drivers/link/link_config.h"
#include "drivers/link/login_service.h"
#include "drivers/link/tls_door.h"
#include "protocol/filter.h"
#include "router/core/router.h"
#include "router/io/socket.h"

namespace drivers::link {

struct LinkContext {
  router::Router* router = nullptr;
  LoginService* logins = nullptr;
  LinkListenerConfig config;
  std::shared_ptr<TlsDoor> tls;            ///< null: none
  std::string listener;                    ///< "127.0.0.1:9598", for show; with TLS "127.0.0.1:9598s"
  std::string greeting;
  std::string version_reply;               ///< "a,b,c,d"
  std::uint64_t capabilities = 0;          ///< spec: class2.protocol type 20
  std::function<void(const router::PeerAddress& peer)> on_closed;  ///< a session has left the open state; its worker
  std::function<void()> request_shutdown;  ///< SHUTDOWN; any thread
};

}  // namespace drivers::link
