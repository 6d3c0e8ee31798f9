// Fan-out: the memory of the log and of the indexes. What happens when it runs out is in fanout_evict.cpp.
#include "router/core/fanout.h"

#include <algorithm>
#include <new>

#include "router/base/check.h"

namespace router {
namespace {

// What of the log stays free for the lines of one turn; evicted early because a reader in the middle of a send cannot
// be moved.
constexpr std::size_t kReserveDivisor = 8;
// If emptying so many segments has brought nothing, the next ones are emptied without saving anything.
constexpr int kRescueTries = 3;

}  // namespace

Fanout::Fanout(const FanoutSettings& settings)
    : settings_(settings),
      log_memory_(nullptr),
      segments_(std::max<std::size_t>(settings.log_bytes / settings.segment_bytes, kFormats * 2 + 2)),
      chunk_slab_(sizeof(IndexChunk), settings.index_chunks),
      rule_slab_(sizeof(SkipRule), settings.skip_rules),
      lines_(settings.segment_bytes / kLineSlot + 1) {
  VR_ASSERT(settings.segment_bytes >= 2 * vscp::kEventWireMax);
  log_memory_ = static_cast<char*>(map_memory(segments_.size() * settings_.segment_bytes));
  free_segments_.reserve(segments_.size());
  for (std::size_t i = segments_.size(); i-- > 0;) {
    segments_[i].bytes = log_memory_ + i * settings_.segment_bytes;
    free_segments_.push_back(&segments_[i]);
  }
  for (auto* readers : {&scratch_, &passed_, &senders_}) readers->reserve(1024);
}

Fanout::~Fanout() {
  for (auto& group : groups_) {
    VR_ASSERT(group->reader_count_ == 0);
  }
  unmap_memory(log_memory_, segments_.size() * settings_.segment_bytes);
}

LogSegment* Fanout::take_segment() noexcept {
  // The first segment emptied may only become the one that others are emptied into.
  for (int tries = 0; free_segments_.empty(); ++tries) {
    const Rescue rescue = tries < kRescueTries ? Rescue::kWhatFits : Rescue::kNothing;
    if (!evicting_allowed_ || !(make_room(rescue) || empty_rescue())) return nullptr;
  }
  LogSegment* segment = free_segments_.back();
  free_segments_.pop_back();
  segment->used = 0;
  segment->bytes_of = {};
  segment->looked_at = 0;
  used_segments_.push_back(*segment);
  ++segments_in_use_;
  return segment;
}

void Fanout::release_segment_if_unused(LogSegment& segment) noexcept {
  if (!segment.chunks.empty() || segment.pinned) return;
  if (segment.current) {
    segment.used = 0;  // everything in it was read: write over it while it is in the cache
    segment.bytes_of = {};
    return;
  }
  if (&segment == rescue_) rescue_ = nullptr;
  segment.unlink();
  free_segments_.push_back(&segment);
  --segments_in_use_;
}

IndexChunk* Fanout::take_chunk(LogSegment& segment) noexcept {
  void* memory = chunk_slab_.try_take();
  // What stays of two chunks may have to come together before one of them is free.
  for (int tries = 0; memory == nullptr && evicting_allowed_; ++tries) {
    if (!make_room(tries < kRescueTries ? Rescue::kHalf : Rescue::kNothing) && !empty_rescue()) break;
    memory = chunk_slab_.try_take();
  }
  if (memory == nullptr) return nullptr;
  auto* chunk = ::new (memory) IndexChunk;
  chunk->segment = &segment;
  segment.chunks.push_back(*chunk);
  return chunk;
}

void Fanout::free_chunk(IndexChunk& chunk) noexcept {
  VR_ASSERT(chunk.readers.empty());
  LogSegment& segment = *chunk.segment;
  chunk.unlink();
  chunk.~IndexChunk();
  chunk_slab_.give(&chunk);
  release_segment_if_unused(segment);
}

void Fanout::keep_reserve() noexcept {
  const std::size_t reserve = std::max<std::size_t>(segments_.size() / kReserveDivisor, 1);
  while (free_segments_.size() < reserve && make_room(Rescue::kWhatFits)) {
  }
}

void Fanout::save_rest_of_line(Reader& reader) noexcept {
  const auto [chunk, index] = next_of(reader);
  const IndexEntry& entry = chunk->entries[index];
  const std::span<const char> rest{chunk->segment->bytes + entry.offset + reader.line_sent_,
                                   static_cast<std::size_t>(entry.length - reader.line_sent_)};
  reader.line_sent_ = 0;
  set_next(reader, {chunk, static_cast<std::uint16_t>(index + 1)});
  reader.take_rest_of_line(rest);  // nothing is written between: the bytes are still there
}

}  // namespace router
