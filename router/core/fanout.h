// The fan-out of one worker: every event is encoded once per wire format into a log, and the readers (sessions) with
// the same filter share one index into it. A reader is a cursor into that index, not a queue: an event costs nothing
// per reader until bytes go out.
//
//   LogSegment   a piece of memory with encoded lines, one behind the other
//   IndexChunk   up to 54 entries (offset, length, priority, origin) of lines in ONE segment
//   FilterGroup  filter + format, a chain of chunks, the readers that have seen everything ("caught up")
//   Reader       caught up, or pinned to the chunk that holds its next entry; may have a private backlog of entries in
//   front (after it changed its filter), and a rule of what it skips (after it lost events by priority)
//
// A chunk lives while a reader is pinned to it or to an earlier one of its chain, or until the end of the turn that
// wrote it; a segment lives while a chunk refers to it. Everything consumed frees itself at once, so that the memory in
// use stays hot.
//
// Shedding copies nothing: what a reader has lost of one priority are always the oldest, so that one number per priority
// says which entries it skips. What nobody wants any more is taken out of the chains from time to time (sweep).
//
// Turn: deliver() any number of times, then flush() once: it makes readers that were caught up lag behind and calls
// Reader::on_events_waiting(). Between gather() and finish_send() a reader is "sending": its entries do not move.
//
// Thread rule: one worker. No allocation after construction except for a new FilterGroup.
// Memory is bounded: when segments or chunks run out, a segment is emptied (evict): the lines in it that somebody still
// waits for, the highest priorities first and at most half a segment of them, move together with those of other emptied
// segments; the rest is lost for those who had not read it (counted).
#pragma once

#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "protocol/filter.h"
#include "protocol/wire_format.h"
#include "router/base/counters.h"
#include "router/base/intrusive_list.h"
#include "router/base/slab.h"
#include "router/core/amount.h"
#include "router/core/event_buf.h"
#include "router/core/filter_index.h"
#include "router/core/interest.h"

namespace router {

struct SegmentTag;
struct SegmentChunkTag;
struct ReaderTag;
struct BacklogTag;
struct GroupTag;
class FilterGroup;
class Reader;

inline constexpr std::size_t kFormats = vscp::kWireFormats;

struct LogSegment;

/// A chunk's summary of the channels in it: one bit for each channel id modulo 64.
constexpr std::uint64_t channel_bit(std::uint32_t channel) noexcept {
  return std::uint64_t{1} << (channel % 64U);
}

struct IndexEntry {           // indeterminate when made: a chunk of them is not worth clearing
  std::uint32_t offset;       ///< of the line in its segment
  std::uint16_t length : 12;  ///< bytes, CRLF included
  std::uint16_t priority : 3;
  std::uint16_t only : 1;  ///< `other` is the only channel that gets it; else the one that does not
  std::uint16_t number;    ///< in its group's chain: IndexChunk::first and so many
  std::uint32_t origin;    ///< channel that sent the event
  std::uint32_t other;
};
static_assert(sizeof(IndexEntry) == 16 && vscp::kEventWireMax < 1U << 12U);

/// Bit i: entry i of a chunk.
using EntryMask = std::uint64_t;
/// By priority.
using BytesOf = std::array<std::uint32_t, 8>;

/// IndexEntry::number at most; and IndexChunk::first of a backlog, whose entries have no numbers: above all that there are.
inline constexpr std::uint64_t kNumberMax = 0xffff;
inline constexpr std::uint64_t kInBacklog = kNoLimit - kNumberMax;

struct IndexChunk : ListNode<SegmentChunkTag> {
  static constexpr std::uint16_t kEntries = 54;
  LogSegment* segment = nullptr;
  FilterGroup* group = nullptr;  ///< its chain, or
  Reader* owner = nullptr;       ///< the reader whose private backlog it belongs to
  IndexChunk* next = nullptr;
  Amount base;                   ///< FilterGroup::end_ less what is in the chain from here on
  std::uint64_t first = kInBacklog;  ///< number of the first entry
  std::uint64_t channels =
      0;  ///< bit (channel % 64) of each entry's origin and other: a quick "nothing to ignore in here"
  EntryMask keep = 0;  ///< while entries are taken out: those that stay
  EntryMask lost = 0;  ///< of the others, those that somebody had still to read
  // By priority, of the first `summed` entries: brought up to date when somebody asks (sum_up).
  mutable BytesOf bytes_of{};
  mutable std::array<std::uint8_t, 8> count_of{};
  mutable std::uint16_t summed = 0;
  std::uint16_t count = 0;
  bool contiguous = true;  ///< the entries' lines follow each other without a gap
  IntrusiveList<Reader, ReaderTag> readers;
  std::array<IndexEntry, kEntries> entries;

