// Time as an interface, so that the same code runs on the kernel's clocks and in a simulation.
#pragma once

#include <cstdint>

namespace router {

/// Nanoseconds. Implementations are callable from any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual std::uint64_t monotonic_ns() const noexcept = 0;  ///< never goes back; for timeouts
  virtual std::uint64_t utc_ns() const noexcept = 0;        ///< since 1970; for events; may jump
};

/// CLOCK_MONOTONIC and CLOCK_REALTIME.
class SystemClock final : public Clock {
 public:
  std::uint64_t monotonic_ns() const noexcept override;
  std::uint64_t utc_ns() const noexcept override;
};

/// A clock that its owner moves; one thread.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(std::uint64_t utc_ns = 1'767'323'045'000'000'000ULL) : utc_start_ns_(utc_ns) {}
  std::uint64_t monotonic_ns() const noexcept override { return now_ns_; }
  std::uint64_t utc_ns() const noexcept override { return utc_start_ns_ + now_ns_; }
  void advance(std::uint64_t nanoseconds) noexcept { now_ns_ += nanoseconds; }

 private:
  std::uint64_t now_ns_ = 1;
  std::uint64_t utc_start_ns_;
};

}  // namespace router
