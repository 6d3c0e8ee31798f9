#include "router/io/spool.h"

#include "router/io/spool_log.h"

namespace router {

std::expected<std::unique_ptr<Spool>, std::string> Spool::open(const SpoolOptions& options, const Clock& clock) {
  auto folder = spool::Folder::open(options.folder, spool::Folder::Access::kOwn);
  if (!folder) return std::unexpected(std::move(folder.error()));
  const std::uint64_t boot = options.boot != 0 ? options.boot : spool::boot_id();
  auto image = spool::scan(*folder, boot, true);
  if (!image) return std::unexpected(std::move(image.error()));
  auto log = std::make_unique<Log>(options, clock, boot, std::move(*folder), std::move(*image));
  return std::make_unique<Spool>(std::move(log));
}

Spool::Spool(std::unique_ptr<Log> log) noexcept : log_(std::move(log)) {}
Spool::~Spool() = default;

vscp::Result<void> Spool::append(std::uint8_t lane, std::span<const std::uint8_t> record) {
  return log_->append(lane, record);
}
vscp::Result<void> Spool::commit() {
  return log_->commit();
}
std::size_t Spool::read(std::span<StoredRecord> out) {
  return log_->read(out);
}
void Spool::release(std::span<const std::uint64_t> tickets) {
  log_->release(tickets);
}
void Spool::rewind() {
  log_->rewind();
}
StoreStatus Spool::status() const {
  return log_->status();
}
std::vector<WaitingRecord> Spool::peek(std::size_t count) const {
  return log_->peek(count);
}
std::uint64_t Spool::purge() {
  return log_->purge();
}
const spool::Report& Spool::report() const noexcept {
  return log_->report();
}
std::uint64_t Spool::disk_bytes() const {
  return log_->disk_bytes();
}

std::expected<SpoolContents, std::string> inspect_spool(const std::string& path) {
  const auto folder = spool::Folder::open(path, spool::Folder::Access::kLook);
  if (!folder) return std::unexpected(folder.error());
  const auto image = spool::scan(*folder, spool::boot_id(), false);
  if (!image) return std::unexpected(image.error());
  SpoolContents contents;
  contents.report = image->report;
  contents.records = image->report.records;
  contents.bytes = image->report.bytes;
  contents.records_by_lane = image->records;
  for (const spool::ScannedSegment& segment : image->segments) contents.disk_bytes += segment.file.header.capacity;
  for (const std::uint64_t oldest_ns : image->oldest_ns) {
    if (oldest_ns != 0 && (contents.oldest_ns == 0 || oldest_ns < contents.oldest_ns)) contents.oldest_ns = oldest_ns;
  }
  return contents;
}

std::expected<std::uint64_t, std::string> purge_spool(const std::string& path) {
  // Looked at first, so that no folder is made where there is none.
  const auto contents = inspect_spool(path);
  if (!contents) return std::unexpected(contents.error());
  const SystemClock clock;
  SpoolOptions options;
  options.folder = path;
  options.limits.bytes_max = ~0ULL;
  const auto spool = Spool::open(options, clock);
  if (!spool) return std::unexpected(spool.error());
  return (*spool)->purge();
}

}  // namespace router