  std::uint64_t number(std::uint16_t index) const noexcept { return first + entries[index].number; }
  void sum_up() const noexcept {
    for (; summed < count; ++summed) {
      ++count_of[entries[summed].priority];
      bytes_of[entries[summed].priority] += entries[summed].length;
    }
  }
  IndexEntry& append(const IndexEntry& entry) noexcept {
    if (count > 0) {
      const IndexEntry& before = entries[count - 1U];
      contiguous = contiguous && before.offset + before.length == entry.offset;
    }
    if (entry.only != 0) {
      channels = ~std::uint64_t{0};
    } else {
      channels |= channel_bit(entry.origin);
      if (entry.other != kNoChannel) channels |= channel_bit(entry.other);
    }
    return entries[count++] = entry;
  }
  void clear() noexcept {
    count = 0;
    channels = 0;
    summed = 0;
    count_of = {};
    bytes_of = {};
    contiguous = true;
  }
};
static_assert(sizeof(IndexChunk) <= 1024);

struct LogSegment : ListNode<SegmentTag> {
  char* bytes = nullptr;
  std::uint32_t used = 0;
  bool current = false;  ///< lines are being appended
  bool pinned = false;   ///< not to be released now
  std::uint8_t fit = 0;  ///< how many of the highest priorities fill no more than half of it
  BytesOf bytes_of{};    ///< what was written, or what was wanted when it was last looked at
  std::uint64_t looked_at = 0;  ///< Fanout::evict_round_ when it was; 0: never
  std::uint64_t busy_in = 0;    ///< evict_round_ in which it could not be emptied
  IntrusiveList<IndexChunk, SegmentChunkTag> chunks;
};

/// What a reader passes over besides what it ignores: entries that it has lost. Of each priority these are the oldest.
struct SkipRule {
  using Bounds = std::array<std::uint64_t, 8>;
  Bounds until{};          ///< entries of this priority with a smaller number are lost
  std::uint64_t last = 0;  ///< larger numbers, and this one, have not been looked at
  Amount ahead;            ///< of the smaller ones, those before the reader that it does not want (lost or ignored)
};

/// The reading side of a session. All fields belong to Fanout; a session sets the public ones before it joins.
class Reader : public ListNode<ReaderTag>, public ListNode<BacklogTag> {
 public:
  virtual ~Reader() = default;
  /// A caught-up reader has something to read now. Called from flush().
  virtual void on_events_waiting() noexcept = 0;
  /// The reader is further behind than its limit; answer by drop_to() or by closing the session. Called from flush().
  virtual void on_overrun() noexcept = 0;
  /// The reader is behind by more than half of its limit, and is one to be told. Called from flush(), possibly in every
  /// turn.
  virtual void on_behind() noexcept = 0;
  /// The rest of a line of which a part has been sent, when its memory is needed: the session must send a copy of it
  /// first. Must not call the Fanout: it may be in the middle of a delivery.
  virtual void take_rest_of_line(std::span<const char> rest) noexcept = 0;

  std::uint32_t channel = kNoChannel;
  std::uint32_t events_max = 32'000;
  std::uint64_t bytes_max = kNoLimit;
  bool receives_own = false;
  bool in_loop = false;  ///< events are pushed out; only such readers are ever told on_behind()
  bool no_hold = false;  ///< on_behind() would change nothing: it is not called

