// Where records wait until a far side has acknowledged them: in memory, or on disk (a spool).
//
// A record is some bytes whose meaning belongs to its user. Records lie in lanes, one per VSCP priority; lane 0 is read
// first, and within a lane order is kept. A record is read, is then in flight, and goes for good when it is released.
// What was in flight when the connection went is read again (rewind), so that nothing is lost and at most what was in
// flight comes twice.
//
// Thread rule: one writer thread (append, commit), one reader thread (read, release, rewind); the rest from any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "protocol/errc.h"

namespace router {

inline constexpr std::size_t kStoreLanes = 8;          ///< by VSCP priority: 0 is read first
inline constexpr std::size_t kStoreRecordMax = 65536;  ///< bytes of one record
inline constexpr std::size_t kStoreRecordOverhead = 32;

/// What a record of so many bytes takes of bytes_max.
constexpr std::uint64_t stored_bytes(std::size_t record_bytes) noexcept {
  return kStoreRecordOverhead + (record_bytes + 7U) / 8U * 8U;
}

/// A copy of a record, for people to look at.
struct WaitingRecord {
  std::uint64_t ticket = 0;
  std::uint64_t stored_ns = 0;  ///< UTC
  bool in_flight = false;
  std::vector<std::uint8_t> bytes;

  std::uint8_t lane() const noexcept { return static_cast<std::uint8_t>(ticket >> 56U); }
};

struct StoredRecord {
  std::uint64_t ticket = 0;     ///< names the record towards release(): lane * 2^56 + its number in the lane
  std::uint64_t stored_ns = 0;  ///< UTC; when it was appended
  std::span<const std::uint8_t> bytes;
};

/// What to do with a record for which there is no room.
enum class StoreFullPolicy : std::uint8_t {
  kRefuse,              ///< append() fails with kLimit; nothing that was accepted is lost
  kDropLowestPriority,  ///< the oldest of the lowest priority make room (7 before 0), never those of a higher one than
                        ///< the new record
  kDropOldest,          ///< the oldest make room, whatever their priority
};

/// What is in flight, and what is not committed yet, never makes room: if the rest is not enough, the record is refused
/// and nothing is dropped.
struct StoreLimits {
  std::uint64_t bytes_max = 0;  ///< of records that are not released, each counted as stored_bytes()
  StoreFullPolicy policy = StoreFullPolicy::kDropLowestPriority;
  /// Older records are dropped, but for those in flight; 0: never. Age is time that really passed: setting the wall
  /// clock changes none.
  std::uint64_t age_max_ns = 0;
};

struct StoreStatus {
  std::uint64_t records = 0;    ///< not released
  std::uint64_t in_flight = 0;  ///< of these
  std::uint64_t bytes = 0;    ///< of these, as stored_bytes()
  std::uint64_t bytes_max = 0;
  std::uint64_t oldest_ns = 0;  ///< UTC; 0 if empty
  std::uint64_t appended = 0;   ///< since it was opened
  std::uint64_t released = 0;
  std::uint64_t purged = 0;  ///< of these
  std::uint64_t refused = 0;
  std::uint64_t dropped_full = 0;     ///< to make room
  std::uint64_t dropped_age = 0;      ///< too old
  std::uint64_t dropped_corrupt = 0;  ///< found damaged on disk
  std::uint64_t write_errors = 0;     ///< disk full, input/output error
  std::array<std::uint64_t, kStoreLanes> records_by_lane{};
};

class EventStore {
 public:
  virtual ~EventStore() = default;

  /// [writer] Takes a copy. Errors: kLimit (policy kRefuse, or the record is larger than the store), or the system's.
  /// Not readable and not safe until commit(). A store may commit by itself what came before, to bound its memory.
  virtual vscp::Result<void> append(std::uint8_t lane, std::span<const std::uint8_t> record) = 0;
  /// [writer] What was appended can be read from now on, and survives what the store promises to survive (a spool: a
  /// crash and a power cut). On an error nothing is lost yet: commit() again tries the rest.
  virtual vscp::Result<void> commit() = 0;

  /// [reader] The next records that are committed and not in flight; the number read, which may be less than there is
  /// room for although there are more: only 0 means that there are none. Their bytes are valid until the next read() or
  /// rewind(), or until they are released.
  virtual std::size_t read(std::span<StoredRecord> out) = 0;
  /// [reader] The far side has acknowledged these, in any order. Those that are not known (any more) are ignored.
  virtual void release(std::span<const std::uint64_t> tickets) = 0;
  /// [reader] What is in flight is read again, in order.
  virtual void rewind() = 0;

  /// [any]
  virtual StoreStatus status() const = 0;
  /// [any] Copies of the first `count` records that are committed, lane by lane; those in flight come first in each.
  /// Changes nothing; may wait for the disk. What is damaged is left out.
  virtual std::vector<WaitingRecord> peek(std::size_t count) const = 0;
  /// [any] Drops everything that is committed and not in flight; how many records. Counted as released.
  virtual std::uint64_t purge() = 0;
};

}  // namespace router
