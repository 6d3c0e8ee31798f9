// Fan-out: cursors, sends and polling. Dropping is in fanout_shed.cpp, memory in fanout_memory.cpp.
#include "router/core/fanout.h"

#include <algorithm>

#include "router/base/check.h"

namespace router {

// ---- cursors ------------------------------------------------------------

// What came in this turn counts, and the reader has a place of its own.
void Fanout::settle(Reader& reader) noexcept {
  flush_group(*reader.group_);
  if (reader.aside_) leave_crew(reader);
}

Fanout::Cursor Fanout::next_of(const Reader& reader) noexcept {
  return reader.backlog_ != nullptr ? Cursor{reader.backlog_, reader.backlog_index_}
                                    : Cursor{reader.chunk_, reader.index_};
}

Amount Fanout::lag(const Reader& reader) const noexcept {
  if (reader.aside_) return lag(reader.group_->crew_);
  Amount behind{reader.backlog_count_, reader.backlog_bytes_};
  if (const IndexChunk* chunk = reader.chunk_; chunk != nullptr) {
    behind += reader.group_->end_;
    behind -= chunk->base;
    behind -= {reader.index_, bytes_between(*chunk, 0, reader.index_)};
    if (reader.skip_ != nullptr) behind -= reader.skip_->ahead;
  }
  return behind;
}

std::uint64_t Fanout::bytes_between(const IndexChunk& chunk, std::uint16_t begin, std::uint16_t end) noexcept {
  if (begin == end) return 0;
  if (chunk.contiguous) {
    const IndexEntry& last = chunk.entries[end - 1U];
    return last.offset + last.length - chunk.entries[begin].offset;
  }
  std::uint64_t bytes = 0;
  for (; begin < end; ++begin) bytes += chunk.entries[begin].length;
  return bytes;
}

Amount Fanout::count_wanted_in(const Reader& reader, const IndexChunk& chunk, std::uint16_t begin,
                               std::uint16_t end) noexcept {
  if (reader.wants_all(chunk)) return {static_cast<std::uint64_t>(end - begin), bytes_between(chunk, begin, end)};
  Amount count;
  if (begin == 0 && end == chunk.count) {
    ByPriority of{};
    add_wanted(reader, chunk, 0, of);
    for (const Amount& each : of) count += each;
  } else {
    for (; begin < end; ++begin) {
      if (reader.wants(chunk, begin)) count += {1, chunk.entries[begin].length};
    }
  }
  return count;
}

// What the reader wants of what is from begin to end in one chain.
Amount Fanout::count_wanted(const Reader& reader, Cursor begin, Cursor end) noexcept {
  Amount count;
  auto [chunk, index] = begin;
  while (chunk != nullptr) {
    count += count_wanted_in(reader, *chunk, index, chunk == end.first ? end.second : chunk->count);
    if (chunk == end.first) break;
    chunk = chunk->next;
    index = 0;
  }
  return count;
}

void Fanout::set_next(Reader& reader, Cursor to) noexcept {
  if (reader.backlog_ != nullptr) {
    move_backlog(reader, to.first, to.second);
  } else {
    move_cursor(reader, to.first, to.second);
  }
}

void Fanout::move_cursor(Reader& reader, IndexChunk* chunk, std::uint16_t index) noexcept {
  while (index == chunk->count && chunk->next != nullptr) {
    chunk = chunk->next;
    index = 0;
  }
  if (index == chunk->count) {
    chunk = nullptr;
    index = 0;
  }
  if (reader.skip_ != nullptr) pass_unwanted(reader, chunk, index);
  if (reader.chunk_ == chunk) {
    reader.index_ = index;
    return;
  }
  pin(reader, *reader.group_, chunk, index);
  trim(*reader.group_);
}

void Fanout::pin(Reader& reader, FilterGroup& group, IndexChunk* chunk, std::uint16_t index) noexcept {
  // At the end of the chain there must be nothing of this turn, or flush_group() would give it out twice.
  VR_ASSERT(chunk != nullptr || group.turn_chunk_ == nullptr);
  static_cast<ListNode<ReaderTag>&>(reader).unlink();
  reader.chunk_ = chunk;
  reader.index_ = index;
  (chunk == nullptr ? group.caught_up_ : chunk->readers).push_back(reader);
}

void Fanout::move_backlog(Reader& reader, IndexChunk* chunk, std::uint16_t index) noexcept {
  const Amount passed = count_wanted(reader, {reader.backlog_, reader.backlog_index_}, {chunk, index});
  reader.backlog_count_ -= static_cast<std::uint32_t>(passed.events);
  reader.backlog_bytes_ -= passed.bytes;
  while (index == chunk->count && chunk->next != nullptr) {
    chunk = chunk->next;
    index = 0;
  }
  if (index == chunk->count) {
    free_backlog(reader);
    return;
  }
  while (reader.backlog_ != chunk) {
    IndexChunk* next = reader.backlog_->next;
    free_chunk(*reader.backlog_);
    reader.backlog_ = next;
  }
  reader.backlog_index_ = index;
}

void Fanout::free_backlog(Reader& reader) noexcept {
  while (reader.backlog_ != nullptr) {
    IndexChunk* next = reader.backlog_->next;
    free_chunk(*reader.backlog_);
    reader.backlog_ = next;
  }
  reader.backlog_tail_ = nullptr;
  reader.backlog_index_ = 0;
  reader.backlog_count_ = 0;
  reader.backlog_bytes_ = 0;
  static_cast<ListNode<BacklogTag>&>(reader).unlink();
}

void Fanout::trim(FilterGroup& group) noexcept {
  while (group.head_ != nullptr && group.head_ != group.turn_chunk_ && group.head_->readers.empty()) {
    IndexChunk* next = group.head_->next;
    free_chunk(*group.head_);
    group.head_ = next;
  }
  if (group.head_ == nullptr) group.tail_ = nullptr;
}

bool Fanout::append_to_backlog(Reader& reader, LogSegment& segment, const IndexEntry& entry) noexcept {
  IndexChunk* tail = reader.backlog_tail_;
  if (tail == nullptr || tail->count == IndexChunk::kEntries || tail->segment != &segment) {
    IndexChunk* fresh = take_chunk(segment);
    if (fresh == nullptr) return false;
    fresh->owner = &reader;
    if (tail == nullptr) reader.group_->backlogged_.push_back(reader);
    (tail == nullptr ? reader.backlog_ : tail->next) = fresh;
    reader.backlog_tail_ = tail = fresh;
  }
  tail->append(entry);
  ++reader.backlog_count_;
  reader.backlog_bytes_ += entry.length;
  return true;
}

void Fanout::move_waiting_to_backlog(Reader& reader) noexcept {
  settle(reader);
  // Eviction would move the very cursor that is being walked.
  evicting_allowed_ = false;
  std::uint32_t lost = 0;
  while (reader.chunk_ != nullptr) {
    IndexChunk& chunk = *reader.chunk_;
    for (std::uint16_t index = reader.index_; index < chunk.count; ++index) {
      if (!reader.wants(chunk, index)) continue;
      if (!append_to_backlog(reader, *chunk.segment, chunk.entries[index])) ++lost;
    }
    move_cursor(reader, &chunk, chunk.count);
  }
  evicting_allowed_ = true;
  if (lost > 0) count_dropped(reader, lost);
}

// ---- reading ------------------------------------------------------------

Amount Fanout::count_waiting(Reader& reader) noexcept {
  if (reader.aside_) return count_for_member(reader, cursor_of_member(reader));
  settle(reader);
  Amount count;
  if (reader.backlog_ != nullptr) {
    count += count_wanted(reader, {reader.backlog_, reader.backlog_index_},
                          {reader.backlog_tail_, reader.backlog_tail_->count});
  }
  if (reader.chunk_ != nullptr) {
    IndexChunk* tail = reader.group_->tail_;
    count += count_wanted(reader, {reader.chunk_, reader.index_}, {tail, tail->count});
  }
  return count;
}

Fanout::Gathered Fanout::gather(Reader& reader, std::span<iovec> ranges, std::size_t bytes_max) noexcept {
  VR_ASSERT(!reader.sending_);
  settle(reader);
  Gathered gathered;
  auto [chunk, index] = next_of(reader);
  if (chunk == nullptr) return gathered;
  std::size_t skip = reader.line_sent_;
  const IndexChunk* known = nullptr;
  bool whole_chunk = false;
  std::uint32_t events = 0;
  while (gathered.bytes < bytes_max) {
    if (index == chunk->count) {
      if (chunk->next == nullptr) break;
      chunk = chunk->next;
      index = 0;
      continue;
    }
    if (chunk != known) {
      known = chunk;
      whole_chunk = chunk->contiguous && reader.wants_all(*chunk);
    }
    const IndexEntry& first = chunk->entries[index];
    if (!whole_chunk && !reader.wants(*chunk, index)) {
      ++index;
      continue;
    }
    const std::uint16_t stop = whole_chunk ? chunk->count : static_cast<std::uint16_t>(index + 1);
    const IndexEntry& last = chunk->entries[stop - 1U];
    char* begin = chunk->segment->bytes + first.offset + skip;
    const std::size_t size = last.offset + last.length - first.offset - skip;
    iovec* previous = gathered.ranges == 0 ? nullptr : &ranges[gathered.ranges - 1];
    if (previous != nullptr && static_cast<char*>(previous->iov_base) + previous->iov_len == begin) {
      previous->iov_len += size;
    } else if (gathered.ranges == ranges.size()) {
      break;
    } else {
      ranges[gathered.ranges++] = {begin, size};
    }
    gathered.bytes += size;
    events += static_cast<std::uint32_t>(stop - index);
    skip = 0;
    index = stop;
  }
  if (gathered.bytes == 0) {
    set_next(reader, {chunk, index});
    return gathered;
  }
  reader.end_chunk_ = chunk;
  reader.end_index_ = index;
  reader.send_bytes_ = static_cast<std::uint32_t>(gathered.bytes);
  reader.send_events_ = events;
  reader.send_from_backlog_ = reader.backlog_ != nullptr;
  reader.sending_ = true;
  return gathered;
}

std::uint32_t Fanout::finish_send(Reader& reader, std::size_t bytes) noexcept {
  VR_ASSERT(reader.sending_ && bytes <= reader.send_bytes_);
  reader.sending_ = false;
  if (bytes == reader.send_bytes_) {
    reader.line_sent_ = 0;
    set_next(reader, {reader.end_chunk_, reader.end_index_});
    return reader.send_events_;
  }
  auto [chunk, index] =
      reader.send_from_backlog_ ? Cursor{reader.backlog_, reader.backlog_index_} : Cursor{reader.chunk_, reader.index_};
  std::uint32_t events = 0;
  while (bytes > 0) {
    if (index == chunk->count) {
      chunk = chunk->next;
      index = 0;
      continue;
    }
    const IndexEntry& entry = chunk->entries[index];
    if (!reader.wants(*chunk, index)) {
      ++index;
      continue;
    }
    const std::size_t left = entry.length - std::size_t{reader.line_sent_};
    if (bytes < left) {
      reader.line_sent_ = static_cast<std::uint16_t>(reader.line_sent_ + bytes);
      break;
    }
    bytes -= left;
    reader.line_sent_ = 0;
    ++index;
    ++events;
  }
  set_next(reader, {chunk, index});
  return events;
}

std::span<const char> Fanout::peek_line(Reader& reader) noexcept {
  VR_ASSERT(!reader.sending_);
  settle(reader);
  if (reader.line_sent_ != 0) save_rest_of_line(reader);
  for (;;) {
    const auto [chunk, index] = next_of(reader);
    if (chunk == nullptr) return {};
    const IndexEntry& entry = chunk->entries[index];
    if (reader.wants(*chunk, index)) return {chunk->segment->bytes + entry.offset, entry.length};
    set_next(reader, {chunk, static_cast<std::uint16_t>(index + 1)});
  }
}

void Fanout::pop_line(Reader& reader) noexcept {
  const auto [chunk, index] = next_of(reader);
  VR_ASSERT(chunk != nullptr && !reader.sending_);
  set_next(reader, {chunk, static_cast<std::uint16_t>(index + 1)});
}

void Fanout::clear(Reader& reader) noexcept {
  VR_ASSERT(!reader.sending_);
  settle(reader);
  if (reader.line_sent_ != 0) save_rest_of_line(reader);
  free_backlog(reader);
  if (reader.chunk_ != nullptr) {
    IndexChunk* tail = reader.group_->tail_;
    move_cursor(reader, tail, tail->count);
  }
}

}  // namespace router
