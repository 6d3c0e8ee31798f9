// What the reader of a lane has taken and the far side has not acknowledged yet: the records in flight, in order.
//
// After rewind() they wait to be read again. One owner at a time; a store's lock.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>

namespace router {

/// `Place` says where the store keeps a record.
template <typename Place>
class StoreWindow {
 public:
  struct Entry {
    std::uint64_t number = 0;
    Place place{};
    bool gone = false;  ///< released or dropped, and waits for those before it
  };

  bool empty() const noexcept { return entries_.empty(); }
  /// Null if there is none. The oldest is never gone.
  const Entry* oldest() const noexcept { return entries_.empty() ? nullptr : &entries_.front(); }
  /// The next that waits to be read again; null if there is none.
  const Entry* to_repeat() const noexcept { return repeat_ < entries_.size() ? &entries_[repeat_] : nullptr; }
  /// The record to_repeat() is in flight again.
  void repeated() noexcept {
    ++repeat_;
    ++in_flight_;
    skip_gone();
  }
  /// A record that is read for the first time; its number is larger than all before. Nothing may wait to be read again.
  void add(std::uint64_t number, const Place& place) {
    entries_.push_back({number, place});
    repeat_ = entries_.size();
    ++in_flight_;
  }
  void rewind() noexcept {
    repeat_ = 0;
    in_flight_ = 0;
    skip_gone();
  }
  /// The place of the record, which is done with; null if it is not known or was done with before. Call trim() after
  /// the place was used.
  const Place* finish(std::uint64_t number) noexcept {
    auto found = entries_.begin();
    if (found == entries_.end()) return nullptr;
    if (found->number != number) {
      found = std::lower_bound(entries_.begin(), entries_.end(), number,
                               [](const Entry& entry, std::uint64_t wanted) { return entry.number < wanted; });
    }
    if (found == entries_.end() || found->number != number || found->gone) return nullptr;
    found->gone = true;
    ++gone_;
    if (static_cast<std::size_t>(found - entries_.begin()) < repeat_) --in_flight_;
    skip_gone();
    return &found->place;
  }
  /// Forgets what is done with and has nothing older before it.
  void trim() noexcept {
    while (!entries_.empty() && entries_.front().gone) {
      entries_.pop_front();
      --gone_;
      if (repeat_ > 0) --repeat_;
    }
  }
  /// The places of those that wait to be read again, in order, until the call says false.
  template <typename Call>
  void for_each_to_repeat(const Call& call) const {
    for (std::size_t i = repeat_; i < entries_.size(); ++i) {
      if (!entries_[i].gone && !call(entries_[i].place)) return;
    }
  }
  /// Taken, and neither done with nor to be read again.
  std::size_t in_flight() const noexcept { return in_flight_; }
  /// The number and place of each record that is not done with, and whether it is in flight; until the call says false.
  template <typename Call>
  void for_each(const Call& call) const {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      if (!entries_[i].gone && !call(entries_[i].number, entries_[i].place, i < repeat_)) return;
    }
  }
  /// Numbers that are done with and have something older before them, ascending.
  template <typename Call>
  void for_each_gone(const Call& call) const {
    if (gone_ == 0) return;
    for (const Entry& entry : entries_) {
      if (entry.gone) call(entry.number);
    }
  }

 private:
  void skip_gone() noexcept {
    while (repeat_ < entries_.size() && entries_[repeat_].gone) ++repeat_;
  }

  std::deque<Entry> entries_;  ///< by number
  std::size_t gone_ = 0;       ///< entries that are
  std::size_t in_flight_ = 0;
  std::size_t repeat_ = 0;     ///< those before are in flight, from here on they wait to be read again
};

}  // namespace router
