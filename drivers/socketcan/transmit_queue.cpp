#include "drivers/socketcan/transmit_queue.h"

#include <numeric>

#include "router/base/check.h"

namespace drivers::socketcan {

TransmitQueue::TransmitQueue(std::uint32_t capacity) : frames_(capacity) {
  VR_ASSERT(capacity > 0);
}

bool TransmitQueue::push(const vscp::CanFrame& frame, std::uint8_t priority, bool bit_rate_switch,
                         std::uint32_t now_ms) noexcept {
  priority &= kPriorities - 1;
  std::uint32_t place = free_;
  bool lossless = true;
  if (place != kNone) {
    free_ = frames_[place].next;
  } else if (fresh_ < frames_.size()) {
    place = fresh_++;
  } else {
    lossless = false;
    std::size_t lowest = kPriorities - 1;
    while (lines_[lowest].first == kNone) --lowest;
    if (priority > lowest) {
      ++lost_[priority];
      return false;
    }
    ++lost_[lowest];
    --size_;
    place = take_first(lines_[lowest]);
  }
  WaitingFrame& slot = frames_[place];
  slot.size = static_cast<std::uint8_t>(write_frame(frame, bit_rate_switch, slot.bytes));
  slot.priority = priority;
  slot.since_ms = now_ms;
  slot.next = kNone;
  Line& line = lines_[priority];
  (line.first == kNone ? line.first : frames_[line.last].next) = place;
  line.last = place;
  ++size_;
  return lossless;
}

std::uint32_t TransmitQueue::take_first(Line& line) noexcept {
  const std::uint32_t place = line.first;
  line.first = frames_[place].next;
  if (line.first == kNone) line.last = kNone;
  return place;
}

std::size_t TransmitQueue::peek(std::span<const WaitingFrame*> out) const noexcept {
  std::size_t count = 0;
  for (const Line& line : lines_) {
    for (std::uint32_t place = line.first; place != kNone && count < out.size(); place = frames_[place].next) {
      out[count++] = &frames_[place];
    }
  }
  return count;
}

void TransmitQueue::drop_first(Line& line) noexcept {
  const std::uint32_t place = take_first(line);
  frames_[place].next = free_;
  free_ = place;
  --size_;
}

void TransmitQueue::drop_older_than(std::uint32_t now_ms, std::uint32_t age_ms) noexcept {
  for (Line& line : lines_) {
    while (line.first != kNone && now_ms - frames_[line.first].since_ms > age_ms) {
      drop_first(line);
      ++expired_;
    }
  }
}

void TransmitQueue::pop() noexcept {
  for (Line& line : lines_) {
    if (line.first == kNone) continue;
    drop_first(line);
    return;
  }
  VR_ASSERT(false);
}

void TransmitQueue::clear() noexcept {
  while (!empty()) pop();
}

std::uint64_t TransmitQueue::lost_total() const noexcept {
  return std::accumulate(lost_.begin(), lost_.end(), std::uint64_t{0});
}

}  // namespace drivers::socketcan
