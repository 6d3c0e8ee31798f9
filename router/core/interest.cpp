#include "router/core/interest.h"

#include "router/base/check.h"

namespace router {
namespace {

constexpr std::uint32_t kLow = Interest::kClasses - 1;
constexpr std::uint32_t kHigh = 0xffffU & ~kLow;

}  // namespace

// Filters come and go with every SETFILTER: one for a single class costs one step, one for all classes none per class.
void Interest::change(const vscp::Filter& filter, std::int32_t step) noexcept {
  if (filter.mask_class == 0) {
    change_all(step);
    return;
  }
  // Some class above the bitmap passes unless the filter pins all the high bits to zero.
  if ((filter.mask_class & kHigh) != kHigh || (filter.filter_class & kHigh) != 0) change_class(kClasses, step);
  if ((filter.filter_class & filter.mask_class & kHigh) != 0) return;
  const std::uint32_t fixed = filter.filter_class & filter.mask_class & kLow;
  const std::uint32_t free = ~std::uint32_t{filter.mask_class} & kLow;
  std::uint32_t chosen = 0;  // every subset of the free bits
  do {
    change_class(fixed | chosen, step);
    chosen = (chosen - free) & free;
  } while (chosen != 0);
}

void Interest::change_class(std::uint32_t bit, std::int32_t step) noexcept {
  filters_[bit] += step;
  VR_ASSERT(filters_[bit] >= 0);
  if (all_ > 0) return;
  auto& word = words_[bit / 64];
  const std::uint64_t mark = std::uint64_t{1} << (bit % 64);
  const std::uint64_t bits = word.load(std::memory_order_relaxed);
  const std::uint64_t changed = filters_[bit] > 0 ? bits | mark : bits & ~mark;
  if (changed != bits) word.store(changed, std::memory_order_release);
}

void Interest::change_all(std::int32_t step) noexcept {
  all_ += step;
  VR_ASSERT(all_ >= 0);
  const bool first_or_last = all_ == (step > 0 ? 1 : 0);
  if (!first_or_last) return;
  for (std::uint32_t word = 0; word < words_.size(); ++word) {
    std::uint64_t bits = 0;
    for (std::uint32_t bit = word * 64; bit < word * 64 + 64 && bit <= kClasses; ++bit) {
      if (all_ > 0 || filters_[bit] > 0) bits |= std::uint64_t{1} << (bit % 64);
    }
    words_[word].store(bits, std::memory_order_release);
  }
}

}  // namespace router
