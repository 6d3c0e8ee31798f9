// Replies that wait for a promise (router/core/keeper.h): which part of a session's reply queue may go out already.
//
// A session has a place while replies of it wait; idle sessions need two bytes for that. Room for all is made at start.
// Thread rule: one worker.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "router/core/event_buf.h"

namespace router {

/// What waits: replies behind `free` bytes for `promise`, those behind `later_free` for `later_promise`.
struct Withheld {
  std::uint64_t promise = 0;
  std::uint64_t later_promise = 0;  ///< 0: none
  std::uint32_t free = 0;
  std::uint32_t later_free = 0;

  /// Replies that come from now on wait for `number`. `is_on_its_way`: whether `promise` waits for an earlier flush
  /// already.
  void add(std::uint64_t number, std::size_t queued, bool is_on_its_way) noexcept {
    if (later_promise == 0 && !is_on_its_way) {
      promise = number;  // both go over with the same flush
      return;
    }
    if (later_promise == 0) later_free = static_cast<std::uint32_t>(queued);
    later_promise = number;
  }
  /// Everything up to `kept` is safe. True if nothing waits any more.
  bool settle(std::uint64_t kept) noexcept {
    if (promise > kept) return false;
    if (later_promise <= kept) return true;
    promise = later_promise;
    free = later_free;
    later_promise = 0;
    return false;
  }
  /// So many bytes went out, or were put in front.
  void consume(std::size_t bytes) noexcept {
    free -= std::min(free, static_cast<std::uint32_t>(bytes));
    later_free -= std::min(later_free, static_cast<std::uint32_t>(bytes));
  }
  void put_in_front(std::size_t bytes) noexcept {
    free += static_cast<std::uint32_t>(bytes);
    later_free += static_cast<std::uint32_t>(bytes);
  }
};

class WithheldTable {
 public:
  using Place = std::uint16_t;
  static constexpr Place kNone = 0;
  static constexpr std::size_t kPlaces = 65'535;

  /// Before the first event, if there are keepers.
  void reserve() {
    places_.resize(kPlaces + 1);
    free_.reserve(kPlaces);
    for (std::size_t place = kPlaces; place > 0; --place) free_.push_back(static_cast<Place>(place));
    waiters_.resize(kPlaces);
  }
  /// No session more can wait: none may publish until one is done.
  bool is_full() const noexcept { return !places_.empty() && (free_.empty() || count_ == waiters_.size()); }
  bool is_waiting() const noexcept { return count_ > 0; }

  /// REQUIRES: !is_full().
  Place take(std::uint64_t promise, std::size_t queued) noexcept {
    const Place place = free_.back();
    free_.pop_back();
    places_[place] = {promise, 0, static_cast<std::uint32_t>(queued), 0};
    return place;
  }
  void give(Place place) noexcept { free_.push_back(place); }
  Withheld& operator[](Place place) noexcept { return places_[place]; }
  const Withheld& operator[](Place place) const noexcept { return places_[place]; }

  /// The session of this channel is to be told. In the order of the promises, but that a session which waits again
  /// comes last: then it is told a little late.
  void enqueue(std::uint64_t promise, std::uint32_t channel) noexcept {
    waiters_[(first_ + count_++) % waiters_.size()] = {promise, channel};
  }
  /// The next channel whose promise is kept; kNoChannel if there is none.
  std::uint32_t dequeue(std::uint64_t kept) noexcept {
    if (count_ == 0 || waiters_[first_].promise > kept) return kNoChannel;
    const std::uint32_t channel = waiters_[first_].channel;
    first_ = (first_ + 1) % waiters_.size();
    --count_;
    return channel;
  }

 private:
  struct Waiter {
    std::uint64_t promise = 0;
    std::uint32_t channel = kNoChannel;
  };
  std::vector<Withheld> places_;
  std::vector<Place> free_;
  std::vector<Waiter> waiters_;  ///< a ring; sessions that have gone stay in it until their promise is kept
  std::size_t first_ = 0;
  std::size_t count_ = 0;
};

}  // namespace router
