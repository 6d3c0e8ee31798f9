// Wakes the thread that watches the hosts. Never shared with a host.
//
// Thread rule: ring() any thread, clear() and descriptor() the watching one.
#pragma once

#include "router/base/fd.h"

namespace drivers::library {

class Bell {
 public:
  Bell();
  void ring() const noexcept;
  void clear() noexcept;
  int descriptor() const noexcept { return fd_.get(); }

 private:
  router::UniqueFd fd_;
};

}  // namespace drivers::library
