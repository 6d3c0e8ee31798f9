#include "tools/vscpctl/driver_stage.h"

#include <dlfcn.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

#include "drivers/library/abi/level1_library.h"
#include "drivers/library/abi/level2_library.h"
#include "drivers/library/abi/library_text.h"
#include "drivers/library/abi/return_code.h"
#include "drivers/library/abi/shared_object.h"
#include "router/base/sanitizer.h"

namespace tools::ctl {
namespace {

using namespace drivers::library;
using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kReadMs = 50;  // what upstream's daemon passes, and libraries are used to
constexpr std::uint32_t kWriteMs = 300;
constexpr auto kLate = std::chrono::milliseconds(1000);
// Below that it may be a library's own queue, or what AddressSanitizer keeps of freed memory.
constexpr std::uint64_t kGrowthBytes = router::kAddressSanitizer ? 32U << 20U : 4U << 20U;
constexpr std::uint64_t kLeakBytes = 256U << 20U;  // nobody needs to see more of it
constexpr std::uint64_t kWritesAtOnce = 500;       // what is connected may be slow
constexpr long kWrongHandle = 0x7fff'1234;

std::unique_ptr<DriverLibrary> load(const DriverTestOptions& options, StageReport& report) {
  LibrarySettings settings = options.library;
  settings.trace = &report.trace;
  auto library = load_library(settings);
  if (library) return std::move(*library);
  report.fault(library.error());
  return nullptr;
}

std::unique_ptr<DriverLibrary> load_and_open(const DriverTestOptions& options, StageReport& report) {
  auto library = load(options, report);
  if (!library) return nullptr;
  if (const std::string fault = library->open(); !fault.empty()) {
    report.fault(fault);
    return nullptr;
  }
  return library;
}

void close(DriverLibrary& library, StageReport& report) {
  if (const std::string fault = library.close(); !fault.empty()) report.fault(fault);
}

std::uint64_t memory_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

/// By how much memory has grown since it was made. Looks a thousand times a second at most.
class Growth {
 public:
  explicit Growth(std::uint64_t events = 0) : begin_(memory_bytes()), events_(events) {}
  std::uint64_t bytes(Clock::time_point now) {
    if (now >= next_) {
      const std::uint64_t used = memory_bytes();
      bytes_ = used - std::min(begin_, used);
      next_ = now == Clock::time_point::max() ? now : now + std::chrono::milliseconds(1);
    }
    return bytes_;
  }
  /// That had been read then.
  std::uint64_t events() const { return events_; }

