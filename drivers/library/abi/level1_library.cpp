#include "drivers/library/abi/level1_library.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "drivers/library/abi/library_text.h"
#include "drivers/library/abi/return_code.h"
#include "protocol/level_translation.h"

namespace drivers::library {
namespace {

constexpr std::uint64_t kMillisecondNs = 1'000'000;
// Where calls go one at a time, a reader that waits keeps a writer waiting.
constexpr std::uint32_t kSliceMs = 5;

/// A message with room behind it: a library that writes a larger structure does not hit anything of ours.
struct GuardedMessage {
  static constexpr std::uint64_t kMark = 0x5ac3'96e1'7b2d'8f41;
  CanalMsg message;
  std::uint64_t behind[8] = {kMark};
};

}  // namespace

std::string CanalFunctions::find(const SharedObject& object) {
  std::string missing;
  object.need(open, "CanalOpen", missing);
  object.need(close, "CanalClose", missing);
  object.need(get_level, "CanalGetLevel", missing);
  object.need(send, "CanalSend", missing);
  object.need(data_available, "CanalDataAvailable", missing);
  object.need(receive, "CanalReceive", missing);
  object.need(get_status, "CanalGetStatus", missing);
  object.need(get_statistics, "CanalGetStatistics", missing);
  object.need(set_filter, "CanalSetFilter", missing);
  object.need(set_mask, "CanalSetMask", missing);
  object.need(get_version, "CanalGetVersion", missing);
  object.need(get_dll_version, "CanalGetDllVersion", missing);
  object.need(get_vendor_string, "CanalGetVendorString", missing);
  blocking_send = object.function<CanalBlockingSendFunction>("CanalBlockingSend");
  blocking_receive = object.function<CanalBlockingReceiveFunction>("CanalBlockingReceive");
  set_baudrate = object.function<CanalSetBaudrateFunction>("CanalSetBaudrate");
  get_driver_info = object.function<CanalGetDriverInfoFunction>("CanalGetDriverInfo");
  return missing;
}

Level1Library::Level1Library(SharedObject object, const CanalFunctions& functions, const LibrarySettings& settings)
    : object_(std::move(object)),
      functions_(functions),
      settings_(settings),
      guard_(settings.trace),
      turn_(settings.one_call_at_a_time),
      waits_itself_(functions.blocking_receive != nullptr),
      sends_waiting_(functions.blocking_send != nullptr) {
  info_.blocking_read = functions.blocking_receive != nullptr;
  info_.blocking_write = sends_waiting_;
  const auto number = [this](LibraryCall call, auto* function) {
    return guard_.call(Side::kReading, call, 0U, [&] { return static_cast<std::uint32_t>(function()); });
  };
  const auto text = [this](LibraryCall call, auto* function) {
    return guard_.call(Side::kReading, call, std::string(), [&] { return library_text(function(), kLibraryTextMax); });
  };
  info_.version = number(LibraryCall::kCanalGetVersion, functions_.get_version);
  info_.library_version = number(LibraryCall::kCanalGetDllVersion, functions_.get_dll_version);
  info_.vendor = text(LibraryCall::kCanalGetVendorString, functions_.get_vendor_string);
  if (functions_.get_driver_info != nullptr) {
    info_.driver_info = text(LibraryCall::kCanalGetDriverInfo, functions_.get_driver_info);
  }
}

Level1Library::~Level1Library() {
  close();
}

std::string Level1Library::open() {
  if (handle_ > 0) return {};
  given_configuration_ = settings_.configuration;
  const long handle = guard_.call<long>(Side::kReading, LibraryCall::kCanalOpen, 0, [&] {
    return functions_.open(given_configuration_.c_str(), settings_.flags);
  });
  if (handle <= 0) {
    const std::string thrown = guard_.exception_text();
    return "CanalOpen refused \"" + settings_.configuration + "\" with flags " + std::to_string(settings_.flags) +
           (thrown.empty() ? ": it returned " + std::to_string(handle) + ", a handle is larger than 0"
                           : ": it threw an exception: " + library_text(thrown.c_str(), kLibraryTextMax));
  }
  handle_ = handle;
  info_.level =
      guard_.call(Side::kReading, LibraryCall::kCanalGetLevel, 0U, [&] { return functions_.get_level(handle_); });
  pause_.reset();
  std::string fault = set_filters();
  if (!fault.empty()) close();
  return fault;
}

std::string Level1Library::set_filters() {
  const auto set = [this](const auto& value, auto* function, LibraryCall call) -> std::string {
    if (!value) return {};
    const int code = guard_.call(Side::kReading, call, CallGuard::kThrew, [&] { return function(handle_, *value); });
    if (code == kCodeSuccess) return {};
    guard_.failed(Side::kReading, code);
    return guard_.failure();
  };
  std::string fault = set(settings_.canal_filter, functions_.set_filter, LibraryCall::kCanalSetFilter);
  if (fault.empty()) fault = set(settings_.canal_mask, functions_.set_mask, LibraryCall::kCanalSetMask);
  return fault;
}

std::string Level1Library::close() {
  if (handle_ <= 0) return {};
  const long handle = std::exchange(handle_, 0);
  const int code = guard_.call(Side::kReading, LibraryCall::kCanalClose, CallGuard::kThrew,
                               [&] { return functions_.close(handle); });
  if (code == kCodeSuccess) return {};
  guard_.failed(Side::kReading, code);
  return guard_.failure();
}

int Level1Library::receive(CanalMsg& message, std::uint32_t timeout_ms) {
  constexpr int kEmpty = 19;  // CANAL_ERROR_RCV_EMPTY
  if (waits_itself_.load(std::memory_order_relaxed)) {
    const std::uint32_t limit = turn_.needed() ? std::min(timeout_ms, kSliceMs) : timeout_ms;
    const int code = guard_.call(Side::kReading, LibraryCall::kCanalBlockingReceive, CallGuard::kThrew,
                                 [&] { return functions_.blocking_receive(handle_, &message, std::max(limit, 1U)); });
    if (!is_not_supported(code)) return code;
    waits_itself_.store(false, std::memory_order_relaxed);  // the function is there only to be there
  }
  // A count of messages; upstream takes everything but 0 for some.
  const int available = guard_.call(Side::kReading, LibraryCall::kCanalDataAvailable, CallGuard::kThrew,
                                    [&] { return functions_.data_available(handle_); });
  if (available == CallGuard::kThrew) return available;
  if (available == 0) return kEmpty;
  return guard_.call(Side::kReading, LibraryCall::kCanalReceive, CallGuard::kThrew,
                     [&] { return functions_.receive(handle_, &message); });
}

Outcome Level1Library::read(vscp::Event& event, std::uint32_t timeout_ms) {
  if (handle_ <= 0) return Outcome::kFailed;
  const std::uint64_t begun = PollPause::now_ns();
  const std::uint64_t latest = begun + timeout_ms * kMillisecondNs;
  std::uint64_t now = begun;
  for (;;) {
    GuardedMessage guarded;
    const auto left_ms = static_cast<std::uint32_t>((latest - now + kMillisecondNs - 1) / kMillisecondNs);
    const int code = turn_.read([&] { return receive(guarded.message, left_ms); });
    if (guarded.behind[0] != GuardedMessage::kMark) ++read_figures_.overrun_writes;
    if (code == kCodeSuccess) {
      pause_.reset();
      if (take(guarded.message, event)) return Outcome::kDone;
      now = PollPause::now_ns();
    } else {
      const std::uint64_t asked = now;
      now = PollPause::now_ns();
      const bool failed = !is_nothing_there(code);
      // One that says it waits but comes back at once would otherwise keep a processor busy. A failure as well.
      const bool waits = waits_itself_.load(std::memory_order_relaxed);
      const bool early = waits && now - asked < kMillisecondNs;
      if (early && !failed) ++read_figures_.early_returns;
      if (failed || early || !waits) {
        pause_.wait(latest);
        now = PollPause::now_ns();
      }
      if (failed) {
        ++read_figures_.read_failures;
        guard_.failed(Side::kReading, code);
        return Outcome::kFailed;
      }
    }
    if (now >= latest) return Outcome::kNothing;
  }
}

bool Level1Library::take(const CanalMsg& message, vscp::Event& event) noexcept {
  LibraryFigures& count = read_figures_;
  switch (message_to_event(message, settings_.guid, event)) {
    case FrameKind::kEvent:
      break;
    case FrameKind::kRemote:
      ++count.remote_frames;
      return false;
    case FrameKind::kStandard:
      ++count.standard_frames;
      return false;
    case FrameKind::kStatus:
      ++count.status_frames;
      return false;
    case FrameKind::kFd:
      ++count.fd_frames;
      return false;
    case FrameKind::kBadSize:
      ++count.bad_size;
      return false;
    case FrameKind::kBadId:
      ++count.bad_id;
      return false;
  }
  ++count.read_events;
  const std::uint8_t wanted = settings_.translation;
  bool translated = (wanted & kTranslateToDouble) != 0 && vscp::measurement_to_double(event);
  if (!translated && (wanted & kTranslateToText) != 0) translated = vscp::measurement_to_text(event);
  if ((wanted & kTranslateToLevel2) != 0) translated |= vscp::level1_over_level2(event, settings_.guid);
  count.translated += translated ? 1U : 0U;
  return true;
}

int Level1Library::send(CanalMsg& message, std::uint32_t timeout_ms) {
  if (sends_waiting_) {
    const std::uint32_t limit = turn_.needed() ? std::min(timeout_ms, kSliceMs) : timeout_ms;
    const int code = guard_.call(Side::kWriting, LibraryCall::kCanalBlockingSend, CallGuard::kThrew,
                                 [&] { return functions_.blocking_send(handle_, &message, std::max(limit, 1U)); });
    if (!is_not_supported(code)) return code;
    sends_waiting_ = false;
  }
  return guard_.call(Side::kWriting, LibraryCall::kCanalSend, CallGuard::kThrew,
                     [&] { return functions_.send(handle_, &message); });
}

Outcome Level1Library::write(const vscp::Event& event, std::uint32_t timeout_ms) {
  if (handle_ <= 0) return Outcome::kFailed;
  auto message = event_to_message(event);
  if (!message) {
    not_deliverable_.fetch_add(1, std::memory_order_relaxed);
    return Outcome::kNothing;
  }
  const int code = turn_.write([&] { return send(*message, timeout_ms); });
  if (code == kCodeSuccess) {
    written_.fetch_add(1, std::memory_order_relaxed);
    if (!waits_itself_.load(std::memory_order_relaxed)) pause_.wake();
    return Outcome::kDone;
  }
  if (is_no_room(code)) {
    write_busy_.fetch_add(1, std::memory_order_relaxed);
    return Outcome::kBusy;
  }
  write_failures_.fetch_add(1, std::memory_order_relaxed);
  guard_.failed(Side::kWriting, code);
  return Outcome::kFailed;
}

std::string Level1Library::failure() const {
  std::string text = guard_.failure();
  return text.empty() ? "the library is not open" : text;
}

LibraryInfo Level1Library::info() const {
  return info_;
}

void Level1Library::ask_status() {
  if (handle_ <= 0) return;
  struct {
    CanalStatus value;
    std::uint64_t behind[8] = {};
  } status;
  struct {
    CanalStatistics value;
    std::uint64_t behind[8] = {};
  } statistics;
  LibraryFigures& to = read_figures_;
  to.has_status = turn_.read([&] {
    return guard_.call(Side::kReading, LibraryCall::kCanalGetStatus, CallGuard::kThrew,
                       [&] { return functions_.get_status(handle_, &status.value); });
  }) == kCodeSuccess;
  if (to.has_status) {
    to.channel_status = status.value.channel_status;
    to.last_error = status.value.last_error;
    to.last_suberror = status.value.last_suberror;
    const std::string text = library_text(status.value.last_error_text, sizeof status.value.last_error_text - 1);
    to.last_error_text.fill(0);
    std::ranges::copy(text, to.last_error_text.begin());
  }
  to.has_statistics = turn_.read([&] {
    return guard_.call(Side::kReading, LibraryCall::kCanalGetStatistics, CallGuard::kThrew,
                       [&] { return functions_.get_statistics(handle_, &statistics.value); });
  }) == kCodeSuccess;
  if (!to.has_statistics) return;
  to.received_frames = statistics.value.received_frames;
  to.sent_frames = statistics.value.sent_frames;
  to.received_bytes = statistics.value.received_bytes;
  to.sent_bytes = statistics.value.sent_bytes;
  to.overruns = statistics.value.overruns;
  to.bus_warnings = statistics.value.bus_warnings;
  to.bus_off = statistics.value.bus_off;
}

LibraryFigures Level1Library::figures() const {
  LibraryFigures result = read_figures_;
  result.written_events = written_.load(std::memory_order_relaxed);
  result.write_failures = write_failures_.load(std::memory_order_relaxed);
  result.write_busy = write_busy_.load(std::memory_order_relaxed);
  result.not_deliverable = not_deliverable_.load(std::memory_order_relaxed);
  result.exceptions = guard_.exceptions();
  return result;
}

}  // namespace drivers::library
