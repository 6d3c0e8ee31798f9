// Fan-out: what readers lose when they are further behind than they may be.
//
// Of each priority a reader always loses the oldest events, so a number per priority (SkipRule::until) says which entries it
// skips from then on: nothing is copied, however many readers shed what of the same chain.
#include <algorithm>
#include <new>

#include "router/base/check.h"
#include "router/core/fanout.h"

namespace router {

// ---- what a reader wants ------------------------------------------------------------

void Fanout::add_wanted(const Reader& reader, const IndexChunk& chunk, std::uint16_t begin, ByPriority& of) noexcept {
  unsigned by_entry = 0xff;  // bit p: entries of this priority must be looked at one by one
  if (begin == 0 && !reader.ignores_any(chunk)) {
    by_entry = 0;
    chunk.sum_up();
    for (std::uint32_t p = 0; p < of.size(); ++p) {
      if (chunk.count_of[p] == 0) continue;
      const std::uint64_t until = reader.skip_ == nullptr ? 0 : reader.skip_->until[p];
      if (until <= chunk.first) {
        of[p] += {chunk.count_of[p], chunk.bytes_of[p]};
      } else if (until <= chunk.number(static_cast<std::uint16_t>(chunk.count - 1))) {
        by_entry |= 1U << p;
      }
    }
  }
  for (std::uint16_t i = begin; by_entry != 0 && i < chunk.count; ++i) {
    const IndexEntry& entry = chunk.entries[i];
    if ((by_entry >> entry.priority & 1U) != 0 && reader.wants(chunk, i)) of[entry.priority] += {1, entry.length};
  }
}

SkipRule* Fanout::rule_of(Reader& reader) noexcept {
  if (reader.skip_ != nullptr) return reader.skip_;
  void* memory = rule_slab_.try_take();
  if (memory == nullptr) return nullptr;
  reader.skip_ = ::new (memory) SkipRule;
  ++reader.group_->skippers_;
  return reader.skip_;
}

void Fanout::release_rule(Reader& reader) noexcept {
  if (reader.skip_ == nullptr) return;
  rule_slab_.give(reader.skip_);
  reader.skip_ = nullptr;
  --reader.group_->skippers_;
}

// The cursor moves to there, or to the end of the chain (null).
void Fanout::pass_unwanted(Reader& reader, const IndexChunk* chunk, std::uint16_t index) noexcept {
  SkipRule& rule = *reader.skip_;
  if (chunk == nullptr || chunk->number(index) >= rule.last) {
    release_rule(reader);
    return;
  }
  const IndexChunk* at = reader.chunk_;
  std::uint16_t i = reader.index_;
  while (at != chunk || i != index) {
    if (i == at->count) {
      at = at->next;
      i = 0;
      continue;
    }
    if (!reader.wants(*at, i)) rule.ahead -= {1, at->entries[i].length};
    ++i;
  }
}

// From here to the end of the chain everything has been looked at: what the reader does not want no longer counts as lag.
void Fanout::note_unwanted(Reader& reader) noexcept {
  if (reader.chunk_ == nullptr) return;
  SkipRule* rule = rule_of(reader);
  if (rule == nullptr) return;
  const FilterGroup& group = *reader.group_;
  rule->last = group.end_.events;
  rule->ahead = {};
  rule->ahead = lag(reader);
  rule->ahead -= {reader.backlog_count_, reader.backlog_bytes_};
  rule->ahead -= count_wanted(reader, {reader.chunk_, reader.index_}, {group.tail_, group.tail_->count});
}

// The cursor moves to the first entry that the reader wants: mostly over its own events.
void Fanout::pass_unwanted_front(Reader& reader) noexcept {
  for (;;) {
    const auto [chunk, index] = next_of(reader);
    if (chunk == nullptr) return;
    std::uint16_t i = index;
    while (i < chunk->count && !reader.wants(*chunk, i)) ++i;
    const bool found = i < chunk->count;
    if (i > index) set_next(reader, {chunk, i});
    if (found) return;
  }
}

// ---- dropping ------------------------------------------------------------

std::uint32_t Fanout::drop_to(Reader& reader, const Amount& keep, bool lowest_priority_first) noexcept {
  VR_ASSERT(!reader.sending_);
  settle(reader);
  if (reader.line_sent_ != 0) save_rest_of_line(reader);
  const std::uint64_t dropped = lowest_priority_first ? drop_lowest(reader, keep) : drop_oldest(reader, keep);
  count_dropped(reader, dropped);
  pass_unwanted_front(reader);
  // So much is left that the reader does not want that it would be looked at again and again.
  if (lag(reader).exceeds(keep)) note_unwanted(reader);
  return static_cast<std::uint32_t>(dropped);
}

std::uint64_t Fanout::drop_oldest(Reader& reader, const Amount& keep) noexcept {
  // What the reader ignores does not count: it must not lose others' events because of its own.
  Amount waiting = count_waiting(reader);
  const std::uint64_t before = waiting.events;
  while (waiting.exceeds(keep)) {
    const auto [chunk, index] = next_of(reader);
    Amount left = waiting;
    left -= count_wanted_in(reader, *chunk, index, chunk->count);
    std::uint16_t stop = chunk->count;
    if (left.exceeds(keep)) {
      waiting = left;
    } else {
      for (stop = index; waiting.exceeds(keep); ++stop) {
        if (reader.wants(*chunk, stop)) waiting -= {1, chunk->entries[stop].length};
      }
    }
    set_next(reader, {chunk, stop});
  }
  return before - waiting.events;
}

std::uint64_t Fanout::drop_lowest(Reader& reader, const Amount& keep) noexcept {
  ByPriority of{};
  for (const auto& [first, index] : {Cursor{reader.backlog_, reader.backlog_index_}, Cursor{reader.chunk_, reader.index_}}) {
    for (const IndexChunk* chunk = first; chunk != nullptr; chunk = chunk->next) {
      add_wanted(reader, *chunk, chunk == first ? index : std::uint16_t{0}, of);
    }
  }
  Amount waiting;
  for (const Amount& each : of) waiting += each;
  if (!waiting.exceeds(keep)) return 0;
  const auto priorities = std::count_if(of.begin(), of.end(), [](const Amount& each) { return each.events > 0; });
  // Nothing to choose from: the cursor moves.
  if (priorities == 1 || (reader.chunk_ != nullptr && rule_of(reader) == nullptr)) return drop_oldest(reader, keep);

  const std::uint64_t before = waiting.events;
  // Everything below (numerically above) `border` goes, and of priority `border` the oldest until it is enough.
  std::uint32_t border = 7;
  for (; border > 0; --border) {
    Amount left = waiting;
    left -= of[border];
    if (!left.exceeds(keep)) break;
    waiting = left;
  }
  if (reader.backlog_ != nullptr) shed_backlog(reader, border, waiting, keep);
  if (reader.chunk_ != nullptr) {
    SkipRule::Bounds& until = reader.skip_->until;
    for (std::uint32_t p = border + 1; p < until.size(); ++p) until[p] = reader.group_->end_.events;
    if (waiting.exceeds(keep)) until[border] = find_bound(reader, border, waiting, keep);
    note_unwanted(reader);
  }
  return before - waiting.events;
}

// Up to where entries of priority `border` must go.
std::uint64_t Fanout::find_bound(const Reader& reader, std::uint32_t border, Amount& waiting,
                                 const Amount& keep) noexcept {
  for (const IndexChunk* chunk = reader.chunk_;; chunk = chunk->next) {
    const std::uint16_t begin = chunk == reader.chunk_ ? reader.index_ : std::uint16_t{0};
    ByPriority of{};
    add_wanted(reader, *chunk, begin, of);
    Amount left = waiting;
    left -= of[border];
    if (left.exceeds(keep)) {
      waiting = left;
      continue;
    }
    for (std::uint16_t i = begin; i < chunk->count; ++i) {
      if (chunk->entries[i].priority != border || !reader.wants(*chunk, i)) continue;
      waiting -= {1, chunk->entries[i].length};
      if (!waiting.exceeds(keep)) return chunk->number(i) + 1;
    }
  }
}

// A backlog is the reader's own, so that what is dropped can be taken out of it.
void Fanout::shed_backlog(Reader& reader, std::uint32_t border, Amount& waiting, const Amount& keep) noexcept {
  IndexChunk* kept_tail = nullptr;
  IndexChunk* chunk = reader.backlog_;
  std::uint16_t read = reader.backlog_index_;
  reader.backlog_ = nullptr;
  reader.backlog_index_ = 0;
  reader.backlog_count_ = 0;
  reader.backlog_bytes_ = 0;
  while (chunk != nullptr) {
    IndexChunk* next = chunk->next;
    const std::uint16_t count = chunk->count;
    chunk->clear();
    chunk->next = nullptr;
    for (; read < count; ++read) {
      const IndexEntry entry = chunk->entries[read];
      if (entry.priority > border) continue;
      if (entry.priority == border && waiting.exceeds(keep)) {
        waiting -= {1, entry.length};
        continue;
      }
      chunk->append(entry);
      ++reader.backlog_count_;
      reader.backlog_bytes_ += entry.length;
    }
    read = 0;
    if (chunk->count == 0) {
      free_chunk(*chunk);
    } else {
      (kept_tail == nullptr ? reader.backlog_ : kept_tail->next) = chunk;
      kept_tail = chunk;
    }
    chunk = next;
  }
  reader.backlog_tail_ = kept_tail;
  if (kept_tail == nullptr) static_cast<ListNode<BacklogTag>&>(reader).unlink();
}

// ---- counting ------------------------------------------------------------

void Fanout::count_dropped(Reader& reader, std::uint64_t entries) noexcept {
  reader.events_dropped_ += entries;
  if (reader.is_crew_) {
    const auto& crew = static_cast<const Crew&>(reader);
    counters_.dropped.add(entries * crew.size_);
    counters_.missed.add(entries * crew.reading_);
  } else {
    count_total(reader, entries);
  }
}

void Fanout::count_total(const Reader& reader, std::uint64_t entries) noexcept {
  counters_.dropped.add(entries);
  if (reader.reads_) counters_.missed.add(entries);
}

// An entry that found no memory: everybody in the group who would have got it has lost it.
void Fanout::lose(FilterGroup& group, const IndexEntry& entry) noexcept {
  counters_.log_full.add();
  const auto count_in = [&](IntrusiveList<Reader, ReaderTag>& readers) {
    for (Reader* reader = readers.front(); reader != nullptr; reader = readers.next(*reader)) {
      if (!reader->is_crew_ && !reader->ignores(entry)) count_dropped(*reader, 1);
    }
  };
  for (Reader* reader = group.crew_.members_.front(); reader != nullptr; reader = group.crew_.members_.next(*reader)) {
    if (reader->ignores(entry)) continue;
    count_dropped(*reader, 1);
    --reader->crew_base_;
  }
  count_in(group.caught_up_);
  for (IndexChunk* chunk = group.head_; chunk != nullptr; chunk = chunk->next) count_in(chunk->readers);
}

}  // namespace router
