// Brings the router up, waits for signals and operators, takes it down in order.
//
// Thread rule: the process's main thread. It never touches an event.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "drivers/link/link_server.h"
#include "drivers/sim/sim_driver.h"
#include "router/base/clock.h"
#include "router/base/fd.h"
#include "router/core/router.h"
#include "router/daemon/admin_server.h"
#include "router/daemon/config.h"
#include "router/daemon/options.h"

namespace router {

class Supervisor {
 public:
  Supervisor(const Options& options, Config config);
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  /// Everything that can be refused, then starts. Empty, or one sentence for the operator.
  std::string start();
  /// Until a signal, SHUTDOWN or the end of --for; then drains and stops.
  void run();

 private:
  /// The first user of a fresh installation; the password is shown once, when everything has worked.
  struct FirstUser {
    std::string path;  ///< of the users file
    std::string password;
  };

  std::string bring_up();
  std::string prepare_signals();
  std::string make_first_user(const std::string& path);
  std::string start_logging();
  std::string make_router();
  std::string make_link_server();
  std::string open_admin();
  std::string become_user() const;
  void announce() const;
  /// True if the process is to stop.
  bool handle_signal();
  std::string reload_users();
  void stop();

  Options options_;
  Config config_;
  SystemClock clock_;
  UniqueFd signals_;
  UniqueFd shutdown_;
  std::unique_ptr<Router> router_;
  drivers::link::LinkServer* link_ = nullptr;  ///< one of drivers_
  std::vector<std::unique_ptr<Driver>> drivers_;
  AdminServer admin_;
  std::vector<std::string> notices_;  ///< said once the log runs
  std::vector<FirstUser> first_users_;
};

}  // namespace router
