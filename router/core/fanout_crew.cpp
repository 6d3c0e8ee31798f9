// Fan-out: readers that stand aside. They have no place of their own in the chain but share the crew's, so that a thousand stuck
// peers, or clients that only send, cost as much as one.
//
// What a member would find is what the crew has not lost, from the entry on at which the member was when it stood aside, without
// what it ignores. What it has lost follows from the numbers of the entries: all since then, less what is left for it, less
// its own.
#include <algorithm>

#include "router/base/check.h"
#include "router/core/fanout.h"

namespace router {

// ---- what a member has ------------------------------------------------------------

// Its next entry, perhaps one that it ignores.
Fanout::Cursor Fanout::cursor_of_member(const Reader& reader) noexcept {
  const FilterGroup& group = *reader.group_;
  const Crew& crew = group.crew_;
  Cursor at{crew.chunk_, crew.index_};
  if (crew.chunk_ == nullptr) at = {group.turn_chunk_, group.turn_index_};
  auto& [chunk, index] = at;
  while (chunk != nullptr && chunk->number(static_cast<std::uint16_t>(chunk->count - 1)) < reader.aside_from_) {
    chunk = chunk->next;
    index = 0;
  }
  while (chunk != nullptr && chunk->number(index) < reader.aside_from_) ++index;
  return at;
}

Amount Fanout::count_for_member(const Reader& reader, Cursor from) noexcept {
  const FilterGroup& group = *reader.group_;
  if (from.first == nullptr) return {};
  Crew as;  // the member's channel with the crew's losses
  as.channel = reader.channel;
  as.receives_own = reader.receives_own;
  as.skip_ = group.crew_.skip_;
  return count_wanted(as, from, {group.tail_, group.tail_->count});
}

std::uint64_t Fanout::dropped_of_member(const Reader& reader) noexcept {
  const FilterGroup& group = *reader.group_;
  const std::uint64_t left = count_for_member(reader, cursor_of_member(reader)).events;
  return reader.events_dropped_ + group.end_.events - group.crew_.foreign_ - left;
}

std::uint64_t Reader::events_dropped() const noexcept {
  return aside_ ? Fanout::dropped_of_member(*this) : events_dropped_;
}

// ---- coming and going ------------------------------------------------------------

std::uint32_t Fanout::drop_aside(Reader& reader, const Amount& keep, bool lowest_priority_first) noexcept {
  VR_ASSERT(!reader.sending_);
  const std::uint64_t before = reader.events_dropped();
  settle(reader);
  if (reader.line_sent_ != 0) save_rest_of_line(reader);
  Crew& crew = reader.group_->crew_;
  const bool fits = crew.limit() == reader.limit() && crew.by_priority_ == lowest_priority_first;
  if (crew.size_ == 0 || !fits || !join_crew(reader)) {
    drop_to(reader, keep, lowest_priority_first);
    if (crew.size_ == 0) found_crew(reader, lowest_priority_first);
  }
  return static_cast<std::uint32_t>(reader.events_dropped() - before);
}

// The crew takes the reader's place.
void Fanout::found_crew(Reader& reader, bool by_priority) noexcept {
  if (finder_ == nullptr || reader.backlog_ != nullptr || reader.chunk_ == nullptr) return;
  FilterGroup& group = *reader.group_;
  Crew& crew = group.crew_;
  crew.group_ = &group;
  crew.events_max = reader.events_max;
  crew.bytes_max = reader.bytes_max;
  crew.by_priority_ = by_priority;
  crew.events_dropped_ = 0;
  pin(crew, group, reader.chunk_, reader.index_);
  if (reader.skip_ != nullptr) {
    if (rule_of(crew) == nullptr) {
      disband(group);
      return;
    }
    crew.skip_->until = reader.skip_->until;
    note_unwanted(crew);
  }
  // With much that the reader ignores among what it has, it would lose others' events because of its own.
  if (lag(crew).exceeds(crew.limit()) || !join_crew(reader)) {
    disband(group);
    return;
  }
  group.check_at_ = {};
}

// Whether something from there on is for this reader alone.
bool Fanout::has_entry_for(const Reader& reader, const IndexChunk& first) noexcept {
  for (const IndexChunk* chunk = &first; chunk != nullptr; chunk = chunk->next) {
    if (chunk->channels != ~std::uint64_t{0}) continue;
    const auto end = chunk->entries.begin() + chunk->count;
    const auto is_for = [&](const IndexEntry& entry) { return entry.only != 0 && entry.other == reader.channel; };
    if (std::any_of(chunk->entries.begin(), end, is_for)) return true;
  }
  return false;
}

bool Fanout::join_crew(Reader& reader) noexcept {
  FilterGroup& group = *reader.group_;
  Crew& crew = group.crew_;
  if (finder_ == nullptr || reader.backlog_ != nullptr || reader.chunk_ == nullptr || crew.chunk_ == nullptr) return false;
  // What the reader has lost must not come back to it.
  if (reader.skip_ != nullptr) {
    if (crew.skip_ == nullptr) return false;
    for (std::size_t p = 0; p < crew.skip_->until.size(); ++p) {
      if (crew.skip_->until[p] < reader.skip_->until[p]) return false;
    }
  }
  IndexChunk* const chunk = reader.chunk_;
  if (has_entry_for(reader, *chunk)) return false;
  const std::uint64_t from = chunk->number(reader.index_);
  const std::uint64_t wanted = count_wanted(reader, {chunk, reader.index_}, {group.tail_, group.tail_->count}).events;
  const std::uint64_t bytes = reader.backlog_bytes_;
  reader.aside_from_ = from;
  const std::uint64_t left = count_for_member(reader, cursor_of_member(reader)).events;
  if (left < wanted / 2) {
    reader.backlog_bytes_ = bytes;
    return false;
  }
  for (const IndexChunk* each = chunk; each != nullptr; each = each->next) {
    crew.has_own_ = crew.has_own_ || reader.ignores_any(*each);
  }
  release_rule(reader);
  count_dropped(reader, wanted - left);
  static_cast<ListNode<ReaderTag>&>(reader).unlink();
  reader.chunk_ = nullptr;
  reader.index_ = 0;
  reader.aside_ = true;
  reader.crew_base_ = crew.events_dropped_ - reader.events_dropped_;
  reader.events_dropped_ += left + crew.foreign_ - group.end_.events;
  crew.members_.push_back(reader);
  ++crew.size_;
  if (reader.reads_) ++crew.reading_;
  trim(group);
  return true;
}

// The reader has a place of its own again.
void Fanout::leave_crew(Reader& reader) noexcept {
  FilterGroup& group = *reader.group_;
  Crew& crew = group.crew_;
  flush_group(group);
  const Cursor next = cursor_of_member(reader);
  const std::uint64_t left = count_for_member(reader, next).events;
  const std::uint64_t dropped = reader.events_dropped();
  // The total had it by what the crew lost; the difference is what the crew lost of before this reader's time.
  count_total(reader, dropped - (crew.events_dropped_ - reader.crew_base_));
  static_cast<ListNode<ReaderTag>&>(reader).unlink();
  --crew.size_;
  if (reader.reads_) --crew.reading_;
  reader.aside_ = false;
  reader.events_dropped_ = dropped;
  reader.backlog_bytes_ = 0;
  reader.end_chunk_ = nullptr;
  pin(reader, group, next.first, next.second);
  if (next.first != nullptr && crew.skip_ != nullptr) {
    if (rule_of(reader) != nullptr) {
      reader.skip_->until = crew.skip_->until;
      note_unwanted(reader);
    } else {  // it would find again what it has lost
      count_dropped(reader, left);
      pin(reader, group, nullptr, 0);
    }
  }
  if (crew.size_ == 0) disband(group);
  group.check_at_ = {};
}

void Fanout::disband(FilterGroup& group) noexcept {
  Crew& crew = group.crew_;
  release_rule(crew);
  static_cast<ListNode<ReaderTag>&>(crew).unlink();
  crew.chunk_ = nullptr;
  crew.index_ = 0;
  crew.has_own_ = false;
  trim(group);
}

// ---- losing ------------------------------------------------------------

// Members that the entry is not for, because they have sent it or are named by it.
template <typename Function>
void Fanout::for_each_sender(FilterGroup& group, const IndexEntry& entry, Function function) noexcept {
  if (entry.only != 0) return;
  const auto look = [&](std::uint32_t channel) {
    if (channel == kNoChannel) return;
    Reader* reader = finder_(finder_context_, channel);
    if (reader != nullptr && reader->aside_ && reader->group_ == &group && reader->ignores(entry)) function(*reader);
  };
  look(entry.origin);
  if (entry.other != entry.origin) look(entry.other);
}

void Fanout::note_for_crew(FilterGroup& group, const IndexEntry& entry) noexcept {
  if (entry.only != 0) ++group.crew_.foreign_;
  for_each_sender(group, entry, [&](Reader& reader) {
    --reader.events_dropped_;  // see events_dropped(): it counts among the numbers
    group.crew_.has_own_ = true;
  });
}

// The crew has lost it: no loss for who has sent it.
void Fanout::uncount_own(FilterGroup& group, const IndexEntry& entry) noexcept {
  for_each_sender(group, entry, [&](Reader& reader) {
    ++reader.crew_base_;
    count_total(reader, ~std::uint64_t{0});  // one less
  });
}

void Fanout::shed_crew(FilterGroup& group) noexcept {
  Crew& crew = group.crew_;
  const Amount keep = crew.limit_share(3, 4);
  if (!crew.has_own_) {
    drop_to(crew, keep, crew.by_priority_);
    return;
  }
  const SkipRule::Bounds before = crew.skip_ == nullptr ? SkipRule::Bounds{} : crew.skip_->until;
  Crew anchor;  // keeps what is lost until it has been looked at
  anchor.group_ = &group;
  pin(anchor, group, crew.chunk_, crew.index_);
  drop_to(crew, keep, crew.by_priority_);
  bool passed = true;  // by the crew
  for (const auto* chunk = anchor.chunk_; chunk != nullptr; chunk = chunk->next) {
    for (std::uint16_t i = chunk == anchor.chunk_ ? anchor.index_ : std::uint16_t{0}; i < chunk->count; ++i) {
      passed = passed && !(chunk == crew.chunk_ && i == crew.index_);
      const IndexEntry& entry = chunk->entries[i];
      const bool had = chunk->number(i) >= before[entry.priority];
      if (had && (passed || crew.has_lost(*chunk, i))) uncount_own(group, entry);
    }
  }
  static_cast<ListNode<ReaderTag>&>(anchor).unlink();
  trim(group);
}

}  // namespace router