 private:
  std::uint64_t begin_;
  std::uint64_t events_;
  std::uint64_t bytes_ = 0;
  Clock::time_point next_{};
};

std::size_t entries(const char* folder) {
  std::error_code ignored;
  return static_cast<std::size_t>(std::ranges::distance(std::filesystem::directory_iterator(folder, ignored)));
}

std::string mebibytes(std::uint64_t bytes) {
  return std::to_string(bytes >> 20U) + " MiB";
}

vscp::Event heartbeat(std::uint16_t data_size) {
  vscp::Event event;
  event.head = 3U << 5U;
  event.vscp_class = 20;
  event.vscp_type = data_size == 3 ? 9 : 0;  // CLASS1.INFORMATION: node heartbeat, general event
  event.data_size = data_size;
  event.data.fill(0);
  return event;
}

void tell_figures(const DriverLibrary& library, StageReport& report) {
  const LibraryFigures figures = library.figures();
  const auto tell = [&](std::uint64_t count, bool fault, const std::string& what) {
    if (count == 0) return;
    const std::string text = std::to_string(count) + " " + what;
    fault ? report.fault(text) : report.note(text);
  };
  if (figures.read_failures + figures.write_failures != 0) {
    tell(figures.read_failures + figures.write_failures, true, "calls failed, the last: " + library.failure());
  }
  tell(figures.bad_size, true, "messages or events claim more data than there can be");
  tell(figures.bad_pointer, true, "events have a size and no data");
  tell(figures.bad_id, true, "messages have an identifier of more than 29 bits");
  tell(figures.overrun_writes, true, "times it wrote behind the end of the structure that it was to fill");
  tell(figures.layout_conflicts, true, "events are of the other layout: " + library.failure());
  tell(figures.early_returns, false, "times it was to wait and came back at once with nothing; it is polled instead");
  tell(figures.standard_frames, false, "11-bit frames, which are no VSCP, were left out");
  tell(figures.remote_frames, false, "remote frames were left out");
  tell(figures.status_frames, false, "status messages of the adapter were left out");
  tell(figures.fd_frames, false, "CAN FD frames were left out");
}

void load_stage(const DriverTestOptions& options, StageReport& report) {
  if (const std::string fault = check_file(options.library.path); !fault.empty()) return report.fault(fault);
  LibrarySettings settings = options.library;
  report.trace.reading.store(LibraryCall::kLoad);
  {
    const auto object = SharedObject::load(settings.path);
    if (!object) return report.fault(object.error());
    const bool level1 = object->find("CanalOpen") != nullptr;
    const bool level2 = object->find("VSCPOpen") != nullptr;
    report.level = options.level != 0 ? options.level : level2 && !level1 ? 2 : 1;
    if (level1 && level2 && options.level == 0) {
      report.note("has the functions of both levels and is taken as Level I; --level 2 takes the other");
    }
    if (!level1 && !level2) return report.fault("has neither CanalOpen nor VSCPOpen: it is no driver library");
    if (report.level == 1 && object->find("CanalBlockingReceive") == nullptr) {
      report.note("has no CanalBlockingReceive, which is optional: it is polled, which adds up to 5 ms");
    }
  }
  settings.kind = report.level == 2 ? LibraryKind::kLevel2 : LibraryKind::kLevel1;
  settings.trace = &report.trace;
  const auto library = load_library(settings);
  if (!library) return report.fault(library.error());
  // Functions are bound at their first call: what cannot be found would end the process then.
  if (void* const now = ::dlopen(settings.path.c_str(), RTLD_NOW | RTLD_LOCAL); now == nullptr) {
    report.fault("is linked incompletely, and ends its process when it comes to that: " +
                 library_text(::dlerror(), kLibraryTextMax));
  } else {
    ::dlclose(now);
  }
  const LibraryInfo info = (*library)->info();
  report.note("interface or driver version " + version_text(info.version) +
              (report.level == 1 ? ", library version " + version_text(info.library_version) : "") + ", vendor \"" +
              info.vendor + "\"");
  if (info.version == 0) report.note("its version function gives 0");
  if (report.level == 2) {
    report.note("layout of events: " + std::string(layout_name(info.layout)) + ", because " + info.layout_reason);
  }
}

void open_stage(const DriverTestOptions& options, StageReport& report) {
  const auto library = load(options, report);
  if (!library) return;
  const std::size_t files = entries("/proc/self/fd");
  const std::size_t threads = entries("/proc/self/task");
  constexpr int kRounds = 3;
  for (int round = 1; round <= kRounds; ++round) {
    if (const std::string fault = library->open(); !fault.empty()) {
      return report.fault(round == 1 ? fault : "opens once, but not again: " + fault);
    }
    report.opens = true;
    if (round == 1 && report.level == 1 && library->info().level != 1) {
      report.note("CanalGetLevel gives " + std::to_string(library->info().level) + ", 1 is usual");
    }
    close(*library, report);
  }
  // Threads that were only told to end get a moment for it.
  const auto until = Clock::now() + kLate;
  while (entries("/proc/self/task") > threads && Clock::now() < until) ::poll(nullptr, 0, 10);
  if (const std::size_t now = entries("/proc/self/fd"); now > files) {
    report.fault(std::to_string(now - files) + " open files are left when it has been closed three times");
  }
  if (const std::size_t now = entries("/proc/self/task"); now > threads) {
    report.fault(std::to_string(now - threads) + " threads still run when it has been closed three times");
  }
}

void missing_configuration_stage(const DriverTestOptions& options, StageReport& report) {
  DriverTestOptions wrong = options;
  wrong.library.configuration = options.library.kind == LibraryKind::kLevel2 ? "/nowhere/no-such-file.json" : "";
  const auto library = load(wrong, report);
  if (!library) return;
  const std::string fault = library->open();
  if (fault.empty()) report.note("opens with a configuration that is not there");
  library->close();
}

void read_stage(const DriverTestOptions& options, StageReport& report) {
  const auto library = load_and_open(options, report);
  if (!library) return;
  const auto begun = Clock::now();
  // From the half on, or sooner if it grows fast: what it has by then may be queues that have got the size that they
  // need.
  Growth growth;
  bool is_settled = false;
  std::uint64_t events = 0;
  Clock::duration longest{};
  vscp::Event event;
  for (auto now = begun; now - begun < options.reading;) {
    events += library->read(event, kReadMs) == Outcome::kDone ? 1U : 0U;
    const auto after = Clock::now();
    longest = std::max(longest, after - now);
    now = after;
    const bool is_much = growth.bytes(now) > kLeakBytes;
    if (is_settled && is_much) break;
    if (!is_settled && (is_much || now - begun > options.reading / 2)) {
      is_settled = true;
      growth = Growth(events);
    }
  }
  report.note(std::to_string(events) + " events in " + std::to_string(options.reading.count()) + " ms");
  if (longest > kLate) {
    report.fault("a read that may take " + std::to_string(kReadMs) + " ms took " +
                 std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(longest).count()));
  }
  if (const std::uint64_t grown = growth.bytes(Clock::time_point::max()); grown > kGrowthBytes) {
    report.fault("memory grew by " + mebibytes(grown) + " while " + std::to_string(events - growth.events()) +
                 " events were read");
  }
  tell_figures(*library, report);
  close(*library, report);
}

void write_stage(const DriverTestOptions& options, StageReport& report) {
  const auto library = load_and_open(options, report);
  if (!library) return;
  const bool level2 = options.library.kind == LibraryKind::kLevel2;
  std::uint64_t taken = 0, busy = 0;
  for (const unsigned size : {3U, 0U, 8U, 487U, 512U, 3U}) {
    if (size > 8 && !level2) continue;
    const Outcome outcome = library->write(heartbeat(static_cast<std::uint16_t>(size)), kWriteMs);
    taken += outcome == Outcome::kDone ? 1U : 0U;
    busy += outcome == Outcome::kBusy ? 1U : 0U;
    if (outcome == Outcome::kFailed) {
      report.fault("an event with " + std::to_string(size) + " data bytes: " + library->failure());
    }
  }
  report.note("took " + std::to_string(taken) + " events" +
              (busy == 0 ? std::string() : ", had no room for " + std::to_string(busy)));
  if (level2) {
    const LibraryInfo info = library->info();
    report.note("layout of events: " + std::string(layout_name(info.layout)) + ", because " + info.layout_reason);
  }
  close(*library, report);
}

void threads_stage(const DriverTestOptions& options, StageReport& report) {
  const auto library = load_and_open(options, report);
  if (!library) return;
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> taken{0};
  std::thread writer([&] {
    while (!stop.load() && taken.load() < kWritesAtOnce) {
      const Outcome outcome = library->write(heartbeat(3), kWriteMs);
      if (outcome == Outcome::kDone) ++taken;
      if (outcome == Outcome::kFailed) break;
    }
  });
  vscp::Event event;
  std::uint64_t events = 0;
  const auto until = Clock::now() + std::min<std::chrono::milliseconds>(options.reading, std::chrono::seconds(1));
  Growth growth;
  for (auto now = Clock::now(); now < until && growth.bytes(now) < kLeakBytes; now = Clock::now()) {
    events += library->read(event, kReadMs) == Outcome::kDone ? 1U : 0U;
  }
  stop = true;
  writer.join();
  report.note("took " + std::to_string(taken.load()) + " events on one thread while another read " +
              std::to_string(events));
  tell_figures(*library, report);
  close(*library, report);
}

void status_stage(const DriverTestOptions& options, StageReport& report) {
  DriverTestOptions with_filter = options;
  if (!with_filter.library.canal_filter) with_filter.library.canal_filter = 0;
  if (!with_filter.library.canal_mask) with_filter.library.canal_mask = 0;
  const auto library = load(with_filter, report);
  if (!library) return;
  if (const std::string fault = library->open(); !fault.empty()) return report.note(fault);
  library->ask_status();
  const LibraryFigures figures = library->figures();
  if (!figures.has_status) report.note("CanalGetStatus gives an error");
  if (!figures.has_statistics) report.note("CanalGetStatistics gives an error");
  if (figures.has_statistics) {
    report.note("statistics: " + std::to_string(figures.received_frames) + " frames received, " +
                std::to_string(figures.sent_frames) + " sent, " + std::to_string(figures.overruns) + " overruns");
  }
  close(*library, report);
}

/// Handles that the library did not give. Straight to its functions: DriverLibrary would never do that.
void wrong_handle_stage(const DriverTestOptions& options, StageReport& report) {
  auto object = SharedObject::load(options.library.path);
  if (!object) return report.fault(object.error());
  const auto call = [&](LibraryCall which, auto&& function) {
    report.trace.reading.store(which);
    const int code = function();
    report.trace.reading.store(LibraryCall::kNone);
    if (code == kCodeSuccess) report.note(std::string(call_name(which)) + " takes a handle that it did not give");
  };
  if (options.library.kind == LibraryKind::kLevel1) {
    CanalFunctions functions;
    functions.find(*object);
    CanalMsg message;
    message.flags = kCanalExtended;
    call(LibraryCall::kCanalSend, [&] { return functions.send(kWrongHandle, &message); });
    call(LibraryCall::kCanalReceive, [&] { return functions.receive(kWrongHandle, &message); });
    call(LibraryCall::kCanalClose, [&] { return functions.close(kWrongHandle); });
    return;
  }
  Level2Functions functions;
  functions.find(*object);
  EventBytes bytes;
  call(LibraryCall::kVscpWrite, [&] { return functions.write(kWrongHandle, bytes.event.data(), kReadMs); });
  call(LibraryCall::kVscpRead, [&] { return functions.read(kWrongHandle, bytes.event.data(), kReadMs); });
  call(LibraryCall::kVscpClose, [&] { return functions.close(kWrongHandle); });
}

void unload_stage(const DriverTestOptions& options, StageReport& report) {
  constexpr int kRounds = 20;
  std::uint64_t early = 0;
  const auto until = Clock::now() + options.reading;  // some take seconds to open
  for (int round = 0; round < kRounds && (round < 2 || Clock::now() < until); ++round) {
    const auto library = load_and_open(options, report);
    if (!library) return;
    close(*library, report);
    if (round <= 3) early = memory_bytes();
  }
  const std::uint64_t now = memory_bytes();
  if (now > early + kGrowthBytes) {
    report.fault("memory grew by " + mebibytes(now - early) +
                 " while it was loaded, opened, closed and unloaded up to " + std::to_string(kRounds) + " times");
  }
}

}  // namespace

void StageReport::add(char kind, std::string_view sentence) {
  const std::size_t at = size_.load(std::memory_order_relaxed);
  const std::size_t room = text_.size() - at;
  if (room < 3) return;
  const std::size_t count = std::min(sentence.size(), room - 2);
  text_[at] = kind;
  std::ranges::copy(sentence.substr(0, count), text_.data() + at + 1);
  text_[at + 1 + count] = '\n';
  size_.store(at + count + 2, std::memory_order_release);
}

const std::array<Stage, 9> kDriverStages = {{
    {"loading", load_stage, 0, false, false, false},
    {"opening and closing", open_stage, 0, false, false, false},
    {"a configuration that is not there", missing_configuration_stage, 0, false, false, false},
    {"reading", read_stage, 0, true, false, false},
    {"writing", write_stage, 0, true, true, false},
    {"reading and writing at once", threads_stage, 0, true, true, false},
    {"filter, mask, status, statistics", status_stage, 1, true, false, false},
    {"unloading and loading", unload_stage, 0, true, false, false},
    {"wrong handles", wrong_handle_stage, 0, true, false, true},
}};

}  // namespace tools::ctl
