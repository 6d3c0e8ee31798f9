#include "router/core/interest.h"

#include "router/base/check.h"

namespace router {

void Interest::change(const vscp::Filter& filter, std::int32_t step) noexcept {
  for (std::uint32_t word = 0; word < words_.size(); ++word) {
    std::uint64_t bits = words_[word].load(std::memory_order_relaxed);
    for (std::uint32_t bit = word * 64; bit < word * 64 + 64 && bit <= kClasses; ++bit) {
      // Some class above the bitmap passes unless the filter pins all the high bits to zero.
      constexpr std::uint32_t kHigh = 0xffffU & ~(kClasses - 1);
      const bool may_match = bit < kClasses ? filter.may_match_class(static_cast<std::uint16_t>(bit))
                                            : (filter.mask_class & kHigh) != kHigh || (filter.filter_class & kHigh) != 0;
      if (!may_match) continue;
      filters_[bit] += step;
      VR_ASSERT(filters_[bit] >= 0);
      const std::uint64_t mark = std::uint64_t{1} << (bit % 64);
      bits = filters_[bit] > 0 ? bits | mark : bits & ~mark;
    }
    words_[word].store(bits, std::memory_order_release);
  }
}

}  // namespace router
