// When to make the MQTT library look again for what it was given.
//
// Its threads may miss that there is something to do, and look after a second (paho_doorbell.h). An answer that does
// not come soon is a sign of that, or of a broker that is slow: so it is made to look again and again, but ever more
// rarely.
//
// Pure logic. Thread rule: one owner, the broker's sender.
#pragma once

#include <algorithm>
#include <cstdint>

namespace drivers::mqtt {

class NudgeTimer {
 public:
  static constexpr std::uint64_t kFirstNs = 2'000'000;  ///< later than the answer of most brokers
  static constexpr std::uint64_t kMostNs = 50'000'000;  ///< a broker that is back is found so late
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};

  /// The library was given something.
  void note_given() noexcept { given_ = true; }
  /// Before each wait. `settled`: no answer to anything is missing.
  void update(std::uint64_t now_ns, bool settled) noexcept {
    if (settled) {
      at_ns_ = kNever;
    } else if (given_) {
      since_ns_ = now_ns;
      at_ns_ = now_ns + kFirstNs;
    }
    given_ = false;
  }
  /// Monotonic time of the next nudge.
  std::uint64_t at_ns() const noexcept { return at_ns_; }
  /// Whether it is time for one; then the next is due when it has waited twice as long.
  bool is_due(std::uint64_t now_ns) noexcept {
    if (now_ns < at_ns_) return false;
    at_ns_ = now_ns + std::clamp(now_ns - since_ns_, kFirstNs, kMostNs);
    return true;
  }

 private:
  bool given_ = false;
  std::uint64_t since_ns_ = 0;  ///< when something was given last
  std::uint64_t at_ns_ = kNever;
};

}  // namespace drivers::mqtt
