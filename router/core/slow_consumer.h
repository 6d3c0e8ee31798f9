// Policies for readers that fall behind.
#pragma once

#include <cstdint>

namespace router {

/// What happens to a reader that is further behind than it may be.
enum class SlowConsumer : std::uint8_t {
  kDropLowestPriority,  ///< loses events of the lowest priority (7) first, of these the oldest; counted
  kDropOldest,          ///< loses the oldest events; counted
  kDisconnect,          ///< is closed
};

}  // namespace router
