#include "drivers/library/host_words.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "drivers/library/host_runner.h"

namespace drivers::library {
namespace {

template <std::size_t Size>
std::string shared_text(const std::array<char, Size>& text, const std::atomic<std::uint32_t>& size) {
  std::string out(text.data(), std::min<std::size_t>(size.load(std::memory_order_acquire), Size));
  std::replace_if(out.begin(), out.end(), [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return out;
}

}  // namespace

std::string call_words(const std::atomic<LibraryCall>& call) {
  const LibraryCall now = call.load(std::memory_order_relaxed);
  return now == LibraryCall::kNone ? std::string() : std::string(call_name(now));
}

std::string signal_words(int signal_number) {
  const char* const name = ::sigabbrev_np(signal_number);
  return name != nullptr ? "SIG" + std::string(name) : "signal " + std::to_string(signal_number);
}

std::string reason_words(const HostStatus& status) {
  return shared_text(status.reason, status.reason_size);
}

std::string about_words(const HostStatus& status) {
  return shared_text(status.about, status.about_size);
}

std::string end_words(const HostEnd& end, const HostStatus& status) {
  const bool refused = end.exit_code == static_cast<int>(HostExit::kNotLoaded) ||
                       end.exit_code == static_cast<int>(HostExit::kNotOpened);
  if (refused && status.reason_size.load(std::memory_order_acquire) > 0) return reason_words(status);
  std::string text = end.signal != 0 ? "ended by " + signal_words(end.signal)
                                     : "ended itself with exit code " + std::to_string(end.exit_code);
  std::string reading = call_words(status.trace.reading);
  std::string writing = call_words(status.trace.writing);
  switch (static_cast<Culprit>(status.culprit.load(std::memory_order_acquire))) {
    case Culprit::kReading:
      writing.clear();
      break;
    case Culprit::kWriting:
      reading.clear();
      break;
    case Culprit::kOther:
      return text + " in a thread of the library's own";
    default:
      break;
  }
  if (!reading.empty()) text += " in " + reading;
  if (!writing.empty()) text += (reading.empty() ? " in " : ", with another thread in ") + writing;
  return text;
}

}  // namespace drivers::library
