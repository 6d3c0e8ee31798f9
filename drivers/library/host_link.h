// One life of a driver's host: the memory that it shares with the router, and the eventfd with which it wakes the
// router's worker.
//
// Made anew for each start of the host, so that what a dying library wrote is never read by the next life.
// Thread rule: make() and adopt() anywhere; the rest as its member says. Ownership: shared between the worker's port
// and the watch (library_port.h, host_watch.h); the watch lets go last, so that no worker unmaps.
#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>

#include "drivers/library/event_ring.h"
#include "drivers/library/shared_memory.h"
#include "router/base/fd.h"

namespace drivers::library {

class HostLink {
 public:
  /// The router's side: new memory with these settings in it.
  static std::expected<std::shared_ptr<HostLink>, std::string> make(const LibrarySettings& settings);
  /// The host's side: what it has inherited. Takes the descriptors over.
  static std::expected<std::shared_ptr<HostLink>, std::string> adopt(int memory, int event);
  ~HostLink();
  HostLink(const HostLink&) = delete;
  HostLink& operator=(const HostLink&) = delete;

  SharedMemory& memory() noexcept { return *memory_; }
  int memory_descriptor() const noexcept { return memory_fd_.get(); }
  int event_descriptor() const noexcept { return event_fd_.get(); }
  /// By the router: write what waits in the ring, close, end.
  void ask_to_stop() noexcept;
  /// By whoever lets events into the router's process: its worker wakes up.
  void wake_router() noexcept;

  // Between the router's worker and its watch.
  std::atomic<bool> broken{false};      ///< port: the host wrote what cannot be
  std::atomic<bool> is_drained{false};  ///< port: all that waited is in the ring; the host was told to stop
  std::atomic<std::uint64_t> given{0};  ///< port: events put into the ring for the library
  /// ask_to_stop() was called. The word in the shared memory, by which the host knows, may have been written by the library.
  std::atomic<bool> was_asked_to_stop{false};

 private:
  HostLink() = default;
  std::string map(int descriptor);

  router::UniqueFd memory_fd_;
  router::UniqueFd event_fd_;
  SharedMemory* memory_ = nullptr;
};

/// The library's counters, from one side to the other.
void write_figures(const LibraryFigures& figures, HostStatus& status) noexcept;
LibraryFigures read_figures(const HostStatus& status) noexcept;

/// The settings in the shared memory. False: they do not fit.
bool write_settings(const LibrarySettings& settings, SharedMemory& memory);
/// Empty if they make no sense.
std::optional<LibrarySettings> read_settings(const SharedMemory& memory);

}  // namespace drivers::library
