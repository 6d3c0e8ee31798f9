// The router's end of one driver library: takes events off the ring that its host fills, and puts events for it into
// the other. The hosts come and go (attach, detach); the port, its channel and its GUID stay.
//
// What the library brings stays in the ring while the router cannot take it: the library then waits. What it does not
// take waits in the worker's log under the port's limit, also while there is no host.
//
// Thread rule: its worker, but for open() before the workers run. Ownership: the driver's.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "drivers/library/bell.h"
#include "drivers/library/event_ring.h"
#include "drivers/library/host_link.h"
#include "router/core/event_port.h"
#include "router/core/timer_wheel.h"

namespace drivers::library {

/// CLASS1.ERROR (508), types as in class1.error.md.
enum class SiteType : std::uint8_t {
  kReady = 16,      ///< initialization ready: it runs (again)
  kNotOpened = 14,  ///< initialization error: the library refused to open
  kNotLoaded = 28,  ///< library error: it cannot be loaded
  kEnded = 31,      ///< sub driver error: crash, exit, or nonsense in the shared memory
  kHung = 32,       ///< timeout error: a call did not return
  kMemory = 35,     ///< memory error: more than memory-max
};

/// What the site is told about a driver.
struct SiteEvent {
  SiteType type = SiteType::kEnded;
  std::uint8_t index = 0;    ///< of the driver among the libraries
  std::uint32_t starts = 0;  ///< of its host so far
};

class LibraryPort final : public router::EventPort, private router::OpOwner {
 public:
  /// `max_rate`: events per second from the library, 0 = any. `bell` wakes the watch.
  LibraryPort(router::Router& router, router::Worker& worker, const router::EventPortSettings& settings,
              std::uint32_t max_rate, const Bell& bell);

  /// A host has been started. It gets events when it says that it is ready.
  void attach(std::shared_ptr<HostLink> link);
  /// Its host has gone: takes what is left in the ring, and lets go of the link.
  void detach() noexcept;
  /// Takes what is in the ring now, and nothing new.
  void stop_taking() noexcept;
  /// Gives what waits to the library, and then tells the host to stop.
  void leave() noexcept;
  void tell(const SiteEvent& event) noexcept;
  /// Gives up its channel as soon as possible.
  void abort() noexcept override;

  std::uint64_t lost_with_host() const noexcept { return lost_with_host_; }
  bool has_host() const noexcept { return link_ != nullptr; }

 private:
  struct Pace final : router::Timer {
    explicit Pace(LibraryPort& port_of) noexcept : port(&port_of) {}
    void on_timer(std::uint64_t) noexcept override { port->take_in(); }
    LibraryPort* port;
  };

  void on_completion(const router::Completion& completion) noexcept override;
  void on_may_take() noexcept override;
  void on_outgoing() noexcept override;

  void take_next_link();
  void let_go() noexcept;
  void wait_for_event() noexcept;
  void take_in() noexcept;
  /// What may be taken now under max_rate; waits for the timer if nothing.
  std::size_t allowance() noexcept;
  void rest(std::size_t taken) noexcept;
  bool tell_site() noexcept;
  void give_out() noexcept;
  void note_broken() noexcept;
  void finish_leaving() noexcept;

  const Bell* bell_;
  std::shared_ptr<HostLink> link_;
  std::shared_ptr<HostLink> next_link_;
  std::optional<RingReader> in_;
  std::optional<RingWriter> out_;
  std::uint64_t stop_at_ = ~std::uint64_t{0};  ///< position in the ring behind which nothing is taken
  std::uint64_t lost_with_host_ = 0;           ///< events in the ring of a host that ended
  std::uint64_t last_taken_ns_ = 0;
  std::uint64_t paced_ns_ = 0;
  std::uint32_t max_rate_;
  std::uint32_t tokens_ = 0;
  bool busy_ = false;     ///< much came lately: looks again without being woken
  bool waiting_ = false;  ///< the operation on the eventfd is in flight
  bool ready_ = false;    ///< the host takes events
  bool broken_ = false;
  bool detaching_ = false;
  bool taking_off_ = false;  ///< stop_taking()
  bool leaving_ = false;
  bool aborting_ = false;
  Pace pace_;
  std::array<SiteEvent, 8> news_{};  ///< not told yet
  std::size_t news_count_ = 0;
};

}  // namespace drivers::library
