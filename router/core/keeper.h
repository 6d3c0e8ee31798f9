// Promises between threads: what a keeper (a thread that writes events to disk) was given must be safe before anybody
// calls it acknowledged.
//
// A producer numbers the events that it gives to any keeper. At each flush it notes a mark: that number, and how many
// events each keeper has been given. Each keeper tells per producer how many of its events are safe. What a mark covers
// is kept when every keeper has told as much; order per producer and keeper is that of the inbox, so counting is
// enough. An acknowledgement waits for the number of its event.
//
// Thread rule: KeptCounts is written by its keeper and read by all; Promises belongs to its producer.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "router/core/event_buf.h"

namespace router {

/// What a keeper tells.
class KeptCounts {
 public:
  /// [keeper] An event of this producer was taken from the inbox.
  void note_taken(ThreadIndex producer) noexcept { ++taken_[producer]; }
  /// [keeper] What was taken last from this producer could not be kept: nobody may acknowledge it.
  void note_lost(ThreadIndex producer) noexcept {
    lost_[producer].store(lost_[producer].load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }
  /// [keeper] All that was taken is safe; calls `tell(producer)` for each producer for whom that is news.
  template <typename Tell>
  void publish(const Tell& tell) noexcept {
    for (ThreadIndex producer = 0; producer < kThreadsMax; ++producer) {
      if (kept_[producer].load(std::memory_order_relaxed) == taken_[producer]) continue;
      kept_[producer].store(taken_[producer], std::memory_order_release);
      tell(producer);
    }
  }
  /// [keeper] Whether there is room for more; producers ask before they accept an event.
  void set_refusing(bool refusing) noexcept { refusing_.store(refusing, std::memory_order_release); }

  /// [any]
  std::uint64_t kept(ThreadIndex producer) const noexcept { return kept_[producer].load(std::memory_order_acquire); }
  std::uint64_t lost(ThreadIndex producer) const noexcept { return lost_[producer].load(std::memory_order_acquire); }
  bool is_refusing() const noexcept { return refusing_.load(std::memory_order_acquire); }

 private:
  std::array<std::uint64_t, kThreadsMax> taken_{};
  std::array<std::atomic<std::uint64_t>, kThreadsMax> kept_{};
  std::array<std::atomic<std::uint64_t>, kThreadsMax> lost_{};
  std::atomic<bool> refusing_{false};
};

/// What a producer has promised, and how much of it is kept.
class Promises {
 public:
  /// More keepers than this are refused at start.
  static constexpr std::size_t kKeepersMax = 16;

  /// Before the first event: the threads that keep, by index.
  void set_keepers(ThreadIndex self, std::span<const std::pair<ThreadIndex, const KeptCounts*>> keepers);
  bool any() const noexcept { return !keepers_.empty(); }

  /// An event was staged for these threads, in ascending order.
  void note_staged(std::span<const ThreadIndex> receivers) noexcept;
  /// What was staged since the last mark is on its way.
  void mark() noexcept;

  /// The number of the last event that was given to a keeper.
  std::uint64_t given() const noexcept { return given_; }
  /// Up to this number there is a mark: later ones wait for the next.
  std::uint64_t marked() const noexcept { return marked_; }
  /// Up to this number everything is safe.
  std::uint64_t kept() noexcept;
  /// Whether a keeper has lost something of ours since the last call.
  bool has_lost() noexcept;
  /// Whether some keeper that satisfies `wants(thread)` has no room.
  template <typename Wants>
  bool is_refused(const Wants& wants) const noexcept {
    for (const Keeper& keeper : keepers_) {
      if (keeper.counts->is_refusing() && wants(keeper.thread)) return true;
    }
    return false;
  }

 private:
  struct Keeper {
    ThreadIndex thread = 0;
    const KeptCounts* counts = nullptr;
    std::uint64_t given = 0;
    std::uint64_t lost_seen = 0;
  };
  struct Mark {
    std::uint64_t number = 0;
    std::array<std::uint64_t, kKeepersMax> given{};
  };
  static constexpr std::size_t kMarks = 1024;

  ThreadIndex self_ = 0;
  std::vector<Keeper> keepers_;
  std::vector<Mark> marks_;  ///< a ring
  std::size_t first_ = 0;
  std::size_t count_ = 0;
  std::uint64_t given_ = 0;
  std::uint64_t marked_ = 0;
  std::uint64_t kept_ = 0;
};

}  // namespace router
