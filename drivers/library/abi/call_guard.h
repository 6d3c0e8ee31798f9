// Around each call into a library: exceptions stop here, and what went wrong last is kept for people.
#pragma once

#include <cxxabi.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <exception>
#include <string>

#include "drivers/library/abi/driver_library.h"

namespace drivers::library {

/// Which of a library's two threads calls.
enum class Side : std::uint8_t { kReading, kWriting };

/// Thread rule: call() and failed() on the thread of the side; the rest on any.
class CallGuard {
 public:
  /// The code that call() gives where the function threw.
  static constexpr int kThrew = -1'000'000;

  /// `trace` may be null.
  explicit CallGuard(CallTrace* trace) noexcept : trace_(trace == nullptr ? own_trace_ : *trace) {}

  /// What `function` returns, or `on_throw`. pthread_exit and cancellation go on to whoever wants them.
  template <typename Value, typename Function>
  Value call(Side side, LibraryCall which, Value on_throw, Function&& function) {
    const Traced traced = side == Side::kReading ? Traced(trace_.reading, trace_.reading_calls, which)
                                                 : Traced(trace_.writing, trace_.writing_calls, which);
    called_[static_cast<std::size_t>(side)] = which;
    try {
      return static_cast<Value>(function());
    } catch (const abi::__forced_unwind&) {
      throw;
    } catch (const std::exception& error) {
      keep_exception(error.what());
    } catch (...) {
      keep_exception("of a type that is no std::exception");
    }
    return on_throw;
  }

  /// The last call of this side failed with `code`.
  void failed(Side side, int code) noexcept {
    const auto call = static_cast<std::uint64_t>(called_[static_cast<std::size_t>(side)]);
    last_.store(call << 32U | static_cast<std::uint32_t>(code), std::memory_order_relaxed);
  }
  LibraryCall last_call() const noexcept {
    return static_cast<LibraryCall>(last_.load(std::memory_order_relaxed) >> 32U);
  }
  /// In words; empty if nothing failed yet.
  std::string failure() const;
  int last_code() const noexcept { return static_cast<int>(last_.load(std::memory_order_relaxed) & 0xffff'ffffU); }
  std::uint64_t exceptions() const noexcept { return exceptions_.load(std::memory_order_relaxed); }
  /// The text of the first exception; empty before.
  std::string exception_text() const {
    return text_state_.load(std::memory_order_acquire) == kTextThere ? std::string(text_.data()) : std::string();
  }

 private:
  static constexpr int kTextEmpty = 0;
  static constexpr int kTextWritten = 1;
  static constexpr int kTextThere = 2;

  void keep_exception(const char* text) noexcept {
    exceptions_.fetch_add(1, std::memory_order_relaxed);
    int expected = kTextEmpty;
    if (!text_state_.compare_exchange_strong(expected, kTextWritten, std::memory_order_relaxed)) return;
    std::strncpy(text_.data(), text == nullptr ? "" : text, text_.size() - 1);
    text_state_.store(kTextThere, std::memory_order_release);  // with the acquire in exception_text()
  }

  struct Traced {
    Traced(std::atomic<LibraryCall>& where, std::atomic<std::uint32_t>& count, LibraryCall which) noexcept
        : place(where) {
      count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);  // one writer
      place.store(which, std::memory_order_relaxed);
    }
    ~Traced() { place.store(LibraryCall::kNone, std::memory_order_relaxed); }
    Traced(const Traced&) = delete;
    Traced& operator=(const Traced&) = delete;
    std::atomic<LibraryCall>& place;
  };

  CallTrace own_trace_;
  CallTrace& trace_;
  std::array<LibraryCall, 2> called_{};
  std::atomic<std::uint64_t> last_{0};
  std::atomic<std::uint64_t> exceptions_{0};
  std::atomic<int> text_state_{kTextEmpty};
  std::array<char, 200> text_{};
};

}  // namespace drivers::library
