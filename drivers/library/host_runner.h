// Runs one driver library between the two rings: one thread reads from it, another writes to it. It is the whole of
// vscp-driver-host, and with "isolation": "none" it runs on threads of the router itself.
//
// Thread rule: run() on a thread of its own, which becomes the reading one; the writing one is made there.
// Ownership: keeps the link; the library lives inside run().
#pragma once

#include <atomic>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "drivers/library/abi/driver_library.h"
#include "drivers/library/event_ring.h"
#include "drivers/library/host_link.h"

namespace drivers::library {

/// Exit codes of vscp-driver-host; the reason is in the shared memory.
enum class HostExit : int { kDone = 0, kUsage = 64, kNotLoaded = 65, kNotOpened = 66 };

class HostRunner {
 public:
  using Load = std::function<std::expected<std::unique_ptr<DriverLibrary>, std::string>(const LibrarySettings&)>;
  /// One line for the operator; both threads call it.
  using Say = std::function<void(std::string_view)>;

  HostRunner(std::shared_ptr<HostLink> link, LibrarySettings settings, Load load, Say say);

  /// Until the router asks to stop, or the library cannot be had.
  HostExit run();

 private:
  class InCall;
  void set_phase(Phase phase) noexcept;
  HostExit fail(HostExit code, const std::string& reason);
  void read_loop();
  bool give(RingWriter& ring, const vscp::Event& event) noexcept;
  void write_loop();
  void write_one(const vscp::Event& event);
  void tell_about();
  void tell_figures();
  /// At most one of these sentences a second, each thread for itself.
  void complain(std::uint64_t& last_ns, std::string_view what);
  bool is_stopping() const noexcept { return memory_->stop.load(std::memory_order_acquire) != 0; }

  std::shared_ptr<HostLink> link_;
  SharedMemory* memory_;
  LibrarySettings settings_;
  Load load_;
  Say say_;
  std::unique_ptr<DriverLibrary> library_;
  std::uint64_t write_complained_ns_ = 0;
};

}  // namespace drivers::library
