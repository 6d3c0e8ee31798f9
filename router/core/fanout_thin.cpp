// Fan-out: taking entries out of chains, because nobody wants them any more (sweep) or because their lines must go (evict).
//
// First each chunk is given masks of what stays and what is lost to somebody; then the chain is rewritten in one walk. Readers and
// running sends keep their places: an index becomes the number of entries that stay before it.
#include <algorithm>
#include <bit>

#include "router/base/check.h"
#include "router/core/fanout.h"

namespace router {
namespace {

constexpr EntryMask below(std::uint16_t index) noexcept { return (EntryMask{1} << index) - 1; }
constexpr EntryMask from(const IndexChunk& chunk, std::uint16_t index) noexcept {
  return below(chunk.count) & ~below(index);
}
constexpr std::uint16_t place(const IndexChunk& chunk, std::uint16_t index) noexcept {
  return static_cast<std::uint16_t>(std::popcount(chunk.keep & below(index)));
}

const SkipRule::Bounds kNothingLost{};

}  // namespace

// ---- masks ------------------------------------------------------------

EntryMask Fanout::wanted_by(const IndexChunk& chunk, const SkipRule::Bounds& until) noexcept {
  if (chunk.count == 0) return 0;
  const std::uint64_t last = chunk.number(static_cast<std::uint16_t>(chunk.count - 1));
  unsigned all = 0;   // priorities of which every entry is wanted
  unsigned some = 0;
  for (std::uint32_t p = 0; p < until.size(); ++p) {
    if (until[p] <= chunk.first) {
      all |= 1U << p;
    } else if (until[p] <= last) {
      some |= 1U << p;
    }
  }
  if (all == 0xff) return from(chunk, 0);
  if (all == 0 && some == 0) return 0;
  EntryMask mask = 0;
  for (std::uint16_t i = 0; i < chunk.count; ++i) {
    const std::uint32_t p = chunk.entries[i].priority;
    const bool wanted = (all >> p & 1U) != 0 || ((some >> p & 1U) != 0 && chunk.number(i) >= until[p]);
    mask |= EntryMask{wanted} << i;
  }
  return mask;
}

// Notes in the chain's chunks (those in `segment`, or all) what some reader has still to read; what a reader ignores counts as
// that. With a segment: false if a reader is in the middle of a send that may concern it.
bool Fanout::mark_wanted(FilterGroup& group, const LogSegment* segment) noexcept {
  SkipRule::Bounds until;
  until.fill(kNoLimit);  // nobody yet
  std::uint32_t left = group.victims_;
  for (IndexChunk* chunk = group.head_; chunk != nullptr; chunk = chunk->next) {
    const bool concerned = segment == nullptr || chunk->segment == segment;
    if (concerned) chunk->keep = wanted_by(*chunk, until);
    std::uint16_t first_index = chunk->count;  // of those who have lost nothing
    for (Reader* reader = chunk->readers.front(); reader != nullptr; reader = chunk->readers.next(*reader)) {
      if (segment != nullptr && reader->sending_ && !reader->send_from_backlog_) return false;
      if (reader->skip_ == nullptr) {
        first_index = std::min(first_index, reader->index_);
        until = kNothingLost;
        continue;
      }
      if (concerned) chunk->keep |= from(*chunk, reader->index_) & wanted_by(*chunk, reader->skip_->until);
      for (std::uint32_t p = 0; p < until.size(); ++p) until[p] = std::min(until[p], reader->skip_->until[p]);
    }
    if (concerned) chunk->keep |= from(*chunk, first_index);
    chunk->lost = 0;
    if (segment != nullptr && concerned && --left == 0) break;
  }
  return true;
}

Amount Fanout::amount_of(const IndexChunk& chunk, EntryMask mask) noexcept {
  Amount amount;
  for (; mask != 0; mask &= mask - 1) amount += {1, chunk.entries[static_cast<std::size_t>(std::countr_zero(mask))].length};
  return amount;
}

// ---- rewriting ------------------------------------------------------------

// Takes out of a chunk what its mask says. With `from` its lines have moved from there to `to`.
void Fanout::thin_chunk(IndexChunk& chunk, const LogSegment* from, LogSegment* to) noexcept {
  const std::uint16_t count = chunk.count;
  EntryMask keep = chunk.keep;
  chunk.clear();
  for (std::uint16_t i = 0; i < count; ++i, keep >>= 1U) {
    if ((keep & 1U) == 0) continue;
    IndexEntry entry = chunk.entries[i];
    if (from != nullptr) entry.offset = lines_[entry.offset / kLineSlot] - 1;
    chunk.append(entry);
  }
  if (from != nullptr && from != to) {
    chunk.unlink();
    chunk.segment = to;
    to->chunks.push_back(chunk);
  }
}

// Whether the entries of `chunk` could be put behind those of `into`, its predecessor.
bool Fanout::merge_chunks(IndexChunk& into, IndexChunk& chunk) noexcept {
  if (into.segment != chunk.segment || into.count + chunk.count > IndexChunk::kEntries) return false;
  std::uint64_t further = 0;
  if (chunk.owner == nullptr) {
    further = chunk.first - into.first;
    if (further + chunk.entries[chunk.count - 1U].number > kNumberMax) return false;
  }
  for (std::uint16_t i = 0; i < chunk.count; ++i) {
    IndexEntry entry = chunk.entries[i];
    entry.number = static_cast<std::uint16_t>(entry.number + further);
    into.append(entry);
  }
  return true;
}

// Entries of this chunk that somebody had still to read are taken out: who of those at or before it had?
void Fanout::charge_lost(const IndexChunk& chunk) noexcept {
  for (Reader* reader : passed_) {
    const EntryMask ahead = reader->chunk_ == &chunk ? from(chunk, reader->index_) : from(chunk, 0);
    EntryMask mask = chunk.lost & ahead;
    const bool has_own = reader->is_crew_ && static_cast<Crew*>(reader)->has_own_;
    if (!has_own && reader->wants_all(chunk)) {
      count_dropped(*reader, static_cast<std::uint64_t>(std::popcount(mask)));
      continue;
    }
    std::uint64_t dropped = 0;
    for (; mask != 0; mask &= mask - 1) {
      const auto i = static_cast<std::uint16_t>(std::countr_zero(mask));
      const bool wanted = reader->wants(chunk, i);
      dropped += wanted ? 1 : 0;
      if (has_own && wanted) uncount_own(*reader->group_, chunk.entries[i]);
      // What counted as unwanted was taken off with everything else; this did not count.
      if (reader->skip_ != nullptr && (wanted || chunk.number(i) >= reader->skip_->last)) {
        reader->skip_->ahead += {1, chunk.entries[i].length};
      }
    }
    count_dropped(*reader, dropped);
  }
}

// The running sends that end in `chunk` end there instead.
void Fanout::move_ends(const IndexChunk& chunk, IndexChunk* to, std::uint16_t offset) noexcept {
  for (Reader* reader : senders_) {
    if (reader->end_chunk_ != &chunk) continue;
    reader->end_chunk_ = to;
    reader->end_index_ = static_cast<std::uint16_t>(offset + place(chunk, reader->end_index_));
  }
}

// Readers that were before this chunk or in it: those before it begin here now, at `offset`; those that have nothing left in it
// wait for the next one.
void Fanout::resettle(FilterGroup& group, IndexChunk& chunk, IndexChunk& into, std::uint16_t offset,
                      ReaderList& homeless) noexcept {
  ReaderList here;
  here.splice_back(homeless);
  ReaderList own;
  own.splice_back(chunk.readers);
  while (Reader* reader = here.pop_front()) pin(*reader, group, &into, offset);
  while (Reader* reader = own.pop_front()) {
    const std::uint16_t index = place(chunk, reader->index_);
    if (index == chunk.count) {
      homeless.push_back(*reader);
    } else {
      pin(*reader, group, &into, static_cast<std::uint16_t>(offset + index));
    }
  }
}

// One chunk of a chain whose accounts are settled. Returns the chunk that its entries are in then: itself, or `previous`.
IndexChunk* Fanout::rewrite_chunk(FilterGroup& group, IndexChunk* previous, IndexChunk& chunk, const LogSegment* from,
                                  LogSegment* to, ReaderList& homeless) noexcept {
  thin_chunk(chunk, from, to);
  if (chunk.count == 0) {
    homeless.splice_back(chunk.readers);
    // A send ends here only if it has sent nothing of this chunk, so that there is one before it.
    move_ends(chunk, previous, previous == nullptr ? std::uint16_t{0} : previous->count);
    return previous;
  }
  const std::uint16_t offset = previous == nullptr ? std::uint16_t{0} : previous->count;
  if (previous != nullptr && merge_chunks(*previous, chunk)) {
    move_ends(chunk, previous, offset);
    resettle(group, chunk, *previous, offset, homeless);
    return previous;
  }
  move_ends(chunk, &chunk, 0);
  resettle(group, chunk, chunk, 0, homeless);
  return &chunk;
}

// What the readers in this chunk know of what they do not want: it becomes less. `left` is taken out of the chain from the
// chunk's beginning on.
void Fanout::pass_readers(IndexChunk& chunk, bool concerned, const Amount& left) noexcept {
  for (Reader* reader = chunk.readers.front(); reader != nullptr; reader = chunk.readers.next(*reader)) {
    passed_.push_back(reader);
    if (reader->sending_ && !reader->send_from_backlog_) senders_.push_back(reader);
    if (reader->skip_ == nullptr) continue;
    reader->skip_->ahead -= left;
    if (concerned) reader->skip_->ahead += amount_of(chunk, below(reader->index_) & ~chunk.keep);
  }
}

// Takes the entries out that are not in the `keep` masks, of the chunks in `from` or of all.
void Fanout::thin_chain(FilterGroup& group, const LogSegment* from_segment, LogSegment* to) noexcept {
  Amount left;
  IndexChunk* end = group.head_;  // behind the last chunk that is concerned
  for (IndexChunk* chunk = group.head_; chunk != nullptr; chunk = chunk->next) {
    if (from_segment != nullptr && chunk->segment != from_segment) continue;
    left += amount_of(*chunk, from(*chunk, 0) & ~chunk->keep);
    end = chunk->next;
  }
  passed_.clear();
  senders_.clear();
  ReaderList homeless;  // their chunk has nothing left for them
  IndexChunk* previous = nullptr;
  for (IndexChunk* chunk = group.head_; chunk != end;) {
    IndexChunk* next = chunk->next;
    const bool concerned = from_segment == nullptr || chunk->segment == from_segment;
    pass_readers(*chunk, concerned, left);
    chunk->base += left;
    IndexChunk* into = chunk;
    if (concerned) {
      left -= amount_of(*chunk, from(*chunk, 0) & ~chunk->keep);
      if (chunk->lost != 0) charge_lost(*chunk);
      into = rewrite_chunk(group, previous, *chunk, from_segment, to, homeless);
    } else {
      while (Reader* reader = homeless.pop_front()) pin(*reader, group, chunk, 0);
    }
    if (into != chunk) {
      (previous == nullptr ? group.head_ : previous->next) = next;
      if (group.tail_ == chunk) group.tail_ = previous;
      free_chunk(*chunk);
    } else {
      previous = chunk;
    }
    chunk = next;
  }
  while (Reader* reader = homeless.pop_front()) {
    if (end == nullptr) release_rule(*reader);
    pin(*reader, group, end, 0);
  }
  trim(group);
}

void Fanout::thin_backlog(Reader& reader, const LogSegment& from_segment, LogSegment& to) noexcept {
  IndexChunk* previous = nullptr;
  std::uint64_t dropped = 0;
  for (IndexChunk* chunk = reader.backlog_; chunk != nullptr;) {
    IndexChunk* next = chunk->next;
    if (chunk->segment != &from_segment) {
      previous = chunk;
      chunk = next;
      continue;
    }
    const Amount lost = amount_of(*chunk, chunk->lost);
    dropped += lost.events;
    reader.backlog_count_ -= static_cast<std::uint32_t>(lost.events);
    reader.backlog_bytes_ -= lost.bytes;
    thin_chunk(*chunk, &from_segment, &to);
    if (chunk == reader.backlog_) reader.backlog_index_ = 0;
    if (chunk->count == 0 || (previous != nullptr && merge_chunks(*previous, *chunk))) {
      (previous == nullptr ? reader.backlog_ : previous->next) = next;
      if (reader.backlog_tail_ == chunk) reader.backlog_tail_ = previous;
      free_chunk(*chunk);
    } else {
      previous = chunk;
    }
    chunk = next;
  }
  if (reader.backlog_ == nullptr) free_backlog(reader);
  count_dropped(reader, dropped);
}

// ---- sweep ------------------------------------------------------------

void Fanout::sweep(FilterGroup& group) noexcept {
  mark_wanted(group, nullptr);
  const std::uint64_t before = group.end_.events - group.head_->base.events;
  thin_chain(group, nullptr, nullptr);
  const std::uint64_t left = group.head_ == nullptr ? 0 : group.end_.events - group.head_->base.events;
  counters_.swept.add(before - left);
  // Twice what is left: the work is shared by as many entries as it looks at.
  group.sweep_above_ = std::max(settings_.sweep_min, left * 2);
}

}  // namespace router
