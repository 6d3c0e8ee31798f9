// Where records wait until a far side has acknowledged them: in memory, or on disk (a spool).
//
// A record is some bytes whose meaning belongs to its user. Records lie in lanes, one per VSCP priority; lane 0 is read first, and within
// a lane order is kept. A record is read, is then in flight, and goes for good when it is released. What was in flight when the
// connection went is read again (rewind), so that nothing is lost and at most what was in flight comes twice.
//
// Thread rule: one writer thread (append, commit), one reader thread (read, release, rewind); the rest from any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "protocol/errc.h"

namespace router {

inline constexpr std::size_t kStoreLanes = 8;         ///< by VSCP priority: 0 is read first
inline constexpr std::size_t kStoreRecordMax = 65536;  ///< bytes of one record

struct StoredRecord {
  std::uint64_t ticket = 0;     ///< names the record towards release(): lane * 2^56 + its number in the lane
  std::uint64_t stored_ns = 0;  ///< UTC; when it was appended
  std::span<const std::uint8_t> bytes;
};

/// What to do with a record for which there is no room.
enum class StoreFullPolicy : std::uint8_t {
  kRefuse,              ///< append() fails with kLimit; nothing that was accepted is lost
  kDropLowestPriority,  ///< the oldest of the lowest priority make room (7 before 0), never those of a higher one than the new record
  kDropOldest,          ///< the oldest make room, whatever their priority
};

struct StoreStatus {
  std::uint64_t records = 0;  ///< not released
  std::uint64_t bytes = 0;    ///< of these
  std::uint64_t bytes_max = 0;
  std::uint64_t oldest_ns = 0;  ///< UTC; 0 if empty
  std::uint64_t appended = 0;   ///< since it was opened
  std::uint64_t released = 0;
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
  /// Not readable and not safe until commit().
  virtual vscp::Result<void> append(std::uint8_t lane, std::span<const std::uint8_t> record) = 0;
  /// [writer] What was appended can be read from now on, and survives what the store promises to survive (a spool: a crash and a power
  /// cut). On an error nothing is lost yet: commit() again tries the rest.
  virtual vscp::Result<void> commit() = 0;

  /// [reader] The next records that are committed and not in flight; the number read. Their bytes are valid until the next read().
  virtual std::size_t read(std::span<StoredRecord> out) = 0;
  /// [reader] The far side has acknowledged these, in any order.
  virtual void release(std::span<const std::uint64_t> tickets) = 0;
  /// [reader] What is in flight is read again, in order.
  virtual void rewind() = 0;

  /// [any]
  virtual StoreStatus status() const = 0;
  /// [any] Drops everything that is not in flight; how many records. Counted as released.
  virtual std::uint64_t purge() = 0;
};

}  // namespace router
