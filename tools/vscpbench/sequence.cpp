#include "tools/vscpbench/sequence.h"

#include <algorithm>

namespace bench {

std::uint64_t SequenceTracker::lost(std::uint64_t sent) const {
  const std::uint64_t expected = next();
  std::uint64_t count = sent > expected ? sent - expected : 0;
  if (gaps_ != nullptr) {
    count += gaps_->given_up;
    for (const auto& gap : gaps_->open) count += gap.end - gap.begin;
  }
  return count;
}

Arrival SequenceTracker::arrive_elsewhere(std::uint64_t sequence, std::uint64_t expected) {
  if (sequence > expected) {
    if (gaps_ == nullptr) gaps_ = std::make_unique<Gaps>();
    if (gaps_->open.size() == kGapsMax) {
      const auto& oldest = gaps_->open.front();
      gaps_->given_up += oldest.end - oldest.begin;
      gaps_->open.erase(gaps_->open.begin());
    }
    gaps_->open.push_back({expected, sequence});
    next_.store(sequence + 1, std::memory_order_relaxed);
    return Arrival::kAfterGap;
  }
  if (gaps_ == nullptr) return Arrival::kDuplicate;
  auto& open = gaps_->open;
  const auto gap =
      std::lower_bound(open.begin(), open.end(), sequence, [](const Gap& g, std::uint64_t s) { return g.end <= s; });
  if (gap == open.end() || sequence < gap->begin) return Arrival::kDuplicate;
  const Gap rest{sequence + 1, gap->end};
  gap->end = sequence;
  const bool front_is_empty = gap->begin == gap->end;
  if (rest.begin != rest.end) {
    if (front_is_empty) {
      *gap = rest;
    } else {
      open.insert(gap + 1, rest);
    }
  } else if (front_is_empty) {
    open.erase(gap);
  }
  return Arrival::kReordered;
}

}  // namespace bench
