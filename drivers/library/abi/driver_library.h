// A driver library (a shared object with the Level I or the Level II interface) behind one C++ face.
//
// What is on the other side is a C interface without any promise: everything that a library returns (sizes, pointers,
// texts, codes) is bounded or counted. What crashes, hangs or exits takes its process with it: this runs in
// vscp-driver-host, one process per library.
//
// Thread rule, the one that libraries were written for: everything on one thread, the reading one, but for write(): on
// one other, between open() and close(), while the first may be in read(). failure() on both.
// Ownership: the library's memory for event data is freed here; events given to write() are copied by the library.
// Spec: vscp_driver_interfaces.md; canal.h and vscp.h of the VSCP project (names, values, layouts).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/event.h"

namespace drivers::library {

enum class LibraryKind : std::uint8_t { kLevel1, kLevel2 };

/// How a Level II library lays out vscpEvent: 56 bytes (14.x to 15.0.x) or 64 bytes (2026). Nothing in the interface
/// tells; see event_layout.h for what kDetect goes by.
enum class EventLayout : std::uint8_t { kDetect, kClassic, k2026 };

/// What a Level II library takes as second parameter of VSCPOpen: 16 bytes, or "FF:FF:..." as text.
enum class GuidForm : std::uint8_t { kRaw, kText };

/// Bits of LibrarySettings::translation, as upstream's vscpd.json has them.
inline constexpr std::uint8_t kTranslateToDouble = 1;  ///< Level I measurements become class 1060
inline constexpr std::uint8_t kTranslateToText = 2;    ///< Level I measurements become class 1040
inline constexpr std::uint8_t kTranslateToLevel2 = 4;  ///< class + 512, 16 GUID bytes in front of the data

/// Which function a library is in.
enum class LibraryCall : std::uint8_t {
  kNone,
  kLoad,  ///< dlopen: its initialisers, and those of the libraries that it needs
  kCanalOpen,
  kCanalClose,
  kCanalGetLevel,
  kCanalSend,
  kCanalBlockingSend,
  kCanalDataAvailable,
  kCanalReceive,
  kCanalBlockingReceive,
  kCanalGetStatus,
  kCanalGetStatistics,
  kCanalSetFilter,
  kCanalSetMask,
  kCanalGetVersion,
  kCanalGetDllVersion,
  kCanalGetVendorString,
  kCanalGetDriverInfo,
  kVscpOpen,
  kVscpClose,
  kVscpWrite,
  kVscpRead,
  kVscpGetVersion,
  kVscpGetVendorString,
  kVscpEventSize,
};
/// "CanalOpen", "VSCPRead", "loading"; "none" for what is no value of the enumeration.
std::string_view call_name(LibraryCall call) noexcept;

/// Where the two threads are now, for whoever finds the process dead or silent. It may live in shared memory. A side
/// whose call is not kNone and whose count of calls stands still is in that call all the time.
struct CallTrace {
  std::atomic<LibraryCall> reading{LibraryCall::kNone};
  std::atomic<LibraryCall> writing{LibraryCall::kNone};
  std::atomic<std::uint32_t> reading_calls{0};
  std::atomic<std::uint32_t> writing_calls{0};
};
static_assert(std::atomic<LibraryCall>::is_always_lock_free);

struct LibrarySettings {
  LibraryKind kind = LibraryKind::kLevel1;
  std::string path;           ///< the shared object; with a '/', or the dynamic linker searches its own places
  std::string configuration;  ///< Level I: its configuration string; Level II: path of its configuration file
  std::uint32_t flags = 0;    ///< Level I: second parameter of CanalOpen
  vscp::Guid guid;            ///< of the interface: Level I puts the nickname in byte 15
  EventLayout layout = EventLayout::kDetect;       ///< Level II
  GuidForm guid_form = GuidForm::kRaw;             ///< Level II
  std::uint8_t translation = 0;                    ///< Level I, kTranslate bits
  std::optional<std::uint32_t> canal_filter = {};  ///< Level I: CanalSetFilter after each open
  std::optional<std::uint32_t> canal_mask = {};    ///< Level I: CanalSetMask after each open
  bool library_keeps_data = false;  ///< Level II: event data belong to the library and are not freed here
  CallTrace* trace = nullptr;       ///< outlives the library; null: nobody looks
  bool one_call_at_a_time = false;  ///< for a library that is not safe with two threads
};

enum class Outcome : std::uint8_t {
  kDone,     ///< read: an event is there; write: the library has taken it
  kNothing,  ///< read: none came in time; write: no event that this library can carry, counted
  kBusy,     ///< write: the library has no room now, try again
  kFailed,   ///< the library answered with an error: failure() says which
};

/// Most characters of a text that a library gives, once bounded and freed of control characters.
inline constexpr std::size_t kLibraryTextMax = 512;

/// What a library says about itself. Versions are packed as the library gives them (usually major << 24 | ...).
struct LibraryInfo {
  std::uint32_t version = 0;                  ///< CanalGetVersion or VSCPGetVersion
  std::uint32_t library_version = 0;          ///< Level I: CanalGetDllVersion
  std::uint32_t level = 0;                    ///< Level I: CanalGetLevel after open(); Level II: 2
  bool blocking_read = false;                 ///< it waits by itself (CanalBlockingReceive; Level II always)
  bool blocking_write = false;                ///< likewise CanalBlockingSend
  EventLayout layout = EventLayout::kDetect;  ///< Level II: in use now; kDetect while nothing has told
  std::string layout_reason;                  ///< Level II: why, for people
  std::string vendor;
  std::string driver_info;  ///< Level I: CanalGetDriverInfo, the beginning of it
};

/// Counters since load, trivially copyable so that they may live in shared memory.
struct LibraryFigures {
  std::uint64_t read_events = 0;       ///< events given by read()
  std::uint64_t written_events = 0;    ///< events that the library took
  std::uint64_t read_failures = 0;     ///< error codes from reading
  std::uint64_t write_failures = 0;    ///< error codes from writing
  std::uint64_t write_busy = 0;        ///< times the library had no room
  std::uint64_t not_deliverable = 0;   ///< Level I: events that no CAN frame can carry
  std::uint64_t bad_size = 0;          ///< from the library: more data than an event or frame has
  std::uint64_t bad_pointer = 0;       ///< Level II: a size without data
  std::uint64_t bad_id = 0;            ///< Level I: identifier of more than 29 bits
  std::uint64_t standard_frames = 0;   ///< Level I: 11-bit frames, not VSCP, left out
  std::uint64_t remote_frames = 0;     ///< Level I: RTR frames, left out
  std::uint64_t status_frames = 0;     ///< Level I: status or error frames of the adapter, left out
  std::uint64_t fd_frames = 0;         ///< Level I: marked as CAN FD, left out
  std::uint64_t overrun_writes = 0;    ///< Level II: wrote behind the end of the event that it was to fill
  std::uint64_t layout_conflicts = 0;  ///< Level II: events that look like the other layout
  std::uint64_t early_returns = 0;     ///< reads that were to wait and came back at once with nothing
  std::uint64_t exceptions = 0;        ///< C++ exceptions that came out of the library
  std::uint64_t translated = 0;        ///< Level I: measurements that translation changed
  // What a Level I library reports, as of the last ask_status(): CanalGetStatus, CanalGetStatistics.
  bool has_status = false;
  bool has_statistics = false;
  std::uint64_t channel_status = 0;
  std::uint64_t last_error = 0;
  std::uint64_t last_suberror = 0;
  std::uint64_t received_frames = 0;
  std::uint64_t sent_frames = 0;
  std::uint64_t received_bytes = 0;
  std::uint64_t sent_bytes = 0;
  std::uint64_t overruns = 0;
  std::uint64_t bus_warnings = 0;
  std::uint64_t bus_off = 0;
  std::array<char, 80> last_error_text{};  ///< ends with NUL
};

class DriverLibrary {
 public:
  DriverLibrary() = default;
  DriverLibrary(const DriverLibrary&) = delete;
  DriverLibrary& operator=(const DriverLibrary&) = delete;
  /// Closes, and unloads.
  virtual ~DriverLibrary() = default;

