// A driver library on threads of the router ("isolation": "none"): no system call and no process between, and no
// protection. What the library does wrong, the router dies of; a call that does not return keeps its threads for ever.
//
// Thread rule: the watching thread. Ownership: the threads keep what they need, also when this object goes first.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "drivers/library/bell.h"
#include "drivers/library/host.h"
#include "drivers/library/host_runner.h"

namespace drivers::library {

class ThreadHost final : public Host {
 public:
  ThreadHost(std::string name, std::shared_ptr<HostLink> link, LibrarySettings settings, HostRunner::Load load,
             const Bell& bell);
  ~ThreadHost() override;

  std::optional<HostEnd> take_end() override;
  bool send(int) override { return false; }

 private:
  struct Shared {
    std::atomic<bool> over{false};
    std::atomic<bool> abandoned{false};  ///< the bell may be gone
    HostExit code = HostExit::kDone;
  };

  std::shared_ptr<Shared> shared_;
  std::thread thread_;
};

}  // namespace drivers::library