  Amount limit() const noexcept { return {events_max, bytes_max}; }
  /// A part of the limit, never nothing.
  Amount limit_share(std::uint32_t numerator, std::uint32_t denominator) const noexcept {
    return {events_max * std::uint64_t{numerator} / denominator,
            bytes_max == kNoLimit ? kNoLimit : bytes_max / denominator * numerator};
  }
  bool is_told_behind() const noexcept { return in_loop && !no_hold; }
  bool is_joined() const noexcept { return group_ != nullptr; }
  bool is_sending() const noexcept { return sending_; }
  std::uint64_t events_dropped() const noexcept;
  /// Stands aside (Fanout::drop_aside).
  bool is_aside() const noexcept { return aside_; }
  /// Has asked for events (Fanout::note_reading).
  bool has_read() const noexcept { return reads_; }
  /// An entry that is not meant for this reader: its own event, or one that names it to be skipped.
  bool ignores(const IndexEntry& entry) const noexcept {
    return (entry.origin == channel && !receives_own) || (entry.other == channel) != (entry.only != 0);
  }

 private:
  friend class Fanout;
  friend class Crew;
  bool has_lost(const IndexChunk& chunk, std::uint16_t index) const noexcept {
    return skip_ != nullptr && chunk.number(index) < skip_->until[chunk.entries[index].priority];
  }
  bool wants(const IndexChunk& chunk, std::uint16_t index) const noexcept {
    return !ignores(chunk.entries[index]) && !has_lost(chunk, index);
  }
  // Many senders fill all bits of a chunk's summary, so that the bit says little; the entries know.
  bool ignores_any(const IndexChunk& chunk) const noexcept {
    if ((chunk.channels & channel_bit(channel)) == 0) return false;
    const auto end = chunk.entries.begin() + chunk.count;
    return std::any_of(chunk.entries.begin(), end, [&](const IndexEntry& entry) { return ignores(entry); });
  }
  /// Certainly wants everything in there.
  bool wants_all(const IndexChunk& chunk) const noexcept {
    return !ignores_any(chunk) && (skip_ == nullptr || chunk.first >= skip_->last);
  }

  bool reads_ = false;  ///< has asked for events
  bool sending_ = false;
  bool send_from_backlog_ = false;
  bool aside_ = false;    ///< one of Crew::members_: has no place of its own
  bool is_crew_ = false;
  FilterGroup* group_ = nullptr;
  IndexChunk* chunk_ = nullptr;    ///< next entry of the group's chain; null: caught up
  IndexChunk* backlog_ = nullptr;  ///< entries to be read before the group's
  IndexChunk* backlog_tail_ = nullptr;
  union {
    IndexChunk* end_chunk_ = nullptr;  ///< where the running send ends
    std::uint64_t crew_base_;          ///< aside: the crew's events_dropped_ less this is what was counted for this reader in all
  };
  SkipRule* skip_ = nullptr;
  union {
    std::uint64_t backlog_bytes_ = 0;
    std::uint64_t aside_from_;  ///< aside: number of the first entry that is for this reader
  };
  std::uint32_t backlog_count_ = 0;  ///< entries in the backlog from backlog_index_ on
  std::uint32_t send_bytes_ = 0;
  std::uint32_t send_events_ = 0;
  std::uint16_t index_ = 0;
  std::uint16_t backlog_index_ = 0;
  std::uint16_t end_index_ = 0;
  std::uint16_t line_sent_ = 0;  ///< bytes of the next entry's line that are out already
  std::uint64_t events_dropped_ = 0;
};

/// A place in a group's chain for all readers of it that do not read: they fall behind and lose events together, at the cost of one.
class Crew final : public Reader {
 public:
  Crew() noexcept {
    channel = ~std::uint32_t{0};  // nobody's, so that it ignores no event but those for one reader
    receives_own = true;
    is_crew_ = true;
  }
  void on_events_waiting() noexcept override {}
  void on_overrun() noexcept override {}
  void on_behind() noexcept override {}
  void take_rest_of_line(std::span<const char>) noexcept override {}

 private:
  friend class Fanout;
  bool by_priority_ = false;
  bool has_own_ = false;  ///< the chain may hold events that members sent
  std::uint64_t size_ = 0;
  std::uint64_t reading_ = 0;  ///< of them, those that have asked for events
  std::uint64_t foreign_ = 0;  ///< entries so far that were for one reader, who was no member then
  IntrusiveList<Reader, ReaderTag> members_;
};

/// Readers with the same filter and format.
class FilterGroup : public ListNode<GroupTag>, public IndexedFilter {
 public:
  std::size_t reader_count() const noexcept { return reader_count_; }

