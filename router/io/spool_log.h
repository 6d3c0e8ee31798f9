// The log of a spool: what router/io/spool.h promises, in parts. Included by its own files only.
//
//   spool_write.cpp   open, append, commit
//   spool_read.cpp    read, release, rewind, status
//   spool_look.cpp    peek
//   spool_room.cpp    what goes to make room: policies, age, purge, free segments, moving together
//
// The mutex guards what is marked so. Segments are written by the writer only, behind what is committed; what is
// committed never changes until the segment is free, and a segment that is read outside the lock is pinned.
#pragma once

#include <list>
#include <mutex>
#include <vector>

#include "router/base/random.h"
#include "router/io/spool.h"
#include "router/io/spool_clock.h"
#include "router/io/spool_files.h"
#include "router/io/store_window.h"

namespace router {

class Spool::Log {
 public:
  Log(const SpoolOptions& options, const Clock& clock, std::uint64_t boot, spool::Folder folder, spool::Image image);
  ~Log();

  vscp::Result<void> append(std::uint8_t lane, std::span<const std::uint8_t> record);
  vscp::Result<void> commit();
  std::size_t read(std::span<StoredRecord> out);
  void release(std::span<const std::uint64_t> tickets);
  void rewind();
  StoreStatus status();
  std::vector<WaitingRecord> peek(std::size_t count);
  std::uint64_t purge();
  const spool::Report& report() const noexcept { return report_; }
  std::uint64_t disk_bytes();

 private:
  using Tally = spool::Tally;
  struct Segment {
    spool::SegmentFile file;
    std::uint32_t salted = 0;
    std::uint64_t end = spool::kDataStart;     ///< of what is committed
    std::array<Tally, kStoreLanes> waiting{};  ///< never read and not gone
    std::uint64_t in_window = 0;               ///< read and not gone
    std::uint64_t pins = 0;                    ///< being read outside the lock
    std::uint64_t begun_ns = 0;                ///< monotonic

    std::uint64_t live() const noexcept;
    std::uint64_t waiting_bytes() const noexcept;
  };
  using Segments = std::list<Segment>;
  struct Place {
    Segment* segment = nullptr;
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;  ///< as stored_bytes()
    std::uint64_t age_s = 0;
    std::uint64_t stored_ns = 0;
  };
  /// A piece of a segment in memory.
  struct Block {
    std::uint64_t uid = 0;  ///< of the segment; 0: none
    std::uint64_t offset = 0;
    std::vector<std::uint8_t> bytes;

    /// Null if it does not hold all of this.
    const std::uint8_t* at(const Segment& segment, std::uint64_t from, std::uint64_t count) const noexcept;
  };
  struct Lane {
    Segments::iterator
        at;  ///< where the next record that was never read lies, or records before it; end() if no segment
    std::uint64_t offset = spool::kDataStart;
    std::uint64_t unread = 0;     ///< its number is at least this
    std::uint64_t committed = 0;  ///< the first number that is not committed
    std::uint64_t records = 0;    ///< not gone, with those not committed
    std::uint64_t pending_records = 0;
    std::uint64_t pending_ns = 0;  ///< UTC of the first not committed
    std::vector<spool::Run> gone;  ///< from the oldest in the window on, besides those of the window
    StoreWindow<Place> window;
    unsigned failed_reads = 0;   ///< one after the other
    std::uint64_t failed_s = 0;  ///< age clock at the last of them
    Block room_block;            ///< for dropping and for status
  };
  enum class Found : std::uint8_t { kRecord, kNothing, kNeedsBlock };
  struct Front {
    spool::RecordHeader header;
    const std::uint8_t* payload = nullptr;
    Place place;
  };
  /// Records of one commit that go into one segment.
  struct Part {
    Segment* segment = nullptr;
    std::uint64_t offset = 0;
    std::size_t begin = 0;  ///< in pending_
    std::size_t end = 0;
    std::array<Tally, kStoreLanes> tallies{};
  };

