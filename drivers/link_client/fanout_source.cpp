#include "drivers/link_client/fanout_source.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "protocol/limits.h"

namespace drivers::link_client {
namespace {

constexpr std::size_t kBytesPerEvent = 256;  // most are smaller; large ones fill it with fewer

}  // namespace

void FanoutSource::set_window(std::uint32_t events) {
  if (events <= entries_.size()) return;
  std::vector<Entry> entries(events);
  std::vector<char> bytes(std::max(events * kBytesPerEvent, 2 * vscp::kEventLineMax));
  std::uint32_t end = 0;
  for (std::uint32_t i = 0; i < count_; ++i) {
    const Entry& entry = at(i);
    std::memcpy(bytes.data() + end, bytes_.data() + entry.offset, entry.size);
    entries[i] = {end, entry.size, entry.sent};
    end += entry.size;
  }
  entries_ = std::move(entries);
  bytes_ = std::move(bytes);
  first_ = 0;
  end_ = end;
}

std::string_view FanoutSource::next() noexcept {
  if (given_ == count_) {
    if (count_ == entries_.size()) return {};
    const auto line = fanout_->peek_line(*reader_);
    if (line.empty() || !store({line.data(), line.size()})) return {};
    fanout_->pop_line(*reader_);
  }
  Entry& entry = at(given_++);
  if (std::exchange(entry.sent, true)) ++resent_;
  return text_of(entry);
}

void FanoutSource::release_oldest() noexcept {
  if (count_ == 0 || given_ == 0) return;
  first_ = static_cast<std::uint32_t>((first_ + 1) % entries_.size());
  --count_;
  --given_;
}

bool FanoutSource::store(std::string_view line) noexcept {
  const auto size = static_cast<std::uint32_t>(line.size());
  if (count_ == 0) end_ = 0;
  const std::uint32_t begin = count_ == 0 ? 0 : at(0).offset;
  std::uint32_t offset = end_;
  if (count_ == 0 || end_ > begin) {
    if (size > bytes_.size() - end_) {
      if (size > begin) return false;
      offset = 0;
    }
  } else if (size > begin - end_) {
    return false;
  }
  std::memcpy(bytes_.data() + offset, line.data(), size);
  at(count_) = {offset, size, false};
  ++count_;
  end_ = offset + size;
  return true;
}

}  // namespace drivers::link_client
