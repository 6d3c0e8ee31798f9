// A Level II library. See driver_library.h for the contract and event_layout.h for the two layouts.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "drivers/library/abi/call_guard.h"
#include "drivers/library/abi/driver_library.h"
#include "drivers/library/abi/event_layout.h"
#include "drivers/library/abi/level2_interface.h"
#include "drivers/library/abi/poll_pause.h"
#include "drivers/library/abi/shared_object.h"
#include "drivers/library/abi/turn_lock.h"

namespace drivers::library {

/// The functions of the interface; the last two are optional.
struct Level2Functions {
  VscpOpenFunction* open = nullptr;
  VscpCloseFunction* close = nullptr;
  VscpWriteFunction* write = nullptr;
  VscpReadFunction* read = nullptr;
  VscpGetVersionFunction* get_version = nullptr;
  VscpGetVendorStringFunction* get_vendor_string = nullptr;
  VscpEventSizeFunction* event_size = nullptr;

  /// The names of required functions that `object` lacks, with ", " between them; empty: all are there.
  std::string find(const SharedObject& object);
};

class Level2Library final : public DriverLibrary {
 public:
  Level2Library(SharedObject object, const Level2Functions& functions, const LibrarySettings& settings);
  ~Level2Library() override;

  std::string open() override;
  std::string close() override;
  Outcome read(vscp::Event& event, std::uint32_t timeout_ms) override;
  Outcome write(const vscp::Event& event, std::uint32_t timeout_ms) override;
  std::string failure() const override;
  LibraryInfo info() const override;
  LibraryFigures figures() const override;

 private:
  /// By what the layout in use was chosen, weakest first: a stronger reason replaces a weaker one.
  enum class Reason : std::uint8_t { kNone, kFirstWrite, kFile, kEvent, kLibrary, kSettings };

  void choose_layout();
  void choose(EventLayout layout, Reason reason) noexcept;
  Reason reason() const noexcept { return static_cast<Reason>(chosen_.load(std::memory_order_acquire) >> 8U); }
  EventLayout layout() const noexcept {
    return static_cast<EventLayout>(chosen_.load(std::memory_order_acquire) & 0xffU);
  }
  Outcome take(vscp::Event& event) noexcept;
  int write_neutral(std::uint32_t timeout_ms);
  int call_write(const void* event, std::uint32_t timeout_ms);

  SharedObject object_;
  const Level2Functions functions_;
  const LibrarySettings settings_;
  std::string given_configuration_;  ///< the library's to keep, and some cut it up in place
  LibraryInfo info_;
  std::string file_reason_;
  CallGuard guard_;
  TurnLock turn_;
  PollPause pause_;
  long handle_ = 0;
  std::atomic<std::uint16_t> chosen_{0};  ///< Reason << 8 | EventLayout; both threads learn
  Level2Record record_;                   ///< reading thread
  LibraryFigures read_figures_;           ///< reading thread
  EventBytes out_;                        ///< writing thread
  /// Writing thread. Any size that a library of the other layout may read from an event is readable memory.
  std::array<std::uint8_t, 0x10000> out_data_{};
  std::atomic<bool> wrong_layout_{false};
  std::atomic<std::uint64_t> written_{0};
  std::atomic<std::uint64_t> write_failures_{0};
  std::atomic<std::uint64_t> write_busy_{0};
};

}  // namespace drivers::library
