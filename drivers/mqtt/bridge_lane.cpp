#include "drivers/mqtt/bridge_lane.h"

#include <utility>

namespace drivers::mqtt {

BridgeQueue::Give BridgeQueue::give(BridgeLane& lane, std::vector<std::uint8_t>& block) {
  if (has_no_room()) return Give::kNoRoom;
  const std::lock_guard lock(mutex_);
  // A single block may be larger than all that may wait.
  if (!items_.empty() && bytes_ + block.size() > kBytesMax) return Give::kBusy;
  bytes_ += block.size();
  items_.push_back({&lane, ++lane.given, std::exchange(block, {})});
  return Give::kTaken;
}

BridgeQueue::Item* BridgeQueue::front() {
  const std::lock_guard lock(mutex_);
  return items_.empty() ? nullptr : &items_.front();
}

void BridgeQueue::pop() {
  const std::lock_guard lock(mutex_);
  bytes_ -= items_.front().block.size();
  items_.pop_front();
}

bool BridgeQueue::is_empty() const {
  const std::lock_guard lock(mutex_);
  return items_.empty();
}

}  // namespace drivers::mqtt
