// vscpEvent in both layouts: writing one, reading one that a library filled, and telling which layout it is.
//
// What tells, strongest first:
//   configuration  "event-layout"; never doubted, but an event that is surely of the other layout is refused
//   the library    the optional function VSCPEventSize
//   an event       the marks that Level2Record leaves where only one layout has a field (first event read)
//   the file       helper functions of the VSCP project's own sources that exist in one generation only
//   a first write  an event that is all zero and so the same in both layouts (class 0, type 0, no data), placed so that
//                  the 2026 layout's last field lies on a page of its own: was that page touched? Given again before
//                  each event while the library does not look at it at all
// What cannot be told: a library that reads single fields and never the CRC, and has not yet given an event. It is
// taken for classic, which is safe in memory: the data pointer is at 48 in both, and a classic event has the padding at
// 44 where 2026 has the size, so that both find the size. Class and type would be wrong; an operator is told that it is
// a guess. No heap; thread rule: one owner per object.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "drivers/library/abi/driver_library.h"
#include "protocol/event.h"

namespace drivers::library {

/// The memory that a library gets as an event.
struct alignas(16) EventBytes {
  std::array<std::uint8_t, 64> event{};
  std::array<std::uint8_t, 64> behind{};  ///< belongs to no layout
};

/// What the marks say about an event that a library filled.
enum class LayoutSign : std::uint8_t { kNone, kClassic, k2026 };

/// Memory for VSCPRead: zero, as libraries expect it, with marks in the padding.
class Level2Record {
 public:
  explicit Level2Record(std::uint64_t mark) noexcept : mark_(mark) {}

  /// Before each call.
  void prepare() noexcept;
  void* memory() noexcept { return &bytes_; }

  /// After a successful call: which layout the library surely wrote.
  LayoutSign sign() const noexcept;
  /// True if it wrote behind 64 bytes.
  bool overrun() const noexcept;
  /// The data pointer, which is at the same place in both.
  std::uint8_t* data() const noexcept;
  std::uint16_t data_size(EventLayout layout) const noexcept;
  /// All fields but the data. obid is 0, frame version bits are cleared; time_ns is 0 if no valid time is given.
  void read_fields(EventLayout layout, vscp::Event& event) const noexcept;

 private:
  EventBytes bytes_;
  std::uint64_t mark_;
};

/// Writes `event` as `layout` (kDetect: as classic) with `data` as its data pointer. Both layouts find the same size
/// and pointer in a classic one.
void write_event(const vscp::Event& event, EventLayout layout, std::uint8_t* data, EventBytes& bytes) noexcept;

/// The event that is the same in both layouts, for the first write. Its memory is a mapping of its own.
class NeutralEvent {
 public:
  NeutralEvent() noexcept;
  ~NeutralEvent();
  NeutralEvent(const NeutralEvent&) = delete;
  NeutralEvent& operator=(const NeutralEvent&) = delete;

  /// Null if there is no memory for it.
  const void* memory() const noexcept { return event_; }
  /// Whether anything of it was read or written at all: a library that nobody listens to need not look.
  bool touched() const noexcept;
  /// Whether anything behind the first 56 bytes was.
  bool long_event_touched() const noexcept;

 private:
  bool is_resident(std::size_t page) const noexcept;

  void* mapping_ = nullptr;
  std::size_t page_size_ = 0;
  void* event_ = nullptr;
};

/// What the file's own names say; kDetect if nothing. `reason` says by what, for people.
EventLayout layout_of_file(const std::string& path, std::string& reason);

std::string_view layout_name(EventLayout layout) noexcept;

}  // namespace drivers::library
