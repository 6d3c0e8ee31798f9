// Fan-out: the memory of the log and of the indexes, and what happens when it runs out.
#include "router/core/fanout.h"

#include <algorithm>
#include <new>

#include "router/base/check.h"

namespace router {
namespace {

// What of the log stays free for the lines of one turn; evicted early because a reader in the middle of a send cannot
// be moved.
constexpr std::size_t kReserveDivisor = 8;

}  // namespace

Fanout::Fanout(const FanoutSettings& settings)
    : settings_(settings),
      log_memory_(nullptr),
      segments_(std::max<std::size_t>(settings.log_bytes / settings.segment_bytes, kFormats * 2 + 2)),
      chunk_slab_(sizeof(IndexChunk), settings.index_chunks) {
  VR_ASSERT(settings.segment_bytes >= 2 * vscp::kEventWireMax);
  log_memory_ = static_cast<char*>(map_memory(segments_.size() * settings_.segment_bytes));
  free_segments_.reserve(segments_.size());
  for (std::size_t i = segments_.size(); i-- > 0;) {
    segments_[i].bytes = log_memory_ + i * settings_.segment_bytes;
    free_segments_.push_back(&segments_[i]);
  }
  scratch_.reserve(1024);
}

Fanout::~Fanout() {
  for (auto& group : groups_) {
    VR_ASSERT(group->reader_count_ == 0);
  }
  unmap_memory(log_memory_, segments_.size() * settings_.segment_bytes);
}

LogSegment* Fanout::take_segment() noexcept {
  if (free_segments_.empty() && !(evicting_allowed_ && evict_oldest())) return nullptr;
  if (free_segments_.empty()) return nullptr;
  LogSegment* segment = free_segments_.back();
  free_segments_.pop_back();
  segment->used = 0;
  used_segments_.push_back(*segment);
  ++segments_in_use_;
  return segment;
}

void Fanout::release_segment_if_unused(LogSegment& segment) noexcept {
  if (!segment.chunks.empty()) return;
  if (segment.current) {
    segment.used = 0;  // everything in it was read: write over it while it is in the cache
    return;
  }
  segment.unlink();
  free_segments_.push_back(&segment);
  --segments_in_use_;
}

IndexChunk* Fanout::take_chunk(LogSegment& segment) noexcept {
  void* memory = chunk_slab_.try_take();
  if (memory == nullptr && evicting_allowed_ && evict_oldest()) memory = chunk_slab_.try_take();
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

bool Fanout::evict_oldest() noexcept {
  for (LogSegment* segment = used_segments_.front(); segment != nullptr; segment = used_segments_.next(*segment)) {
    if (!segment->current && evict(*segment)) {
      counters_.evicted.add();
      return true;
    }
  }
  return false;
}

// Everybody who has not read this segment loses what is in it and before. False if some reader is in the middle of a
// send.
bool Fanout::evict(LogSegment& segment) noexcept {
  while (IndexChunk* chunk = segment.chunks.front()) {
    if (chunk->owner != nullptr) {
      Reader& reader = *chunk->owner;
      if (reader.sending_ && reader.send_from_backlog_) return false;
      if (reader.line_sent_ != 0) save_rest_of_line(reader);
      if (segment.chunks.front() != chunk) continue;  // that rest was all there was
      const Cursor end{chunk, chunk->count};
      count_dropped(reader, count_entries(&reader, next_of(reader), end).events);
      set_next(reader, end);
      continue;
    }
    FilterGroup& group = *chunk->group;
    flush_group(group);
    const std::uint64_t base = chunk->base;
    for (IndexChunk* passed = group.head_; passed != nullptr && passed->base <= base; passed = passed->next) {
      for (Reader* reader = passed->readers.front(); reader != nullptr; reader = passed->readers.next(*reader)) {
        if (reader->sending_ && !reader->send_from_backlog_) return false;
      }
    }
    // Readers are moved one by one; the chain ahead of them frees itself as the last one leaves.
    trim(group);
    while (group.head_ != nullptr && group.head_->base <= base) {
      Reader& reader = *group.head_->readers.front();
      if (reader.backlog_ == nullptr && reader.line_sent_ != 0) save_rest_of_line(reader);
      if (reader.chunk_ == nullptr || reader.chunk_->base > base) continue;
      count_dropped(reader, count_entries(&reader, {reader.chunk_, reader.index_}, {chunk, chunk->count}).events);
      move_cursor(reader, chunk, chunk->count);
    }
  }
  return true;
}

void Fanout::keep_reserve() noexcept {
  const std::size_t reserve = std::max<std::size_t>(segments_.size() / kReserveDivisor, 1);
  while (free_segments_.size() < reserve && evict_oldest()) {
  }
}

void Fanout::count_dropped(Reader& reader, std::uint64_t entries) noexcept {
  reader.events_dropped_ += entries;
  counters_.dropped.add(entries);
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
