// Brings the router up, waits for signals and operators, takes it down in order.
//
// Thread rule: the process's main thread. It never touches an event.
#pragma once

#include <memory>
#include <string>
#include <vector>

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
  std::string bring_up();
  std::string prepare_signals();
  std::string start_logging();
  std::string make_router();
  std::string open_drivers();
  std::string open_admin();
  std::string become_user() const;
  void announce() const;
  /// True if the process is to stop.
  bool handle_signal();
  std::string reload();
  /// Waits until what was taken in is where it is wanted; not for long. False if that did not come.
  bool settle();
  void stop();

  Options options_;
  Config config_;
  SystemClock clock_;
  UniqueFd signals_;
  UniqueFd shutdown_;
  std::unique_ptr<Router> router_;
  std::vector<std::unique_ptr<Driver>> drivers_;
  AdminServer admin_{clock_};
};

}  // namespace router
