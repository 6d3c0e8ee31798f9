#include "router/core/interest.h"

#include <gtest/gtest.h>

#include <vector>

#include "router/base/random.h"

namespace {

using router::Interest;
using vscp::Filter;

bool someone_wants(const std::vector<Filter>& filters, std::uint16_t vscp_class) {
  for (const auto& filter : filters) {
    if (filter.may_match_class(vscp_class)) return true;
  }
  return false;
}

Filter random_filter(router::SeededRandom& random) {
  Filter filter;
  filter.filter_class = static_cast<std::uint16_t>(random.below(0x10000) >> random.below(16));
  filter.mask_class = static_cast<std::uint16_t>(random.below(0x10000) | (random.below(2) == 0 ? 0xff00 : 0));
  if (random.below(4) == 0) filter.mask_class = random.below(2) == 0 ? 0 : 0xffff;
  filter.mask_type = static_cast<std::uint16_t>(random.below(2));
  return filter;
}

// Never no wrongly; below 2048 exactly; above, all classes share one answer.
void compare(const Interest& interest, const std::vector<Filter>& filters) {
  bool any_high = false;
  for (std::uint32_t high = Interest::kClasses; high < 0x10000; ++high) {
    any_high = any_high || someone_wants(filters, static_cast<std::uint16_t>(high));
  }
  for (std::uint32_t each = 0; each < 0x10000; ++each) {
    const auto vscp_class = static_cast<std::uint16_t>(each);
    ASSERT_EQ(interest.wants(vscp_class), each < Interest::kClasses ? someone_wants(filters, vscp_class) : any_high)
        << each;
  }
}

TEST(Interest, AgreesWithTheFiltersForEveryClass) {
  router::SeededRandom random(1);
  for (int round = 0; round < 50 && !HasFailure(); ++round) {
    SCOPED_TRACE(round);
    Interest interest;
    std::vector<Filter> filters;
    compare(interest, filters);
    for (int i = 0; i < 3; ++i) {
      filters.push_back(random_filter(random));
      interest.add(filters.back());
      compare(interest, filters);
    }
    while (!filters.empty()) {
      interest.remove(filters.front());
      filters.erase(filters.begin());
      compare(interest, filters);
    }
  }
}

TEST(Interest, EqualFiltersAreCounted) {
  Interest interest;
  interest.add(Filter{});
  interest.add(Filter{});
  interest.remove(Filter{});
  EXPECT_TRUE(interest.wants(0));
  EXPECT_TRUE(interest.wants(0xffff));
  interest.remove(Filter{});
  EXPECT_FALSE(interest.wants(0));
  EXPECT_FALSE(interest.wants(0xffff));
}

}  // namespace
