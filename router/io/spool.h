// Records that wait on disk until the far side has acknowledged them. See router/io/event_store.h for the calls.
//
// What commit() has taken survives a crash of the process and of the machine. What was released stays released over a
// crash of the process; after a power cut some of it may come again. A damaged record is found by its check, counted
// and left out; those around it are not touched. One process at a time has the folder.
//
// The folder takes little more than the records that wait, at most twice limits.bytes_max and some segments (when the
// records that wait lie thin between released ones, they are moved together). A disk that is full or fails makes
// commit() fail; what was committed is safe, and commit() succeeds when there is room again.
//
// append(), commit(), read() and release() take one short lock. Nothing waits for the disk in it, but for the moving
// together, and for reading on what is dropped for want of room.
#pragma once

#include <expected>
#include <memory>
#include <string>

#include "router/base/clock.h"
#include "router/io/event_store.h"
#include "router/io/spool_scan.h"

namespace router {

struct SpoolOptions {
  std::string folder;  ///< made if it is missing; the folder above it must be there
  StoreLimits limits;
  std::uint64_t segment_bytes = 0;  ///< of a file; 0: a share of limits.bytes_max. A spool begins with smaller ones.
  std::uint64_t boot = 0;           ///< names the system's run, for tests; 0: asks the system
};

class Spool final : public EventStore {
 public:
  /// Reads all that lies in the folder. The error is a sentence for the operator: the folder cannot be used, another
  /// process has it, or a newer version wrote it. `clock` must outlive the spool.
  static std::expected<std::unique_ptr<Spool>, std::string> open(const SpoolOptions& options, const Clock& clock);
  /// Not committed records are lost; the rest stays.
  ~Spool() override;

  vscp::Result<void> append(std::uint8_t lane, std::span<const std::uint8_t> record) override;
  vscp::Result<void> commit() override;
  std::size_t read(std::span<StoredRecord> out) override;
  void release(std::span<const std::uint64_t> tickets) override;
  void rewind() override;
  StoreStatus status() const override;
  std::vector<WaitingRecord> peek(std::size_t count) const override;
  std::uint64_t purge() override;

  /// [any] What open() found.
  const spool::Report& report() const noexcept;
  /// [any] Bytes of all files of records.
  std::uint64_t disk_bytes() const;

 private:
  class Log;

 public:
  explicit Spool(std::unique_ptr<Log> log) noexcept;  ///< for open()

 private:
  std::unique_ptr<Log> log_;
};

/// What lies in the folder of a spool that no process has open. Changes nothing.
struct SpoolContents {
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;  ///< of these, as stored_bytes()
  std::uint64_t disk_bytes = 0;
  std::uint64_t oldest_ns = 0;  ///< UTC; 0 if empty
  std::array<std::uint64_t, kStoreLanes> records_by_lane{};
  spool::Report report;
};
std::expected<SpoolContents, std::string> inspect_spool(const std::string& folder);

/// Drops all records in the folder of a spool that no process has open; how many.
std::expected<std::uint64_t, std::string> purge_spool(const std::string& folder);

}  // namespace router