 private:
  friend class Fanout;
  vscp::WireFormat format_ = vscp::WireFormat::kLegacyLine;
  IndexChunk* head_ = nullptr;
  IndexChunk* tail_ = nullptr;
  IndexChunk* turn_chunk_ = nullptr;  ///< first entry of this turn
  std::uint16_t turn_index_ = 0;
  std::uint32_t turn_origin_ = kNoChannel;  ///< the channel that all events of this turn are from, if it is one
  Amount end_;       ///< number of the next entry, bytes of all entries up to there
  Amount check_at_;  ///< no reader can be too far behind before both of these are reached
  Amount limit_min_{kNoLimit, kNoLimit};
  std::size_t reader_count_ = 0;
  std::size_t position_ = 0;  ///< in Fanout::groups_
  std::size_t skippers_ = 0;  ///< readers with a rule
  std::uint64_t sweep_above_ = 0;  ///< entries in the chain
  std::uint32_t victims_ = 0;  ///< chunks in the segment that is being emptied
  IntrusiveList<Reader, ReaderTag> caught_up_;
  IntrusiveList<Reader, BacklogTag> backlogged_;  ///< readers with a private backlog
  Crew crew_;
};

struct FanoutSettings {
  std::size_t log_bytes = 64U << 20U;  ///< memory of the log, taken lazily
  std::size_t segment_bytes = 256U << 10U;
  // 1 KiB each, taken lazily. A reader with a filter of its own needs one while an event waits for it.
  std::size_t index_chunks = 262'144;
  std::size_t skip_rules = 262'144;   ///< of 128 bytes, taken lazily: readers that have lost events by priority
  std::uint64_t sweep_min = 4096;     ///< entries that a chain may have without being looked through
};

struct FanoutCounters {
  Counter encoded;   ///< lines encoded
  Counter encoded_bytes;
  Counter indexed;   ///< entries appended to group indexes
  Counter log_full;  ///< events that found no memory, not even by eviction
  Counter evicted;   ///< segments emptied because memory ran out
  Counter rescued_bytes;  ///< of the lines that were moved then
  Counter swept;     ///< entries taken out that nobody wanted any more
  Counter dropped;   ///< entries that readers lost, by any policy
  Counter missed;    ///< of these, those of readers that have asked for events
  // In use, as of the last note_use().
  Counter segments;
  Counter chunks;
  Counter skip_rules;
  Counter groups;
};

class Fanout {
 public:
  explicit Fanout(const FanoutSettings& settings);
  ~Fanout();
  Fanout(const Fanout&) = delete;
  Fanout& operator=(const Fanout&) = delete;

  /// Appends the event to the index of every group that wants it. `event` is only read during the call.
  void deliver(const EventBuf& event) noexcept;
  /// Appends it for this reader alone, if the reader's filter lets it pass.
  void deliver_to(Reader& reader, const EventBuf& event) noexcept;
  void flush() noexcept;
  /// Brings the counters of what is in use up to date.
  void note_use() noexcept;
  /// Something was delivered since the last flush().
  bool has_unflushed() const noexcept { return !touched_.empty(); }

  /// The reader gets what is delivered from now on.
  void join(Reader& reader, const vscp::Filter& filter, vscp::WireFormat format) noexcept;
  /// Changes the filter; what is waiting stays, in order. The new filter holds from the next event on.
  void change_filter(Reader& reader, const vscp::Filter& filter) noexcept;
  /// Changes the format; what is waiting is written anew in it, in order (what finds no memory is counted as dropped).
  /// Returns how many events that were: it takes as long as delivering them. Not while sending.
  std::uint32_t change_format(Reader& reader, vscp::WireFormat format) noexcept;
  /// The reader gets nothing more; what is waiting is forgotten and not counted as dropped. Not while sending.
  void leave(Reader& reader) noexcept;
  /// The reader has asked for events: what it loses from now on somebody misses.
  void note_reading(Reader& reader) noexcept {
    if (reader.reads_) return;
    if (reader.aside_) leave_crew(reader);
    reader.reads_ = true;
  }
  const vscp::Filter& filter_of(const Reader& reader) const noexcept { return reader.group_->filter(); }

