#include "drivers/library/event_ring.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "router/base/check.h"

namespace drivers::library {
namespace {

constexpr std::size_t kFixed = offsetof(vscp::Event, data);
constexpr std::size_t kRecordMax = (sizeof(vscp::Event) + kCacheLine - 1) / kCacheLine * kCacheLine;
static_assert(kFixed + 24 == kCacheLine);

constexpr std::size_t record_size(std::size_t data_size) noexcept {
  return (kFixed + data_size + kCacheLine - 1) / kCacheLine * kCacheLine;
}

/// The compiler must not read the shared bytes a second time instead of the copy.
void keep_copy() noexcept {
  std::atomic_signal_fence(std::memory_order_seq_cst);
}

bool take_flag(std::atomic<std::uint32_t>& asleep) noexcept {
  // Pairs with the fence in prepare_to_sleep(): either we see the flag, or the sleeper sees what we did.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  return asleep.load(std::memory_order_relaxed) != 0 && asleep.exchange(0, std::memory_order_acq_rel) != 0;
}

void set_flag(std::atomic<std::uint32_t>& asleep) noexcept {
  asleep.store(1, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_seq_cst);
}

}  // namespace

// ---- writer ---------------------------------------------------------------------------------------------------------

RingWriter::RingWriter(RingControl& control, std::span<std::uint8_t> data) noexcept : control_(&control), data_(data) {
  VR_ASSERT(std::has_single_bit(data.size()) && data.size() >= 2 * kRecordMax);
}

std::size_t RingWriter::room() noexcept {
  const std::uint64_t taken = control_->taken.load(std::memory_order_acquire);
  if (taken < taken_ || taken > written_ || taken % kCacheLine != 0) {
    broken_ = true;
    return 0;
  }
  taken_ = taken;
  return data_.size() - static_cast<std::size_t>(written_ - taken_);
}

RingResult RingWriter::put(const vscp::Event& event) noexcept {
  VR_ASSERT(event.data_size <= event.data.size());
  const std::size_t size = record_size(event.data_size);
  if (data_.size() - (written_ - taken_) < size && (broken_ || room() < size)) {
    return broken_ ? RingResult::kBroken : RingResult::kNothing;
  }
  const std::size_t begin = static_cast<std::size_t>(written_) & (data_.size() - 1);
  const std::size_t length = kFixed + event.data_size;
  const std::size_t first = std::min(length, data_.size() - begin);
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(&event);
  std::memcpy(data_.data() + begin, bytes, first);
  if (first < length) std::memcpy(data_.data(), bytes + first, length - first);
  written_ += size;
  return RingResult::kDone;
}

bool RingWriter::take_sleeper() noexcept {
  return take_flag(control_->consumer_asleep);
}

bool RingWriter::prepare_to_sleep() noexcept {
  if (broken_) return true;
  set_flag(control_->producer_asleep);
  if (room() < kRecordMax) return true;
  finish_sleep();
  return false;
}

bool RingWriter::is_empty() noexcept {
  return room() == data_.size();
}

// ---- reader ---------------------------------------------------------------------------------------------------------

RingReader::RingReader(RingControl& control, std::span<const std::uint8_t> data) noexcept
    : control_(&control), data_(data) {
  VR_ASSERT(std::has_single_bit(data.size()) && data.size() >= 2 * kRecordMax);
}

std::size_t RingReader::waiting() noexcept {
  if (written_ == taken_) {
    const std::uint64_t written = look_written();
    if (written < written_ || written - taken_ > data_.size() || written % kCacheLine != 0) broken_ = true;
    if (broken_) return 0;
    written_ = written;
  }
  return static_cast<std::size_t>(written_ - taken_);
}

RingResult RingReader::take(vscp::Event& event) noexcept {
  const std::size_t there = broken_ ? 0 : waiting();
  if (there == 0) return broken_ ? RingResult::kBroken : RingResult::kNothing;
  const std::size_t begin = static_cast<std::size_t>(taken_) & (data_.size() - 1);
  auto* const bytes = reinterpret_cast<std::uint8_t*>(&event);
  std::memcpy(bytes, data_.data() + begin, kCacheLine);
  keep_copy();
  const std::size_t data_size = event.data_size;
  if (data_size > event.data.size() || record_size(data_size) > there) {
    broken_ = true;
    return RingResult::kBroken;
  }
  if (const std::size_t length = kFixed + data_size; length > kCacheLine) {
    const std::size_t first = std::min(length, data_.size() - begin);
    std::memcpy(bytes + kCacheLine, data_.data() + begin + kCacheLine, first - kCacheLine);
    if (first < length) std::memcpy(bytes + first, data_.data(), length - first);
  }
  taken_ += record_size(data_size);
  return RingResult::kDone;
}

bool RingReader::take_sleeper() noexcept {
  // He is woken when half is free: once for many events.
  return look_written() - taken_ <= data_.size() / 2 && take_flag(control_->producer_asleep);
}

bool RingReader::prepare_to_sleep() noexcept {
  if (broken_) return true;
  set_flag(control_->consumer_asleep);
  if (waiting() == 0) return true;
  finish_sleep();
  return false;
}

}  // namespace drivers::library
