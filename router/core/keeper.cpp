#include "router/core/keeper.h"

#include <algorithm>

#include "router/base/check.h"

namespace router {

void Promises::set_keepers(ThreadIndex self, std::span<const std::pair<ThreadIndex, const KeptCounts*>> keepers) {
  VR_ASSERT(keepers.size() <= kKeepersMax && given_ == 0);
  self_ = self;
  keepers_.clear();
  for (const auto& [thread, counts] : keepers) {
    if (thread != self) keepers_.push_back({thread, counts, 0, 0});
  }
  if (!keepers_.empty()) marks_.resize(kMarks);
}

void Promises::note_staged(std::span<const ThreadIndex> receivers) noexcept {
  bool any = false;
  for (Keeper& keeper : keepers_) {
    if (!std::binary_search(receivers.begin(), receivers.end(), keeper.thread)) continue;
    ++keeper.given;
    any = true;
  }
  if (any) ++given_;
}

void Promises::mark() noexcept {
  if (given_ == marked_) return;
  // With a full ring the last mark covers the new events too: they are acknowledged later, never too early.
  if (count_ < kMarks) ++count_;
  Mark& mark = marks_[(first_ + count_ - 1) % kMarks];
  mark.number = given_;
  for (std::size_t i = 0; i < keepers_.size(); ++i) mark.given[i] = keepers_[i].given;
  marked_ = given_;
}

std::uint64_t Promises::kept() noexcept {
  while (count_ > 0) {
    const Mark& mark = marks_[first_];
    for (std::size_t i = 0; i < keepers_.size(); ++i) {
      if (keepers_[i].counts->kept(self_) < mark.given[i]) return kept_;
    }
    kept_ = mark.number;
    first_ = (first_ + 1) % kMarks;
    --count_;
  }
  return kept_;
}

bool Promises::has_lost() noexcept {
  bool lost = false;
  for (Keeper& keeper : keepers_) {
    const std::uint64_t now = keeper.counts->lost(self_);
    lost = lost || now != keeper.lost_seen;
    keeper.lost_seen = now;
  }
  return lost;
}

}  // namespace router