  /// What waits for this reader, without what it ignores.
  Amount count_waiting(Reader& reader) noexcept;
  /// Whether there is any entry, even one the reader ignores; O(1).
  bool has_waiting(const Reader& reader) const noexcept {
    return reader.backlog_ != nullptr || (reader.aside_ ? reader.group_->crew_.chunk_ : reader.chunk_) != nullptr;
  }
  bool is_inside_line(const Reader& reader) const noexcept { return reader.line_sent_ != 0; }
  /// Hands the rest of a line of which a part is out to take_rest_of_line(). Not while sending.
  void finish_line(Reader& reader) noexcept {
    if (reader.line_sent_ != 0) save_rest_of_line(reader);
  }
  /// Entries behind, those it ignores included; the work does not grow with their number.
  Amount lag(const Reader& reader) const noexcept;

  struct Gathered {
    std::size_t ranges = 0;
    std::size_t bytes = 0;
  };
  /// Fills `ranges` with whole lines from the reader's cursor on, up to about `bytes_max`, and begins a send of them.
  /// With 0 bytes nothing was begun (and ignored entries were passed over).
  Gathered gather(Reader& reader, std::span<iovec> ranges, std::size_t bytes_max) noexcept;
  /// Ends the send begun by gather(): `bytes` of it went out (0..all). Returns how many whole events that completed.
  std::uint32_t finish_send(Reader& reader, std::size_t bytes) noexcept;
  /// Takes the next line for polling readers: the view is valid until the next call on this object. Empty if nothing
  /// waits. Not while sending, and not while inside a line.
  std::span<const char> peek_line(Reader& reader) noexcept;
  void pop_line(Reader& reader) noexcept;

  /// Drops entries until no more than `keep` waits: the oldest first, or the lowest priority (7 before 0) first and the
  /// oldest of each. A line of which a part is out stays. Not while sending. Returns how many were dropped; they are
  /// counted.
  std::uint32_t drop_to(Reader& reader, const Amount& keep, bool lowest_priority_first) noexcept;
  /// The same for a reader that will not read for some time: from now on it stands aside with others of its filter, and loses with
  /// them what they lose, by the same choice (but no more than half of what it has at once). It comes back with the next call
  /// that concerns what it reads. Not possible without set_finder(), with a backlog, or with another limit than theirs: then
  /// this is drop_to().
  std::uint32_t drop_aside(Reader& reader, const Amount& keep, bool lowest_priority_first) noexcept;
  /// How to find the reader that has a channel here; null: there is none.
  using Finder = Reader* (*)(void* context, std::uint32_t channel) noexcept;
  void set_finder(Finder finder, void* context) noexcept {
    finder_ = finder;
    finder_context_ = context;
  }
  /// Forgets everything waiting (CLRA); not counted as dropped.
  void clear(Reader& reader) noexcept;

  /// Owner thread writes, any thread reads.
  const Interest& interest() const noexcept { return interest_; }
  const FanoutCounters& counters() const noexcept { return counters_; }
  std::size_t segments_in_use() const noexcept { return segments_in_use_; }
  std::size_t chunks_in_use() const noexcept { return chunk_slab_.taken(); }
  std::size_t skip_rules_in_use() const noexcept { return rule_slab_.taken(); }
  std::size_t group_count() const noexcept { return groups_.size(); }

 private:
  friend class Reader;  // events_dropped()
  struct Encoded {
    LogSegment* segment = nullptr;
    IndexEntry entry;  // indeterminate without a segment
  };
  using Cursor = std::pair<IndexChunk*, std::uint16_t>;
  using ReaderList = IntrusiveList<Reader, ReaderTag>;

