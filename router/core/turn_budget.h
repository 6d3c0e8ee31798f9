// How much a worker takes in before its readers get it: a quarter of the smallest limit among those that can hold the senders
// back. They are told at half of their limit, once per flush; so a hold begins before any of them loses something.
//
// Thread rule: one worker. Allocates only when a limit comes that nobody had.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "router/core/amount.h"

namespace router {

class TurnBudget {
 public:
  /// Smaller limits are not honoured to the event: turns would get too small for everybody.
  static constexpr Amount kLeast{64, 16'384};

  /// A reader that can hold the senders back comes, or goes.
  void add(const Amount& limit);
  void remove(const Amount& limit) noexcept;

  /// What may be delivered from one flush to the next.
  const Amount& size() const noexcept { return size_; }

 private:
  /// How often each limit is there, smallest first.
  using Counts = std::vector<std::pair<std::uint64_t, std::uint32_t>>;
  static void change(Counts& counts, std::uint64_t limit, bool add);
  void update() noexcept;

  Counts events_;
  Counts bytes_;
  Amount size_{kNoLimit, kNoLimit};
};

}  // namespace router
