// A Level I (CANAL) library. See driver_library.h for the contract.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "drivers/library/abi/call_guard.h"
#include "drivers/library/abi/canal_interface.h"
#include "drivers/library/abi/driver_library.h"
#include "drivers/library/abi/level1_frame.h"
#include "drivers/library/abi/poll_pause.h"
#include "drivers/library/abi/shared_object.h"
#include "drivers/library/abi/turn_lock.h"

namespace drivers::library {

/// The functions of the interface. Those behind `get_vendor_string` are optional; they are null where there are none.
struct CanalFunctions {
  CanalOpenFunction* open = nullptr;
  CanalCloseFunction* close = nullptr;
  CanalGetLevelFunction* get_level = nullptr;
  CanalSendFunction* send = nullptr;
  CanalDataAvailableFunction* data_available = nullptr;
  CanalReceiveFunction* receive = nullptr;
  CanalGetStatusFunction* get_status = nullptr;
  CanalGetStatisticsFunction* get_statistics = nullptr;
  CanalSetFilterFunction* set_filter = nullptr;
  CanalSetMaskFunction* set_mask = nullptr;
  CanalGetVersionFunction* get_version = nullptr;
  CanalGetDllVersionFunction* get_dll_version = nullptr;
  CanalGetVendorStringFunction* get_vendor_string = nullptr;
  CanalBlockingSendFunction* blocking_send = nullptr;
  CanalBlockingReceiveFunction* blocking_receive = nullptr;
  CanalSetBaudrateFunction* set_baudrate = nullptr;  ///< never called: what it takes is the driver's configuration
  CanalGetDriverInfoFunction* get_driver_info = nullptr;

  /// The names of required functions that `object` lacks, with ", " between them; empty: all are there.
  std::string find(const SharedObject& object);
};

class Level1Library final : public DriverLibrary {
 public:
  Level1Library(SharedObject object, const CanalFunctions& functions, const LibrarySettings& settings);
  ~Level1Library() override;

  std::string open() override;
  std::string close() override;
  Outcome read(vscp::Event& event, std::uint32_t timeout_ms) override;
  Outcome write(const vscp::Event& event, std::uint32_t timeout_ms) override;
  std::string failure() const override;
  LibraryInfo info() const override;
  void ask_status() override;
  LibraryFigures figures() const override;

 private:
  int receive(CanalMsg& message, std::uint32_t timeout_ms);
  int send(CanalMsg& message, std::uint32_t timeout_ms);
  /// True if the message became an event.
  bool take(const CanalMsg& message, vscp::Event& event) noexcept;
  std::string set_filters();

  SharedObject object_;
  const CanalFunctions functions_;
  const LibrarySettings settings_;
  std::string given_configuration_;  ///< the library's to keep, and some cut it up in place
  LibraryInfo info_;
  CallGuard guard_;
  TurnLock turn_;
  PollPause pause_;
  long handle_ = 0;
  std::atomic<bool> waits_itself_{false};  ///< set by the reading thread
  bool sends_waiting_ = false;             ///< writing thread
  LibraryFigures read_figures_;            ///< reading thread
  std::atomic<std::uint64_t> written_{0};
  std::atomic<std::uint64_t> write_failures_{0};
  std::atomic<std::uint64_t> write_busy_{0};
  std::atomic<std::uint64_t> not_deliverable_{0};
};

}  // namespace drivers::library
