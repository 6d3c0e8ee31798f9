#include "drivers/library/abi/level2_library.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <utility>

#include "drivers/library/abi/library_text.h"
#include "drivers/library/abi/return_code.h"

namespace drivers::library {
namespace {

constexpr std::uint64_t kMillisecondNs = 1'000'000;
constexpr std::uint32_t kSliceMs = 5;

}  // namespace

std::string Level2Functions::find(const SharedObject& object) {
  std::string missing;
  object.need(open, "VSCPOpen", missing);
  object.need(close, "VSCPClose", missing);
  object.need(write, "VSCPWrite", missing);
  object.need(read, "VSCPRead", missing);
  object.need(get_version, "VSCPGetVersion", missing);
  get_vendor_string = object.function<VscpGetVendorStringFunction>("VSCPGetVendorString");
  event_size = object.function<VscpEventSizeFunction>("VSCPEventSize");
  return missing;
}

Level2Library::Level2Library(SharedObject object, const Level2Functions& functions, const LibrarySettings& settings)
    : object_(std::move(object)),
      functions_(functions),
      settings_(settings),
      guard_(settings.trace),
      turn_(settings.one_call_at_a_time),
      // No byte of the mark is 0, which is what an unused field would be filled with.
      record_(0x5ac3'96e1'7b2d'8f41) {
  info_.level = 2;
  info_.blocking_read = info_.blocking_write = true;
  info_.version =
      guard_.call(Side::kReading, LibraryCall::kVscpGetVersion, 0U, [&] { return functions_.get_version(); });
  if (functions_.get_vendor_string != nullptr) {
    info_.vendor = guard_.call(Side::kReading, LibraryCall::kVscpGetVendorString, std::string(),
                               [&] { return library_text(functions_.get_vendor_string(), kLibraryTextMax); });
  }
  choose_layout();
}

Level2Library::~Level2Library() {
  close();
}

void Level2Library::choose_layout() {
  if (settings_.layout != EventLayout::kDetect) return choose(settings_.layout, Reason::kSettings);
  if (functions_.event_size != nullptr) {
    const auto size =
        guard_.call(Side::kReading, LibraryCall::kVscpEventSize, 0UL, [&] { return functions_.event_size(); });
    if (size == sizeof(Event2026)) return choose(EventLayout::k2026, Reason::kLibrary);
    if (size == sizeof(ClassicEvent)) return choose(EventLayout::kClassic, Reason::kLibrary);
  }
  const EventLayout of_file = layout_of_file(settings_.path, file_reason_);
  if (of_file != EventLayout::kDetect) choose(of_file, Reason::kFile);
}

void Level2Library::choose(EventLayout layout, Reason reason) noexcept {
  std::uint16_t before = chosen_.load(std::memory_order_acquire);
  const auto wanted = static_cast<std::uint16_t>(static_cast<unsigned>(reason) << 8U | static_cast<unsigned>(layout));
  while (static_cast<unsigned>(reason) > before >> 8U &&
         !chosen_.compare_exchange_weak(before, wanted, std::memory_order_acq_rel)) {
  }
}

std::string Level2Library::open() {
  if (handle_ != 0) return {};
  // 16 bytes, or text with its NUL; what reads the one as the other finds an end.
  std::array<char, 64> guid{};
  if (settings_.guid_form == GuidForm::kRaw) {
    std::memcpy(guid.data(), settings_.guid.bytes.data(), settings_.guid.bytes.size());
  } else {
    vscp::format_guid(settings_.guid, guid.data());
  }
  given_configuration_ = settings_.configuration;
  handle_ = guard_.call<long>(Side::kReading, LibraryCall::kVscpOpen, 0,
                              [&] { return functions_.open(given_configuration_.c_str(), guid.data()); });
  pause_.reset();
  if (handle_ != 0) return {};
  const std::string thrown = guard_.exception_text();
  return "VSCPOpen refused the configuration file \"" + settings_.configuration + "\"" +
         (thrown.empty() ? ": it returned 0 (is the path right, and may this process read it?)"
                         : ": it threw an exception: " + library_text(thrown.c_str(), kLibraryTextMax));
}

std::string Level2Library::close() {
  if (handle_ == 0) return {};
  const long handle = std::exchange(handle_, 0);
  const int code =
      guard_.call(Side::kReading, LibraryCall::kVscpClose, CallGuard::kThrew, [&] { return functions_.close(handle); });
  if (code == kCodeSuccess) return {};
  guard_.failed(Side::kReading, code);
  return guard_.failure();
}

Outcome Level2Library::read(vscp::Event& event, std::uint32_t timeout_ms) {
  if (handle_ == 0) return Outcome::kFailed;
  const std::uint64_t begun = PollPause::now_ns();
  const std::uint64_t latest = begun + timeout_ms * kMillisecondNs;
  for (std::uint64_t now = begun;;) {
    record_.prepare();
    auto left_ms = static_cast<std::uint32_t>((latest - now + kMillisecondNs - 1) / kMillisecondNs);
    if (turn_.needed()) left_ms = std::min(left_ms, kSliceMs);
    const int code = turn_.read([&] {
      return guard_.call(Side::kReading, LibraryCall::kVscpRead, CallGuard::kThrew,
                         [&] { return functions_.read(handle_, record_.memory(), std::max(left_ms, 1U)); });
    });
    if (code == kCodeSuccess) {
      pause_.reset();
      return take(event);
    }
    const std::uint64_t asked = now;
    now = PollPause::now_ns();
    const bool failed = !is_nothing_there(code);
    const bool early = now - asked < kMillisecondNs;
    if (early && !failed) ++read_figures_.early_returns;
    if (failed || early) {
      pause_.wait(latest);
      now = PollPause::now_ns();
    }
    if (failed) {
      ++read_figures_.read_failures;
      guard_.failed(Side::kReading, code);
      return Outcome::kFailed;
    }
    if (now >= latest) return Outcome::kNothing;
  }
}

Outcome Level2Library::take(vscp::Event& event) noexcept {
  LibraryFigures& count = read_figures_;
  if (record_.overrun()) ++count.overrun_writes;
  // Freed as it was made: new[] in the library. Every allocator in use here takes malloc's memory as well.
  std::unique_ptr<std::uint8_t[]> owner(record_.data());
  std::uint8_t* const data = settings_.library_keeps_data ? owner.release() : owner.get();
  const LayoutSign sign = record_.sign();
  if (sign != LayoutSign::kNone) {
    choose(sign == LayoutSign::k2026 ? EventLayout::k2026 : EventLayout::kClassic, Reason::kEvent);
    if ((sign == LayoutSign::k2026) != (layout() == EventLayout::k2026)) {
      ++count.layout_conflicts;
      wrong_layout_.store(true, std::memory_order_relaxed);
      guard_.failed(Side::kReading, kCodeSuccess);
      return Outcome::kFailed;
    }
  }
  const EventLayout layout = this->layout();
  const std::uint16_t size = record_.data_size(layout);
  if (size > vscp::kEventDataMax) {
    ++count.bad_size;
    return Outcome::kNothing;
  }
  if (size != 0 && data == nullptr) {
    ++count.bad_pointer;
    return Outcome::kNothing;
  }
  record_.read_fields(layout, event);
  event.data_size = size;
  if (size != 0) std::memcpy(event.data.data(), data, size);
  ++count.read_events;
  return Outcome::kDone;
}

int Level2Library::call_write(const void* event, std::uint32_t timeout_ms) {
  const std::uint32_t limit = turn_.needed() ? std::min(timeout_ms, kSliceMs) : timeout_ms;
  return turn_.write([&] {
    return guard_.call(Side::kWriting, LibraryCall::kVscpWrite, CallGuard::kThrew,
                       [&] { return functions_.write(handle_, event, std::max(limit, 1U)); });
  });
}

int Level2Library::write_neutral(std::uint32_t timeout_ms) {
  const NeutralEvent neutral;
  if (neutral.memory() == nullptr) return kCodeSuccess;
  const int code = call_write(neutral.memory(), timeout_ms);
  if (code != kCodeSuccess) return code;
  if (!neutral.touched()) return code;  // nothing learnt, and nothing given away
  choose(neutral.long_event_touched() ? EventLayout::k2026 : EventLayout::kClassic, Reason::kFirstWrite);
  return code;
}

Outcome Level2Library::write(const vscp::Event& event, std::uint32_t timeout_ms) {
  if (handle_ == 0) return Outcome::kFailed;
  int code = kCodeSuccess;
  if (reason() == Reason::kNone) code = write_neutral(timeout_ms);
  if (code == kCodeSuccess) {
    std::memcpy(out_data_.data(), event.data.data(), event.data_size);
    write_event(event, layout(), out_data_.data(), out_);
    code = call_write(out_.event.data(), timeout_ms);
  }
  if (code == kCodeSuccess) {
    written_.fetch_add(1, std::memory_order_relaxed);
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

std::string Level2Library::failure() const {
  const LibraryCall call = guard_.last_call();
  if (call == LibraryCall::kNone) return "the library is not open";
  const int code = guard_.last_code();
  if (code == kCodeSuccess && wrong_layout_.load(std::memory_order_relaxed)) {
    const EventLayout used = layout();
    const EventLayout other = used == EventLayout::k2026 ? EventLayout::kClassic : EventLayout::k2026;
    return "VSCPRead gave an event of the " + std::string(layout_name(other)) + " layout, but \"" +
           std::string(layout_name(used)) + "\" is in use; write \"event-layout\": \"" +
           std::string(layout_name(other)) + "\"";
  }
  return guard_.failure();
}

LibraryInfo Level2Library::info() const {
  LibraryInfo result = info_;
  result.layout = layout();
  switch (reason()) {
    case Reason::kNone:
      result.layout_reason = "nothing has told yet";
      break;
    case Reason::kFirstWrite:
      result.layout_reason = result.layout == EventLayout::k2026
                                 ? "it looked at the last field of the 2026 layout in the first event it was given"
                                 : "a guess: it looked at nothing of the 2026 layout in the first event it was given; "
                                   "if classes are wrong, set \"event-layout\"";
      break;
    case Reason::kFile:
      result.layout_reason = file_reason_;
      break;
    case Reason::kEvent:
      result.layout_reason = "an event from it has the marks of this layout";
      break;
    case Reason::kLibrary:
      result.layout_reason = "its function VSCPEventSize says so";
      break;
    case Reason::kSettings:
      result.layout_reason = "configured";
      break;
  }
  return result;
}

LibraryFigures Level2Library::figures() const {
  LibraryFigures result = read_figures_;
  result.written_events = written_.load(std::memory_order_relaxed);
  result.write_failures = write_failures_.load(std::memory_order_relaxed);
  result.write_busy = write_busy_.load(std::memory_order_relaxed);
  result.exceptions = guard_.exceptions();
  return result;
}

}  // namespace drivers::library
