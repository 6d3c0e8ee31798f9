#include "drivers/mqtt/origin_set.h"

#include <algorithm>

namespace drivers::mqtt {
namespace {

constexpr unsigned kThreadShift = 48;
constexpr std::uint64_t kNumberMask = (std::uint64_t{1} << kThreadShift) - 1;

}  // namespace

bool OriginSet::insert(const router::EventOrigin& origin) {
  const std::lock_guard lock(mutex_);
  Numbers& numbers = sources_[{origin.router, origin.number >> kThreadShift}];
  numbers.used = ++uses_;
  const bool fresh = insert_number(numbers, origin.number & kNumberMask);
  if (sources_.size() > kSourcesMax) {
    sources_.erase(std::min_element(sources_.begin(), sources_.end(),
                                    [](const auto& a, const auto& b) { return a.second.used < b.second.used; }));
  }
  return fresh;
}

bool OriginSet::insert_number(Numbers& numbers, std::uint64_t number) {
  auto& ranges = numbers.ranges;
  auto after = ranges.upper_bound(number);
  if (after != ranges.begin()) {
    const auto before = std::prev(after);
    if (number <= before->second) return false;
    if (number == before->second + 1) {
      before->second = number;
      if (after != ranges.end() && after->first == number + 1) {
        before->second = after->second;
        ranges.erase(after);
      }
      return true;
    }
  }
  if (after != ranges.end() && after->first == number + 1) {
    const std::uint64_t last = after->second;
    after = ranges.erase(after);
    ranges.emplace_hint(after, number, last);
    return true;
  }
  ranges.emplace_hint(after, number, number);
  if (ranges.size() > kRangesMax) ranges.erase(ranges.begin());
  return true;
}

}  // namespace drivers::mqtt