  // spool_write.cpp
  void take_segments(spool::Image& image);
  vscp::Result<void> plan(Segments& fresh, std::vector<Part>& parts);
  vscp::Result<void> write(const std::vector<Part>& parts);
  void publish(Segments& fresh, const std::vector<Part>& parts);
  bool take_spare(std::uint64_t capacity, spool::SegmentFile& file);
  vscp::Result<spool::SegmentFile> take_file(std::uint64_t capacity);
  vscp::Result<void> begin_segment(Segments& into, std::uint64_t capacity);
  std::uint64_t next_capacity();
  void give_back(Segments& segments);

  // spool_read.cpp
  Found find_front(std::size_t lane, const Block& block, Front& front);
  Found next_of(std::size_t lane, Block& block, Front& front);
  bool lost_rest(std::size_t lane);
  void jump(Lane& lane, std::uint64_t number);
  /// Takes bytes of the segment into the block, at most up to `end`. Outside the lock if the segment is pinned.
  bool fill(Block& block, const Segment& segment, std::uint64_t from, std::uint64_t end) const;
  bool waits_for_disk(const Lane& lane) const noexcept;
  bool accept(Lane& lane, Block& block, bool good);
  void finish(std::size_t lane, std::uint64_t number);
  void save_state();
  static void add_run(std::vector<spool::Run>& runs, std::uint64_t first, std::uint64_t end);

  // spool_look.cpp
  struct Glance;
  void plan_look(std::size_t lane, std::size_t count, Glance& glance);
  void end_look(const Glance& glance);
  static void look(const Glance& glance, std::size_t count, std::vector<WaitingRecord>& out);

  // spool_room.cpp
  bool oldest_waiting(std::size_t lane, Front& front);
  void drop(std::size_t lane, const Front& front);
  bool can_drop(std::size_t lane, std::uint64_t& needed) const;
  bool make_room(std::uint8_t lane, std::uint64_t bytes);
  void drop_aged();
  void free_segments();
  void retire(spool::SegmentFile file);
  void bury();
  void move_together();
  bool copy_waiting(const Segment& segment, std::uint32_t salted, std::vector<std::uint8_t>& to) const;
  bool merge(Segments::iterator first, Segments::iterator second);

  const StoreLimits limits_;
  const Clock& clock_;
  const std::uint64_t segment_bytes_;
  const spool::Report report_;
  spool::AgeClock age_;
  SystemRandom random_;

  // The writer's.
  std::vector<std::uint8_t> pending_;  ///< records that are not committed, with room for their headers
  std::vector<spool::RecordHeader> pending_headers_;
  std::array<std::uint64_t, kStoreLanes> next_{};  ///< number of the next record
  Segment* tail_ = nullptr;                        ///< the last of segments_; null if there is none
  bool tail_good_ = true;                          ///< false after a write to it failed: nothing more is added to it
  bool names_safe_ = false;                        ///< true if the names of all files are synced
  std::uint64_t uid_ = 0;
  std::uint64_t position_ = 0;
  std::uint32_t commit_ = 0;  ///< of what is pending
  std::vector<Part> parts_;

  // The reader's.
  std::array<Block, kStoreLanes> read_blocks_;

  std::mutex mutex_;  ///< guards everything below
  spool::Folder folder_;
  Segments segments_;
  std::array<Lane, kStoreLanes> lanes_;
  std::vector<spool::SegmentFile> spare_;  ///< to be written again: blocks that exist are synced faster than new ones
  std::vector<spool::SegmentFile> dead_;   ///< to be removed, outside the lock
  bool may_free_ = false;                  ///< a segment may have become free
  bool state_changed_ = false;
  spool::State state_;
  StoreStatus status_;
  std::uint64_t disk_bytes_ = 0;
  std::uint64_t next_age_check_s_ = 0;
  std::uint64_t next_merge_s_ = 0;
};

}  // namespace router