  LogSegment* take_segment() noexcept;
  void release_segment_if_unused(LogSegment& segment) noexcept;
  IndexChunk* take_chunk(LogSegment& segment) noexcept;
  void free_chunk(IndexChunk& chunk) noexcept;
  enum class Rescue : std::uint8_t {
    kWhatFits,  ///< lines of up to half a segment
    kHalf,      ///< no more than half of the lines either, so that index entries become free
    kNothing,
  };
  bool make_room(Rescue rescue) noexcept;
  bool empty_rescue() noexcept;
  LogSegment* choose_victim(bool look) noexcept;
  bool is_known_well(const LogSegment& segment) const noexcept;
  std::uint8_t fit_of(const BytesOf& bytes_of) const noexcept;
  bool look_at(LogSegment& segment, BytesOf& wanted) noexcept;
  void empty(LogSegment& victim, BytesOf wanted, Rescue rescue) noexcept;
  bool mark_victim(LogSegment& victim) noexcept;
  BytesOf list_lines(LogSegment& victim) noexcept;
  std::uint64_t admit_lines(BytesOf& bytes_of, std::uint64_t room) noexcept;
  void move_lines(LogSegment& from, LogSegment& to, const BytesOf& bytes_of) noexcept;
  void settle_masks(LogSegment& victim) noexcept;
  void save_begun_lines(LogSegment& victim) noexcept;
  bool mark_wanted(FilterGroup& group, const LogSegment* segment) noexcept;
  void thin_chain(FilterGroup& group, const LogSegment* from, LogSegment* to) noexcept;
  void thin_backlog(Reader& reader, const LogSegment& from, LogSegment& to) noexcept;
  void thin_chunk(IndexChunk& chunk, const LogSegment* from, LogSegment* to) noexcept;
  static bool merge_chunks(IndexChunk& into, IndexChunk& chunk) noexcept;
  IndexChunk* rewrite_chunk(FilterGroup& group, IndexChunk* previous, IndexChunk& chunk, const LogSegment* from,
                            LogSegment* to, ReaderList& homeless) noexcept;
  void resettle(FilterGroup& group, IndexChunk& chunk, IndexChunk& into, std::uint16_t offset,
                ReaderList& homeless) noexcept;
  void move_ends(const IndexChunk& chunk, IndexChunk* to, std::uint16_t offset) noexcept;
  void pass_readers(IndexChunk& chunk, bool concerned, const Amount& left) noexcept;
  void charge_lost(const IndexChunk& chunk) noexcept;
  void pin(Reader& reader, FilterGroup& group, IndexChunk* chunk, std::uint16_t index) noexcept;
  void sweep(FilterGroup& group) noexcept;
  static EntryMask wanted_by(const IndexChunk& chunk, const SkipRule::Bounds& until) noexcept;
  static Amount amount_of(const IndexChunk& chunk, EntryMask mask) noexcept;
  static bool has_place(const FilterGroup& group, const LogSegment& segment) noexcept;
  void append_to_group(FilterGroup& group, const Encoded& encoded) noexcept;
  bool append_to_backlog(Reader& reader, LogSegment& segment, const IndexEntry& entry) noexcept;
  bool encode_for(const EventBuf& event, vscp::WireFormat format, bool only, Encoded& out) noexcept;
  void settle(Reader& reader) noexcept;
  void keep_reserve() noexcept;
  void flush_group(FilterGroup& group) noexcept;
  void check_lag(FilterGroup& group) noexcept;
  bool needs_check(const Reader& reader, Amount& next_check) const noexcept;
  void trim(FilterGroup& group) noexcept;
  void move_cursor(Reader& reader, IndexChunk* chunk, std::uint16_t index) noexcept;
  void move_backlog(Reader& reader, IndexChunk* chunk, std::uint16_t index) noexcept;
  void move_waiting_to_backlog(Reader& reader) noexcept;
  std::uint32_t rewrite_backlog(Reader& reader, vscp::WireFormat from, vscp::WireFormat to) noexcept;
  void detach(Reader& reader) noexcept;
  void free_backlog(Reader& reader) noexcept;
  void set_next(Reader& reader, Cursor to) noexcept;
  static std::uint64_t bytes_between(const IndexChunk& chunk, std::uint16_t begin, std::uint16_t end) noexcept;
  static Amount count_wanted(const Reader& reader, Cursor begin, Cursor end) noexcept;
  static Amount count_wanted_in(const Reader& reader, const IndexChunk& chunk, std::uint16_t begin,
                                std::uint16_t end) noexcept;
  using ByPriority = std::array<Amount, 8>;
  static void add_wanted(const Reader& reader, const IndexChunk& chunk, std::uint16_t begin, ByPriority& of) noexcept;
  void drop_group(FilterGroup& group) noexcept;
  void join_group(Reader& reader, FilterGroup& group) noexcept;
  FilterGroup& find_or_make_group(const vscp::Filter& filter, vscp::WireFormat format) noexcept;
  static Cursor next_of(const Reader& reader) noexcept;
  std::uint64_t drop_oldest(Reader& reader, const Amount& keep) noexcept;
  std::uint64_t drop_lowest(Reader& reader, const Amount& keep) noexcept;
  void shed_backlog(Reader& reader, std::uint32_t border, Amount& waiting, const Amount& keep) noexcept;
  static std::uint64_t find_bound(const Reader& reader, std::uint32_t border, Amount& waiting,
                                  const Amount& keep) noexcept;
  SkipRule* rule_of(Reader& reader) noexcept;
  void release_rule(Reader& reader) noexcept;
  static Cursor cursor_of_member(const Reader& reader) noexcept;
  static std::uint64_t dropped_of_member(const Reader& reader) noexcept;
  static Amount count_for_member(const Reader& reader, Cursor from) noexcept;
  static bool has_entry_for(const Reader& reader, const IndexChunk& first) noexcept;
  void found_crew(Reader& reader, bool by_priority) noexcept;
  bool join_crew(Reader& reader) noexcept;
  void leave_crew(Reader& reader) noexcept;
  void disband(FilterGroup& group) noexcept;
  void shed_crew(FilterGroup& group) noexcept;
  template <typename Function>
  void for_each_sender(FilterGroup& group, const IndexEntry& entry, Function function) noexcept;
  void note_for_crew(FilterGroup& group, const IndexEntry& entry) noexcept;
  void uncount_own(FilterGroup& group, const IndexEntry& entry) noexcept;
  void pass_unwanted_front(Reader& reader) noexcept;
  void pass_unwanted(Reader& reader, const IndexChunk* chunk, std::uint16_t index) noexcept;
  void note_unwanted(Reader& reader) noexcept;
  void lose(FilterGroup& group, const IndexEntry& entry) noexcept;
  void count_dropped(Reader& reader, std::uint64_t entries) noexcept;
  void count_total(const Reader& reader, std::uint64_t entries) noexcept;
  void save_rest_of_line(Reader& reader) noexcept;

