// Which sequence numbers of one producer one consumer has seen. A gap is a loss until it is filled; what fills a gap
// came late (reordered); what was there already is a duplicate.
//
// Thread rule: one writer. `next()` may be read by any thread (for flow control).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

namespace bench {

enum class Arrival : std::uint8_t { kInOrder, kAfterGap, kReordered, kDuplicate };

class SequenceTracker {
 public:
  Arrival arrive(std::uint64_t sequence) {
    const std::uint64_t expected = next_.load(std::memory_order_relaxed);
    if (sequence == expected) {
      next_.store(expected + 1, std::memory_order_relaxed);
      return Arrival::kInOrder;
    }
    return arrive_elsewhere(sequence, expected);
  }

  /// All numbers below have been seen or are missing.
  std::uint64_t next() const { return next_.load(std::memory_order_relaxed); }
  /// How many of 0..sent-1 never came.
  std::uint64_t lost(std::uint64_t sent) const;

 private:
  struct Gap {
    std::uint64_t begin;
    std::uint64_t end;
  };
  struct Gaps {
    std::vector<Gap> open;       ///< ascending, not empty, disjoint
    std::uint64_t given_up = 0;  ///< missing numbers of gaps that are no longer remembered
  };
  /// More open gaps than this are not remembered: the oldest count as lost for good.
  static constexpr std::size_t kGapsMax = 4096;

  Arrival arrive_elsewhere(std::uint64_t sequence, std::uint64_t expected);

  // Plain increments by one writer; readers only need a recent value, hence relaxed everywhere.
  std::atomic<std::uint64_t> next_{0};
  std::unique_ptr<Gaps> gaps_;
};

}  // namespace bench
