// Fan-out: emptying a segment when memory has run out.
//
// The log is cleaned as a log-structured file system is: the lines of a segment that somebody still waits for move together with
// those of other segments if they fill no more than half of it, so that every second emptied segment at the latest becomes
// free. If they are more, those of the lowest priorities are lost, of these the oldest. The segment to be emptied is the one that
// needs to lose the least, and among equals the oldest.
#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "router/base/check.h"
#include "router/core/fanout.h"

namespace router {
namespace {

// Fanout::lines_: what a line is, then where it goes (its new offset + 1). 0: no line, or one that is lost.
constexpr std::uint32_t kIsLine = 1U << 31U;
constexpr std::uint32_t kLengthMask = 0xfff;
constexpr std::uint32_t kPriorityShift = 12;
constexpr std::uint32_t kPlaceShift = 15;  // of the line in its slot

// Segments that are looked at for one that is emptied: mostly it is one or two.
constexpr std::size_t kLooksMax = 16;

constexpr std::uint32_t priority_of(std::uint32_t line) noexcept { return line >> kPriorityShift & 7U; }

/// The priorities below the returned number fit into `room`; `bytes` is how much they are.
std::uint32_t fitting(const BytesOf& bytes_of, std::uint64_t room, std::uint64_t& bytes) noexcept {
  bytes = 0;
  for (std::uint32_t priority = 0; priority < bytes_of.size(); ++priority) {
    if (bytes + bytes_of[priority] > room) return priority;
    bytes += bytes_of[priority];
  }
  return static_cast<std::uint32_t>(bytes_of.size());
}

constexpr EntryMask bit(std::uint16_t index) noexcept { return EntryMask{1} << index; }

template <typename Function>
void for_each_entry(EntryMask mask, Function function) noexcept {
  for (; mask != 0; mask &= mask - 1) function(static_cast<std::uint16_t>(std::countr_zero(mask)));
}

}  // namespace

// ---- choosing ------------------------------------------------------------

// Empties one segment. False if none can be: they are being written, or readers are in the middle of a send from them.
bool Fanout::make_room(Rescue rescue) noexcept {
  ++evict_round_;
  for (std::size_t looks = 0;; ++looks) {
    LogSegment* victim = choose_victim(looks < kLooksMax);
    if (victim == nullptr) return false;
    const bool is_known = is_known_well(*victim);
    BytesOf wanted;
    if (!look_at(*victim, wanted)) continue;  // not this time
    // What nobody has looked at for long may need less than it seems to; but only so many are looked at.
    if (is_known || victim->fit == wanted.size() || looks >= kLooksMax) {
      empty(*victim, wanted, rescue);
      return true;
    }
  }
}

bool Fanout::is_known_well(const LogSegment& segment) const noexcept {
  return segment.looked_at != 0 && evict_round_ - segment.looked_at < segments_.size();
}

// The one that needs to lose the least. Among equals first those that are not known well, then the oldest.
LogSegment* Fanout::choose_victim(bool look) noexcept {
  LogSegment* best = nullptr;
  bool best_known = false;
  for (LogSegment* segment = used_segments_.front(); segment != nullptr; segment = used_segments_.next(*segment)) {
    if (segment->current || segment == rescue_ || segment->busy_in == evict_round_) continue;
    if (segment->looked_at == 0) segment->fit = fit_of(segment->bytes_of);
    const bool known = !look || is_known_well(*segment);
    if (best == nullptr || segment->fit > best->fit || (segment->fit == best->fit && best_known && !known)) {
      best = segment;
      best_known = known;
    }
  }
  return best;
}

std::uint8_t Fanout::fit_of(const BytesOf& bytes_of) const noexcept {
  std::uint64_t unused = 0;
  return static_cast<std::uint8_t>(fitting(bytes_of, settings_.segment_bytes / 2, unused));
}

// What of it somebody has still to read. False if it cannot be emptied now.
bool Fanout::look_at(LogSegment& segment, BytesOf& wanted) noexcept {
  if (!mark_victim(segment)) {
    segment.busy_in = evict_round_;
    return false;
  }
  wanted = list_lines(segment);
  segment.bytes_of = wanted;
  segment.fit = fit_of(wanted);
  segment.looked_at = evict_round_;
  return true;
}

// Nothing else is left: the moved lines make room for new ones.
bool Fanout::empty_rescue() noexcept {
  if (rescue_ == nullptr) return false;
  LogSegment& segment = *rescue_;
  BytesOf wanted;
  if (!look_at(segment, wanted)) return false;
  rescue_ = nullptr;
  empty(segment, wanted, Rescue::kNothing);
  return true;
}

// ---- emptying ------------------------------------------------------------

// Directly after look_at().
void Fanout::empty(LogSegment& victim, BytesOf wanted, Rescue rescue) noexcept {
  std::uint64_t room = rescue == Rescue::kNothing ? 0 : settings_.segment_bytes / 2;
  if (rescue == Rescue::kHalf) {
    std::uint64_t all = 0;
    for (const std::uint32_t bytes : wanted) all += bytes;
    room = std::min(room, all / 2);
  }
  const std::uint64_t kept = admit_lines(wanted, room);
  settle_masks(victim);
  save_begun_lines(victim);

  const bool into_rescue = kept > 0 && rescue_ != nullptr && settings_.segment_bytes - rescue_->used >= kept;
  LogSegment& to = into_rescue ? *rescue_ : victim;
  to.pinned = victim.pinned = true;
  move_lines(victim, to, wanted);
  for (Reader* owner : passed_) thin_backlog(*owner, victim, to);
  for (FilterGroup* group : victim_groups_) thin_chain(*group, &victim, &to);
  to.pinned = victim.pinned = false;
  if (kept > 0 && !into_rescue) {
    victim.unlink();
    used_segments_.push_back(victim);
    rescue_ = &victim;
  }
  release_segment_if_unused(victim);
  if (into_rescue) release_segment_if_unused(to);
  counters_.evicted.add();
  counters_.rescued_bytes.add(kept);
}

// Marks what somebody has still to read. False if a reader is in the middle of a send that may concern it. Leaves the groups in
// victim_groups_ and the owners of backlogs in passed_.
bool Fanout::mark_victim(LogSegment& victim) noexcept {
  victim_groups_.clear();
  passed_.clear();
  bool is_free = true;
  for (IndexChunk* chunk = victim.chunks.front(); chunk != nullptr; chunk = victim.chunks.next(*chunk)) {
    if (chunk->owner == nullptr) {
      if (chunk->group->victims_++ == 0) victim_groups_.push_back(chunk->group);
      continue;
    }
    const Reader& owner = *chunk->owner;
    is_free = is_free && !(owner.sending_ && owner.send_from_backlog_);
    chunk->keep = bit(chunk->count) - bit(owner.backlog_ == chunk ? owner.backlog_index_ : std::uint16_t{0});
    chunk->lost = 0;
    if (passed_.empty() || passed_.back() != chunk->owner) passed_.push_back(chunk->owner);
  }
  std::sort(passed_.begin(), passed_.end());
  passed_.erase(std::unique(passed_.begin(), passed_.end()), passed_.end());
  for (FilterGroup* group : victim_groups_) {
    if (is_free) {
      flush_group(*group);
      is_free = mark_wanted(*group, &victim);
    }
    group->victims_ = 0;
  }
  return is_free;
}

// Each line once, however many groups want it. Returns their bytes by priority.
BytesOf Fanout::list_lines(LogSegment& victim) noexcept {
  std::fill(lines_.begin(), lines_.end(), 0U);
  BytesOf bytes_of{};
  for (IndexChunk* chunk = victim.chunks.front(); chunk != nullptr; chunk = victim.chunks.next(*chunk)) {
    for_each_entry(chunk->keep, [&](std::uint16_t i) {
      const IndexEntry& entry = chunk->entries[i];
      std::uint32_t& line = lines_[entry.offset / kLineSlot];
      if (line != 0) return;
      line = kIsLine | entry.offset % kLineSlot << kPlaceShift |
             static_cast<std::uint32_t>(entry.priority) << kPriorityShift | entry.length;
      bytes_of[entry.priority] += entry.length;
    });
  }
  return bytes_of;
}

// Chooses the lines that stay: the highest priorities, and of the first that does not fit the newest, unless there is no lower
// one: of a single priority the oldest segment goes as a whole. Returns their bytes, also by priority.
std::uint64_t Fanout::admit_lines(BytesOf& bytes_of, std::uint64_t room) noexcept {
  std::uint64_t bytes = 0;
  const std::uint32_t border = fitting(bytes_of, room, bytes);
  if (border == bytes_of.size()) return bytes;
  const bool lower = std::any_of(bytes_of.begin() + border + 1, bytes_of.end(), [](auto each) { return each > 0; });
  std::uint64_t left = lower ? room - bytes : 0;
  std::fill(bytes_of.begin() + border, bytes_of.end(), 0U);
  for (auto line = lines_.rbegin(); line != lines_.rend(); ++line) {
    if (*line == 0 || priority_of(*line) < border) continue;
    const std::uint32_t length = *line & kLengthMask;
    if (priority_of(*line) == border && length <= left) {
      left -= length;
      bytes += length;
      bytes_of[border] += length;
      continue;
    }
    if (priority_of(*line) == border) left = 0;
    *line = 0;
  }
  return bytes;
}

void Fanout::settle_masks(LogSegment& victim) noexcept {
  for (IndexChunk* chunk = victim.chunks.front(); chunk != nullptr; chunk = victim.chunks.next(*chunk)) {
    EntryMask stays = 0;
    for_each_entry(chunk->keep, [&](std::uint16_t i) {
      if (lines_[chunk->entries[i].offset / kLineSlot] != 0) stays |= bit(i);
    });
    chunk->lost = chunk->keep & ~stays;
    chunk->keep = stays;
  }
}

// Who has sent a part of a line that does not stay gets the rest of it now.
void Fanout::save_begun_lines(LogSegment& victim) noexcept {
  const auto save = [](Reader& reader, const IndexChunk& chunk, std::uint16_t index) {
    const IndexEntry& entry = chunk.entries[index];
    const char* line = chunk.segment->bytes + entry.offset;
    reader.take_rest_of_line({line + reader.line_sent_, line + entry.length});
    reader.line_sent_ = 0;
  };
  for (IndexChunk* chunk = victim.chunks.front(); chunk != nullptr; chunk = victim.chunks.next(*chunk)) {
    Reader* owner = chunk->owner;
    if (owner != nullptr && owner->backlog_ == chunk && owner->line_sent_ != 0 &&
        (chunk->lost & bit(owner->backlog_index_)) != 0) {
      const std::uint16_t index = owner->backlog_index_;
      save(*owner, *chunk, index);
      chunk->lost &= ~bit(index);
      --owner->backlog_count_;
      owner->backlog_bytes_ -= chunk->entries[index].length;
    }
    for (Reader* reader = chunk->readers.front(); reader != nullptr; reader = chunk->readers.next(*reader)) {
      if (reader->line_sent_ == 0 || reader->backlog_ != nullptr) continue;
      if ((chunk->keep & bit(reader->index_)) != 0) continue;
      save(*reader, *chunk, reader->index_);
      ++reader->index_;  // perhaps behind the last one: it is settled when the chunk is rewritten
    }
  }
}

// Writes the lines that stay one behind the other, into another segment or to the front of their own.
void Fanout::move_lines(LogSegment& from, LogSegment& to, const BytesOf& bytes_of) noexcept {
  if (&from == &to) {
    to.used = 0;
    to.bytes_of = {};
  }
  for (std::size_t slot = 0; slot < lines_.size(); ++slot) {
    std::uint32_t& line = lines_[slot];
    if (line == 0) continue;
    const std::size_t offset = slot * kLineSlot + (line >> kPlaceShift) % kLineSlot;
    const std::uint32_t length = line & kLengthMask;
    std::memmove(to.bytes + to.used, from.bytes + offset, length);
    line = to.used + 1;
    to.used += length;
  }
  for (std::uint32_t p = 0; p < bytes_of.size(); ++p) to.bytes_of[p] += bytes_of[p];
  to.fit = fit_of(to.bytes_of);
}

}  // namespace router
