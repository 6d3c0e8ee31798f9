// "Events were lost": decides when a worker tells the site that its slow readers have lost events, and makes the event.
//
// The event is CLASS1.ERROR, type 18 OVERRUN (spec: class1.error.md), of priority 1, from the router's own GUID. A reader that is behind may lose
// the report itself: that alone makes no other one, here or on another worker.
// Thread rule: the worker's thread.
#pragma once

#include <cstdint>

#include "protocol/event.h"

namespace router {

class LossReport {
 public:
  static constexpr std::uint16_t kClass = 508;  ///< CLASS1.ERROR
  static constexpr std::uint16_t kType = 18;    ///< OVERRUN
  static constexpr std::uint64_t kPauseNs = 1'000'000'000;

  LossReport(const vscp::Guid& guid, std::uint8_t worker) noexcept : guid_(guid), worker_(worker) {}

  /// `losses` and `events`: events lost and taken in so far, of any kind. True if there is something to tell now.
  bool is_due(std::uint64_t losses, std::uint64_t events, std::uint64_t now_ns) noexcept;
  /// Fills the event in. Data: worker, all zones (255), all sub-zones (255), events lost since the last report of this
  /// worker (4 bytes, most significant first). It counts among `events` when it is published.
  void make(std::uint64_t losses, std::uint64_t events, std::uint64_t now_ns, vscp::Event& event) noexcept;
  /// A report came from another worker, and counts among `events`.
  void note_other(const vscp::Event& event) noexcept {
    if (event.vscp_type == kType && event.guid == guid_) ++reports_;
  }
  /// When something waits to be told: nanoseconds from now. ~0: nothing.
  std::uint64_t ns_until_due(std::uint64_t losses, std::uint64_t now_ns) const noexcept;

 private:
  vscp::Guid guid_;
  std::uint8_t worker_;
  std::uint64_t told_ = 0;     ///< losses as of the last report
  std::uint64_t reports_ = 0;  ///< among the events
  std::uint64_t others_ = 0;   ///< events that were no reports, as of the last report
  std::uint64_t next_ns_ = 0;
};

}  // namespace router
