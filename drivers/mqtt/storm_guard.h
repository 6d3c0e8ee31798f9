// Sees messages that go round in a loop in spite of all marks: because another bridge takes the marks off, or keeps
// only the payload.
//
// A message that comes again and again, the same topic and the same bytes, more often than `limit` times in kWindowNs,
// is stopped for kStopNs. What comes in a loop dies out in that time; a device that repeats itself so fast loses
// repetitions and no news. Bounded: it watches kSlots different messages, those that repeat first. Thread rule: one
// owner.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace drivers::mqtt {

class StormGuard {
 public:
  static constexpr std::uint64_t kWindowNs = 10'000'000'000;
  static constexpr std::uint64_t kStopNs = 10'000'000'000;
  static constexpr std::size_t kSlots = 1024;

  enum class Verdict : std::uint8_t {
    kCarry,
    kBegins,   ///< stop it, and tell: the first of a storm
    kStopped,  ///< stop it
  };

  /// 0: never stops anything.
  explicit StormGuard(std::uint32_t limit) noexcept : limit_(limit) {}

  Verdict note(std::string_view topic, std::span<const std::uint8_t> payload, std::uint64_t now_ns) noexcept;

 private:
  struct Slot {
    std::uint64_t hash = 0;
    std::uint64_t since_ns = 0;
    std::uint64_t stopped_until_ns = 0;
    std::uint32_t count = 0;
  };

  std::uint32_t limit_;
  std::array<Slot, kSlots> slots_{};
};

}  // namespace drivers::mqtt
