// Which events of other routers have come already: per router and thread of birth the numbers, as ranges.
//
// A bridge brings an event at least once, and in a ring of sites on several ways; whoever comes second is dropped here.
// Exact while there are at most kRangesMax gaps per thread and kSourcesMax threads; beyond that the oldest knowledge
// goes, so that an event may come twice, and none is lost. Thread rule: any helper thread (a lock), never a worker.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <utility>

#include "router/core/carried_event.h"

namespace drivers::mqtt {

class OriginSet {
 public:
  static constexpr std::size_t kRangesMax = 4096;
  static constexpr std::size_t kSourcesMax = 4096;

  /// False if it has come before.
  bool insert(const router::EventOrigin& origin);

 private:
  using Source = std::pair<std::uint64_t, std::uint64_t>;  ///< router, thread
  struct Numbers {
    std::map<std::uint64_t, std::uint64_t> ranges;  ///< first -> last
    std::uint64_t used = 0;
  };
  static bool insert_number(Numbers& numbers, std::uint64_t number);

  std::mutex mutex_;
  std::map<Source, Numbers> sources_;
  std::uint64_t uses_ = 0;
};

}  // namespace drivers::mqtt
