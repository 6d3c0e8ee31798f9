// Which events the router has seen lately, so that an event that comes again over another way (a ring or triangle of
// routers) is known.
//
// The text protocol has no place for an origin, so an event is told by what it is: head (priority, rolling index),
// class, type, GUID, data, the second of its date and its microsecond counter. Both survive a hop in text; a hop in
// binary carries nanoseconds, of which the counter is made. Two events that are alike in all of that are one to us: a
// sender that gives neither microseconds nor a rolling index and sends the same data twice within a second is heard
// once by routers behind a bridge.
//
// Shared by all threads: a table of words, changed by compare-and-swap, without locks. A word is 52 bits of a 64-bit
// hash (the others say where it lies) and when it was put there. Of threads that put the same event in at the same time
// exactly one is told that it is new. The window is bounded in time, and in number: where a bucket of eight is full its
// oldest goes.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "protocol/event.h"

namespace router {

struct SeenSettings {
  std::uint32_t window_s = 60;
  std::uint32_t events = 262'144;  ///< rounded up to a power of two
};

class SeenEvents {
 public:
  static constexpr std::uint32_t kEventsMin = 32'768;  ///< fewer would leave fewer than 64 bits of a hash to compare

  /// `seed` makes the hash unpredictable for peers. Takes 8 bytes per event, lazily.
  SeenEvents(const SeenSettings& settings, std::uint64_t seed);
  ~SeenEvents();
  SeenEvents(const SeenEvents&) = delete;
  SeenEvents& operator=(const SeenEvents&) = delete;

  /// Before any other thread uses it: other bounds; what was seen is forgotten.
  void configure(const SeenSettings& settings);

  /// Whether somebody asks. As long as nobody does, nothing needs to be put in. Any thread.
  bool is_active() const noexcept { return active_.load(std::memory_order_relaxed); }
  void activate() noexcept { active_.store(true, std::memory_order_relaxed); }

  /// Any thread. True if no equal event was put in during the window; then it has been now. What is there already keeps
  /// its time, so that something repeated for ever passes once per window.
  bool insert(const vscp::Event& event, std::uint64_t now_ns) noexcept { return insert_hash(hash(event), now_ns); }
  std::uint64_t hash(const vscp::Event& event) const noexcept;
  bool insert_hash(std::uint64_t hash, std::uint64_t now_ns) noexcept;

 private:
  void release() noexcept;

  std::uint64_t* words_ = nullptr;
  std::size_t buckets_ = 0;
  std::uint64_t unit_ns_ = 1;
  std::uint64_t seed_;
  std::atomic<bool> active_{false};
};

}  // namespace router
