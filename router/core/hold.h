// "Senders, wait a moment": while some reader in a loop is behind but still reading, no worker takes events in.
//
// A hold ends when its reader has caught up, has used its time up, or has taken nothing for a quarter of it. Time that was
// held in vain is limited for all readers of the process together, so that a thousand peers that get stuck one after the
// other do not stop the site: 1 s at once, and then 5 % of the time. Readers whose last hold was worth it may have 2 s more.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

namespace router {

class ChannelOwner;

/// What all workers share of it (part of the closed list of shared state). Any thread.
class HoldState {
 public:
  static constexpr std::uint64_t kVainAtOnceNs = 1'000'000'000;
  static constexpr std::uint64_t kVainOfTrustedNs = 2'000'000'000;
  static constexpr std::uint64_t kVainShare = 20;  ///< one part in so many of the time that goes by

  /// A read that is usually in the cache.
  bool is_on() const noexcept { return holders_.load(std::memory_order_relaxed) != 0; }
  void add() noexcept { holders_.fetch_add(1, std::memory_order_relaxed); }
  /// True if that was the last one, so that waiting workers must be nudged.
  bool remove() noexcept { return holders_.fetch_sub(1, std::memory_order_acq_rel) == 1; }

  /// Whether a reader may hold the senders, after all that was held in vain.
  bool may_hold(std::uint64_t now_ns, bool trusted) const noexcept;
  void charge_vain(std::uint64_t now_ns, std::uint64_t duration_ns) noexcept;

 private:
  alignas(64) std::atomic<std::uint32_t> holders_{0};
  std::atomic<std::uint64_t> paid_until_ns_{0};  ///< when all vain time will be forgotten
};

/// The holds of one worker's readers. The worker's thread.
class Holds {
 public:
  explicit Holds(HoldState& shared) : shared_(&shared) { held_.reserve(64); }

  bool is_empty() const noexcept { return held_.empty(); }
  /// False if no hold is to be had now.
  bool begin(ChannelOwner& reader, std::uint64_t now_ns, std::uint32_t longest_ms, bool trusted);
  /// The reader closes while it holds. True if other workers must be nudged.
  bool end(ChannelOwner& reader, std::uint64_t now_ns) noexcept;
  /// Ends the holds that are over and tells their readers. True if other workers must be nudged.
  bool review(std::uint64_t now_ns) noexcept;

 private:
  struct Held {
    ChannelOwner* reader;
    std::uint64_t since_ns;
    std::uint64_t progress_ns;  ///< when the reader last had taken something
    std::uint64_t bytes_out;
    std::uint32_t longest_ms;
  };
  void charge(const Held& held, std::uint64_t now_ns) noexcept;

  HoldState* shared_;
  std::vector<Held> held_;
  std::uint64_t charged_until_ns_ = 0;  ///< holds at the same time are charged once
};

}  // namespace router
