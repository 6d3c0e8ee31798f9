// Records that wait in memory: for a far side without a spool. Nothing of it survives the process.
//
// Memory comes in chunks when it is needed and goes when what lies in it is released. It is bounded by the limit and,
// per lane, two chunks that are not full; one record that is never released keeps its chunk. One short lock: nobody
// waits in it for longer than the copy of one record or the walk over those of one call.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "router/base/clock.h"
#include "router/io/event_store.h"
#include "router/io/store_window.h"

namespace router {

class MemoryStore final : public EventStore {
 public:
  /// `clock` must outlive the store.
  MemoryStore(const StoreLimits& limits, const Clock& clock);

  vscp::Result<void> append(std::uint8_t lane, std::span<const std::uint8_t> record) override;
  vscp::Result<void> commit() override;
  std::size_t read(std::span<StoredRecord> out) override;
  void release(std::span<const std::uint64_t> tickets) override;
  void rewind() override;
  StoreStatus status() const override;
  std::vector<WaitingRecord> peek(std::size_t count) const override;
  std::uint64_t purge() override;

  /// [any] Bytes of memory that are held for records now.
  std::uint64_t memory_bytes() const;

 private:
  struct Chunk {
    std::unique_ptr<std::uint8_t[]> bytes;
    std::size_t capacity = 0;
    std::size_t used = 0;
    std::uint64_t live = 0;  ///< records in it that are not gone
  };
  struct Place {
    Chunk* chunk = nullptr;
    std::size_t offset = 0;
  };
  struct Lane {
    std::deque<std::unique_ptr<Chunk>> chunks;  ///< the last one is written
    std::size_t unread_chunk = 0;               ///< index of the chunk of the first record that was never read
    std::size_t unread_offset = 0;
    std::uint64_t unread = 0;     ///< number of that record
    std::uint64_t committed = 0;  ///< the first number that is not committed
    std::uint64_t next = 0;       ///< number of the next record
    std::uint64_t records = 0;
    StoreWindow<Place> window;
  };
  struct Header;

  static Header header_at(const Place& place) noexcept;
  Chunk& chunk_for(Lane& lane, std::uint64_t bytes);
  /// The oldest record of the lane that is committed and not in flight; false if there is none.
  static bool oldest_waiting(Lane& lane, Place& place) noexcept;
  static Place first_unread(Lane& lane) noexcept;
  void drop_oldest_waiting(Lane& lane);
  static bool can_drop(Lane& lane, std::uint64_t& needed);
  bool make_room(std::uint8_t lane_index, std::uint64_t bytes);
  void drop_aged();
  void forget(Lane& lane, const Place& place) noexcept;
  void free_chunks(Lane& lane);

  const StoreLimits limits_;
  const Clock& clock_;
  const std::size_t chunk_bytes_;
  mutable std::mutex mutex_;  ///< guards everything below
  std::array<Lane, kStoreLanes> lanes_;
  std::vector<std::unique_ptr<Chunk>>
      spare_;  ///< empty chunks of chunk_bytes_, kept so that a steady flow allocates nothing
  StoreStatus status_;
  std::uint64_t memory_bytes_ = 0;
};

}  // namespace router