  FanoutSettings settings_;
  char* log_memory_;
  std::vector<LogSegment> segments_;
  std::vector<LogSegment*> free_segments_;               ///< last in, first out
  IntrusiveList<LogSegment, SegmentTag> used_segments_;  ///< oldest first
  std::size_t segments_in_use_ = 0;
  std::array<LogSegment*, kFormats> current_{};
  std::uint64_t evict_round_ = 0;
  LogSegment* rescue_ = nullptr;  ///< where the lines of emptied segments go
  Slab chunk_slab_;
  Slab rule_slab_;
  Finder finder_ = nullptr;
  void* finder_context_ = nullptr;
  /// Lines of the segment that is being emptied, by offset / kLineSlot: first what they are, then where they go.
  std::vector<std::uint32_t> lines_;
  static constexpr std::uint32_t kLineSlot = 32;  ///< no line is shorter
  std::vector<std::unique_ptr<FilterGroup>> groups_;
  FilterIndex index_;  ///< of groups_
  std::vector<Reader*> scratch_;  ///< room for every reader
  std::vector<Reader*> passed_;   ///< likewise
  std::vector<Reader*> senders_;  ///< likewise
  std::vector<FilterGroup*> victim_groups_;
  std::size_t reader_count_ = 0;
  bool evicting_allowed_ = true;
  IntrusiveList<FilterGroup, GroupTag> touched_;  ///< got entries since the last flush()
  std::array<vscp::DateCache, kFormats> dates_;
  Interest interest_;
  FanoutCounters counters_;
};

}  // namespace router