  /// Empty, or one sentence for the operator. May be called again after close() or a failure.
  virtual std::string open() = 0;
  /// Empty, or one sentence for the operator: the library has been asked to close in any case.
  virtual std::string close() = 0;
  /// Waits for an event up to `timeout_ms` (1 at least), whether the library waits by itself or not. kNothing may
  /// come earlier. event.obid is 0; event.time_ns is 0 if the library gives no time.
  virtual Outcome read(vscp::Event& event, std::uint32_t timeout_ms) = 0;
  /// Waits for room up to `timeout_ms` (1 at least) where the library can wait.
  virtual Outcome write(const vscp::Event& event, std::uint32_t timeout_ms) = 0;
  /// What the last kFailed of read() or write() was, one sentence. Costs nothing while all is well.
  virtual std::string failure() const = 0;
  virtual LibraryInfo info() const = 0;
  /// Asks an open Level I library for its status and statistics, which figures() then has. Upstream's daemon never
  /// calls these functions, so that a library's may be worse than the rest of it.
  virtual void ask_status() {}
  virtual LibraryFigures figures() const = 0;
};

/// Loads the shared object and finds the functions; opens nothing. The error is one sentence for the operator: no such
/// file, no ELF file, built for another machine, a library that it needs is not there, which functions are missing,
/// Level I given as Level II or the other way round. The initialisers of the library run here.
std::expected<std::unique_ptr<DriverLibrary>, std::string> load_library(const LibrarySettings& settings);

}  // namespace drivers::library
