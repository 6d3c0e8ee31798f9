// Fan-out: writing, joining and leaving. The memory is in fanout_memory.cpp, the reading side in fanout_reading.cpp.
#include "router/core/fanout.h"

#include <algorithm>
#include <array>

#include "router/base/check.h"

namespace router {
namespace {

constexpr std::uint64_t saturating_add(std::uint64_t a, std::uint64_t b) noexcept {
  return a + b < a ? kNoLimit : a + b;
}

IndexEntry entry_of(const EventBuf& event, bool only, std::uint32_t offset, std::size_t length) noexcept {
  return {.offset = offset,
          .length = static_cast<std::uint16_t>(length & 0xfffU),
          .priority = static_cast<std::uint16_t>(event.event.priority() & 7U),
          .only = only,
          .number = 0,
          .origin = event.event.obid,
          .other = only ? event.only_channel : event.skip_channel};
}

constexpr std::uint64_t less(std::uint64_t a, std::uint64_t b) noexcept {
  return a > b ? a - b : 0;
}

}  // namespace

// ---- writing ------------------------------------------------------------

bool Fanout::encode_for(const EventBuf& event, vscp::WireFormat format, bool only, Encoded& out) noexcept {
  const auto slot = static_cast<std::size_t>(format);
  LogSegment* segment = current_[slot];
  if (segment == nullptr || settings_.segment_bytes - segment->used < vscp::kEventWireMax) {
    LogSegment* fresh = take_segment();
    if (fresh == nullptr) {
      out.entry = entry_of(event, only, 0, 0);  // for those who must be told what they lose
      return false;
    }
    if (segment != nullptr) {
      segment->current = false;
      release_segment_if_unused(*segment);
    }
    segment = current_[slot] = fresh;
    segment->current = true;
  }
  const std::size_t length = vscp::encode_event(event.event, format, dates_[slot], segment->bytes + segment->used);
  out.segment = segment;
  out.entry = entry_of(event, only, segment->used, length);
  segment->used += static_cast<std::uint32_t>(length);
  segment->bytes_of[out.entry.priority] += static_cast<std::uint32_t>(length);
  counters_.encoded.add();
  counters_.encoded_bytes.add(length);
  return true;
}

bool Fanout::has_place(const FilterGroup& group, const LogSegment& segment) noexcept {
  const IndexChunk* tail = group.tail_;
  return tail != nullptr && tail->count < IndexChunk::kEntries && tail->segment == &segment &&
         group.end_.events - tail->first <= kNumberMax;
}

void Fanout::append_to_group(FilterGroup& group, const Encoded& encoded) noexcept {
  if (!has_place(group, *encoded.segment)) {
    IndexChunk* fresh = take_chunk(*encoded.segment);
    if (fresh == nullptr) {
      lose(group, encoded.entry);
      // All chunks are in segments that are being written. The next line begins a new one, so that this one can be
      // evicted.
      encoded.segment->used = static_cast<std::uint32_t>(settings_.segment_bytes);
      return;
    }
    // Making room may have freed the rest of the segment; the line just written must stay.
    encoded.segment->used = std::max(encoded.segment->used, encoded.entry.offset + encoded.entry.length);
    fresh->group = &group;
    fresh->base = group.end_;
    fresh->first = group.end_.events;
    (group.tail_ == nullptr ? group.head_ : group.tail_->next) = fresh;
    group.tail_ = fresh;
  }
  if (group.turn_chunk_ == nullptr) {
    group.turn_chunk_ = group.tail_;
    group.turn_index_ = group.tail_->count;
    group.turn_origin_ = encoded.entry.origin;
    if (!static_cast<ListNode<GroupTag>&>(group).is_linked()) touched_.push_back(group);
  } else if (group.turn_origin_ != encoded.entry.origin) {
    group.turn_origin_ = kNoChannel;
  }
  IndexChunk& tail = *group.tail_;
  tail.append(encoded.entry).number = static_cast<std::uint16_t>(group.end_.events - tail.first);
  group.end_ += {1, encoded.entry.length};
  if (group.crew_.size_ != 0) note_for_crew(group, encoded.entry);
  counters_.indexed.add();
}

void Fanout::deliver(const EventBuf& event) noexcept {
  std::array<Encoded, kFormats> encoded;
  index_.for_each_match(event.event, [&](IndexedFilter& item) {
    auto& group = static_cast<FilterGroup&>(item);
    Encoded& line = encoded[static_cast<std::size_t>(group.format_)];
    if (line.segment == nullptr && !encode_for(event, group.format_, false, line)) {
      lose(group, line.entry);
      return;
    }
    append_to_group(group, line);
  });
}

void Fanout::deliver_to(Reader& reader, const EventBuf& event) noexcept {
  FilterGroup& group = *reader.group_;
  if (!group.filter().matches(event.event)) return;
  if (reader.aside_) settle(reader);
  Encoded line;
  if (!encode_for(event, group.format_, true, line)) {
    lose(group, line.entry);
    return;
  }
  append_to_group(group, line);
}

void Fanout::flush_group(FilterGroup& group) noexcept {
  if (group.turn_chunk_ == nullptr) return;
  IndexChunk* chunk = group.turn_chunk_;
  const std::uint16_t index = group.turn_index_;
  group.turn_chunk_ = nullptr;
  IntrusiveList<Reader, ReaderTag> behind;
  behind.splice_back(group.caught_up_);
  while (Reader* reader = behind.pop_front()) {
    // Who alone has sent all this stays where it is, so that a sender that never reads pins nothing.
    if (reader->channel == group.turn_origin_ && !reader->receives_own) {
      group.caught_up_.push_back(*reader);
      continue;
    }
    reader->chunk_ = chunk;
    reader->index_ = index;
    chunk->readers.push_back(*reader);
    reader->on_events_waiting();
  }
}

void Fanout::flush() noexcept {
  while (FilterGroup* group = touched_.pop_front()) {
    flush_group(*group);
    if (!group->caught_up_.empty()) trim(*group);  // perhaps nobody wanted it
    if (group->end_.events >= group->check_at_.events || group->end_.bytes >= group->check_at_.bytes) {
      check_lag(*group);
    }
  }
  keep_reserve();
}

void Fanout::note_use() noexcept {
  counters_.segments.set(segments_in_use_);
  counters_.chunks.set(chunk_slab_.taken());
  counters_.skip_rules.set(rule_slab_.taken());
  counters_.groups.set(groups_.size());
}

// Whether the reader is behind by more than half of its limit; and lowers `next_check` to where it may be so, or reach
// its limit.
bool Fanout::needs_check(const Reader& reader, Amount& next_check) const noexcept {
  const Amount& end = reader.group_->end_;
  const Amount behind = lag(reader);
  const Amount half = reader.limit_share(1, 2);
  const auto reaches = [&](const Amount& limit) {
    next_check.events = std::min(next_check.events, saturating_add(end.events, limit.events + 1 - behind.events));
    next_check.bytes = std::min(next_check.bytes, saturating_add(end.bytes, limit.bytes - behind.bytes));
  };
  if (!behind.exceeds(half)) {
    reaches(half);
    return false;
  }
  if (reader.is_told_behind() || reader.sending_ || behind.exceeds(reader.limit())) {
    next_check.events = end.events + 1;
  } else {
    reaches(reader.limit());
  }
  return !reader.sending_;
}

// The oldest chunks hold the readers that are furthest behind, so this looks at nobody else; and not in every turn,
// because the work grows with the readers that never read.
void Fanout::check_lag(FilterGroup& group) noexcept {
  if (group.skippers_ > 0 && group.end_.events - group.head_->base.events > group.sweep_above_) sweep(group);
  // A reader may begin a loop at any time, so the next check is not put off for long; those not looked at now are not
  // behind until then.
  const Amount put_off{std::max<std::uint64_t>(group.limit_min_.events / 16, 1),
                       std::max<std::uint64_t>(group.limit_min_.bytes / 16, 1)};
  const Amount watermark{less(group.limit_min_.events / 2, put_off.events),
                         less(group.limit_min_.bytes / 2, put_off.bytes)};
  Amount next_check{saturating_add(group.end_.events, put_off.events), saturating_add(group.end_.bytes, put_off.bytes)};
  scratch_.clear();
  for (Reader* reader = group.backlogged_.front(); reader != nullptr; reader = group.backlogged_.next(*reader)) {
    if (needs_check(*reader, next_check)) scratch_.push_back(reader);
  }
  for (IndexChunk* chunk = group.head_; chunk != nullptr; chunk = chunk->next) {
    Amount behind = group.end_;
    behind -= chunk->base;
    if (!behind.exceeds(watermark)) break;
    for (Reader* reader = chunk->readers.front(); reader != nullptr; reader = chunk->readers.next(*reader)) {
      if (reader->backlog_ == nullptr && needs_check(*reader, next_check)) scratch_.push_back(reader);
    }
  }
  group.check_at_ = next_check;
  // The last reader to be closed takes the group with it: nothing of the group is touched from here on.
  for (Reader* reader : scratch_) {
    const Amount behind = lag(*reader);
    if (behind.exceeds(reader->limit())) {
      reader->is_crew_ ? shed_crew(*reader->group_) : reader->on_overrun();
    } else if (reader->is_told_behind() && behind.exceeds(reader->limit_share(1, 2))) {
      reader->on_behind();
    }
  }
}

// ---- joining and leaving ------------------------------------------------------------

FilterGroup& Fanout::find_or_make_group(const vscp::Filter& filter, vscp::WireFormat format) noexcept {
  for (IndexedFilter* item = index_.find(filter); item != nullptr; item = item->next_equal()) {
    auto& group = static_cast<FilterGroup&>(*item);
    if (group.format_ == format) return group;
  }
  auto made = std::make_unique<FilterGroup>();
  FilterGroup& group = *made;
  group.format_ = format;
  group.position_ = groups_.size();
  group.sweep_above_ = settings_.sweep_min;
  groups_.push_back(std::move(made));
  victim_groups_.reserve(groups_.capacity());
  index_.add(group, filter);
  interest_.add(group.filter());
  return group;
}

void Fanout::drop_group(FilterGroup& group) noexcept {
  group.turn_chunk_ = nullptr;
  static_cast<ListNode<GroupTag>&>(group).unlink();
  trim(group);
  VR_ASSERT(group.head_ == nullptr);
  interest_.remove(group.filter());
  index_.remove(group);
  const std::size_t position = group.position_;
  groups_[position].swap(groups_.back());
  groups_[position]->position_ = position;
  groups_.pop_back();
}

void Fanout::join(Reader& reader, const vscp::Filter& filter, vscp::WireFormat format) noexcept {
  VR_ASSERT(reader.group_ == nullptr && reader.channel != kNoChannel);
  join_group(reader, find_or_make_group(filter, format));
}

void Fanout::join_group(Reader& reader, FilterGroup& group) noexcept {
  flush_group(group);  // what came earlier in this turn is not for the newcomer
  reader.group_ = &group;
  reader.chunk_ = nullptr;
  reader.index_ = 0;
  group.caught_up_.push_back(reader);
  if (reader.backlog_ != nullptr) group.backlogged_.push_back(reader);
  group.limit_min_.events = std::min<std::uint64_t>(group.limit_min_.events, reader.events_max);
  group.limit_min_.bytes = std::min(group.limit_min_.bytes, reader.bytes_max);
  group.check_at_ = {};
  ++group.reader_count_;
  if (++reader_count_ > scratch_.capacity()) {
    scratch_.reserve(reader_count_ * 2);
    passed_.reserve(reader_count_ * 2);
    senders_.reserve(reader_count_ * 2);
  }
}

void Fanout::detach(Reader& reader) noexcept {
  FilterGroup& group = *reader.group_;
  release_rule(reader);
  static_cast<ListNode<ReaderTag>&>(reader).unlink();
  static_cast<ListNode<BacklogTag>&>(reader).unlink();
  reader.group_ = nullptr;
  reader.chunk_ = nullptr;
  reader.index_ = 0;
  --reader_count_;
  if (--group.reader_count_ == 0) {
    drop_group(group);
  } else {
    trim(group);
  }
}

void Fanout::leave(Reader& reader) noexcept {
  VR_ASSERT(!reader.sending_);
  if (reader.group_ == nullptr) return;
  if (reader.aside_) leave_crew(reader);
  free_backlog(reader);
  reader.line_sent_ = 0;
  detach(reader);
}

void Fanout::change_filter(Reader& reader, const vscp::Filter& filter) noexcept {
  VR_ASSERT(!reader.sending_ && reader.group_ != nullptr);
  if (reader.line_sent_ != 0) save_rest_of_line(reader);  // its entry may find no room in the backlog
  // The new group first, so that its interest is announced before the old one's is taken back.
  FilterGroup& group = find_or_make_group(filter, reader.group_->format_);
  if (reader.group_ == &group) return;
  move_waiting_to_backlog(reader);
  detach(reader);
  join_group(reader, group);
}

}  // namespace router
