#include "router/core/turn_budget.h"

#include "router/base/check.h"

namespace router {
namespace {

constexpr std::uint64_t kPart = 4;

}  // namespace

void TurnBudget::change(Counts& counts, std::uint64_t limit, bool add) {
  const auto at = std::lower_bound(counts.begin(), counts.end(), std::pair{limit, std::uint32_t{0}});
  const bool known = at != counts.end() && at->first == limit;
  if (add && known) {
    ++at->second;
  } else if (add) {
    counts.insert(at, {limit, 1});
  } else {
    VR_ASSERT(known);
    if (--at->second == 0) counts.erase(at);
  }
}

void TurnBudget::update() noexcept {
  size_ = {kNoLimit, kNoLimit};
  if (!events_.empty()) size_.events = std::max(events_.front().first / kPart, kLeast.events);
  if (!bytes_.empty()) size_.bytes = std::max(bytes_.front().first / kPart, kLeast.bytes);
}

void TurnBudget::add(const Amount& limit) {
  change(events_, limit.events, true);
  change(bytes_, limit.bytes, true);
  update();
}

void TurnBudget::remove(const Amount& limit) noexcept {
  change(events_, limit.events, false);
  change(bytes_, limit.bytes, false);
  update();
}

}  // namespace router
