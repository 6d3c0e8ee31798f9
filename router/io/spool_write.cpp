#include <algorithm>
#include <cstring>

#include "router/base/check.h"
#include "router/io/crc32c.h"
#include "router/io/spool_log.h"

namespace router {
namespace {

constexpr std::uint64_t kSegmentsPerSpool = 32;
constexpr std::uint64_t kSegmentBytesUsual = std::uint64_t{4} << 20U;
constexpr std::size_t kPendingMax = std::size_t{8} << 20U;  // more is committed without being asked
constexpr std::uint64_t kFastNs = 2 * spool::kSecondNs;  // a segment that was full in less is followed by a larger one
constexpr std::size_t kSpareMax = 2;

std::uint64_t choose_segment_bytes(const SpoolOptions& options) noexcept {
  const std::uint64_t wanted = options.segment_bytes != 0
                                   ? options.segment_bytes
                                   : std::min(options.limits.bytes_max / kSegmentsPerSpool, kSegmentBytesUsual);
  return std::clamp<std::uint64_t>(wanted, spool::kSegmentBytesMin, spool::kSegmentBytesMax) / 4096U * 4096U;
}

}  // namespace

Spool::Log::Log(const SpoolOptions& options, const Clock& clock, std::uint64_t boot, spool::Folder folder,
                spool::Image image)
    : limits_(options.limits),
      clock_(clock),
      segment_bytes_(choose_segment_bytes(options)),
      report_(image.report),
      age_(clock, boot, options.limits.age_max_ns, image.has_state ? &image.state : nullptr),
      uid_(image.uid),
      commit_((image.commit + 1U) % spool::kCommits),
      folder_(std::move(folder)) {
  status_.bytes_max = limits_.bytes_max;
  status_.dropped_corrupt = report_.damaged_records;
  take_segments(image);
  for (std::size_t i = 0; i < kStoreLanes; ++i) {
    Lane& lane = lanes_[i];
    lane.at = segments_.begin();
    lane.unread = image.state.floor[i];
    lane.gone = std::move(image.state.gone[i]);
    next_[i] = lane.committed = image.next[i];
    lane.records = image.records[i];
    status_.records += image.records[i];
  }
  status_.bytes = report_.bytes;
  state_.serial = image.state.serial;
  for (const std::string& name : image.useless) folder_.remove(name);
  for (const std::string& name : image.damaged) folder_.set_aside(name);
  const std::lock_guard lock(mutex_);
  state_changed_ = true;
  save_state();
}

void Spool::Log::take_segments(spool::Image& image) {
  for (spool::ScannedSegment& found : image.segments) {
    position_ = std::max(position_, found.file.header.last_position);
    disk_bytes_ += found.file.header.capacity;
    if (found.live == 0) {
      retire(std::move(found.file));
      continue;
    }
    Segment& segment = segments_.emplace_back();
    segment.salted = spool::salt_crc(found.file.header.salt);
    segment.file = std::move(found.file);
    segment.end = found.end;
    segment.waiting = found.waiting;
    segment.begun_ns = clock_.monotonic_ns();
  }
  if (!segments_.empty()) tail_ = &segments_.back();
  // A merged segment is full by intent.
  if (tail_ != nullptr && (tail_->file.header.flags & spool::kMerged) != 0) tail_good_ = false;
  bury();
}

Spool::Log::~Log() {
  const std::lock_guard lock(mutex_);
  state_changed_ = true;
  save_state();
  static_cast<void>(folder_.sync_state());  // if it fails, records come again, as after a power cut
}

vscp::Result<void> Spool::Log::append(std::uint8_t lane_index, std::span<const std::uint8_t> record) {
  VR_ASSERT(lane_index < kStoreLanes);
  if (pending_.size() >= kPendingMax) {
    const auto committed = commit();
    if (!committed) return committed;
  }
  const std::uint64_t bytes = stored_bytes(record.size());
  const std::uint64_t utc_ns = clock_.utc_ns();
  std::uint64_t age_s = 0;
  {
    const std::lock_guard lock(mutex_);
    if (record.size() > kStoreRecordMax || !make_room(lane_index, bytes)) {
      ++status_.refused;
      return std::unexpected(vscp::Errc::kLimit);
    }
    Lane& lane = lanes_[lane_index];
    ++lane.records;
    if (lane.pending_records++ == 0) lane.pending_ns = utc_ns;
    ++status_.records;
    status_.bytes += bytes;
    ++status_.appended;
    age_s = age_.now_s();
  }
  const std::size_t begin = pending_.size();
  pending_.resize(begin + bytes);
  std::uint8_t* payload = pending_.data() + begin + spool::kRecordHeader;
  if (!record.empty()) std::memcpy(payload, record.data(), record.size());
  pending_headers_.push_back({crc32c(record), static_cast<std::uint32_t>(record.size()),
                              static_cast<std::uint32_t>(age_s),
                              std::uint64_t{lane_index} << spool::kLaneShift | next_[lane_index], utc_ns, commit_});
  ++next_[lane_index];
  return {};
}

vscp::Result<void> Spool::Log::commit() {
  if (pending_headers_.empty()) {
    const std::lock_guard lock(mutex_);
    drop_aged();
    save_state();
    return {};
  }
  Segments fresh;
  vscp::Result<void> done = plan(fresh, parts_);
  if (done) {
    done = write(parts_);
    // Whatever the disk did, those bytes are not written again: a later sync could call good what is not.
    if (!done) tail_good_ = false;
  }
  if (!done) {
    give_back(fresh);
    return done;
  }
  publish(fresh, parts_);
  bury();
  return {};
}

// Divides what is pending among the last segment and new ones, and writes the headers of records.
vscp::Result<void> Spool::Log::plan(Segments& fresh, std::vector<Part>& parts) {
  parts.clear();
  Segment* segment = tail_good_ ? tail_ : nullptr;
  std::uint64_t offset = segment != nullptr ? segment->end : 0;
  std::size_t at = 0;
  for (const spool::RecordHeader& header : pending_headers_) {
    const std::uint64_t bytes = stored_bytes(header.size);
    if (segment == nullptr || offset + bytes > segment->file.header.capacity) {
      const auto begun = begin_segment(fresh, next_capacity());
      if (!begun) return begun;
      segment = &fresh.back();
      offset = segment->end;
    }
    if (parts.empty() || parts.back().segment != segment) parts.push_back({segment, offset, at, at, {}});
    spool::encode_record_header(header, segment->salted, offset, pending_.data() + at);
    Part& part = parts.back();
    Tally& tally = part.tallies[header.lane()];
    ++tally.records;
    tally.bytes += bytes;
    at += bytes;
    offset += bytes;
    part.end = at;
  }
  return {};
}

vscp::Result<void> Spool::Log::write(const std::vector<Part>& parts) {
  for (const Part& part : parts) {
    const auto written = spool::write_at(part.segment->file.fd.get(),
                                         std::span(pending_).subspan(part.begin, part.end - part.begin), part.offset);
    if (!written) return written;
  }
  for (const Part& part : parts) {
    const auto synced = spool::sync_data(part.segment->file.fd.get());
    if (!synced) return synced;
  }
  if (!names_safe_) {
    const auto synced = folder_.sync_names();
    if (!synced) return synced;
    names_safe_ = true;
  }
  return {};
}

void Spool::Log::publish(Segments& fresh, const std::vector<Part>& parts) {
  const std::lock_guard lock(mutex_);
  for (const Part& part : parts) {
    part.segment->end = part.offset + (part.end - part.begin);
    for (std::size_t i = 0; i < kStoreLanes; ++i) {
      part.segment->waiting[i].records += part.tallies[i].records;
      part.segment->waiting[i].bytes += part.tallies[i].bytes;
    }
  }
  if (!fresh.empty()) {
    tail_ = &fresh.back();
    tail_good_ = true;
    const auto first = fresh.begin();
    segments_.splice(segments_.end(), fresh);
    for (Lane& lane : lanes_) {
      if (lane.at == segments_.end()) {
        lane.at = first;
        lane.offset = spool::kDataStart;
      }
    }
    may_free_ = true;  // what was the last one until now
  }
  for (std::size_t i = 0; i < kStoreLanes; ++i) {
    lanes_[i].committed = next_[i];
    lanes_[i].pending_records = 0;
  }
  pending_.clear();
  pending_headers_.clear();
  commit_ = (commit_ + 1U) % spool::kCommits;
  state_changed_ = true;
  drop_aged();
  free_segments();
  move_together();
  save_state();
}

std::uint64_t Spool::Log::next_capacity() {
  if (tail_ == nullptr) return std::min<std::uint64_t>(spool::kSegmentBytesMin, segment_bytes_);
  const std::uint64_t before = tail_->file.header.capacity;
  bool larger = clock_.monotonic_ns() - tail_->begun_ns < kFastNs;
  {
    const std::lock_guard lock(mutex_);
    larger = larger || status_.bytes > before;
  }
  return std::clamp<std::uint64_t>(larger ? 2 * before : before, spool::kSegmentBytesMin, segment_bytes_);
}

bool Spool::Log::take_spare(std::uint64_t capacity, spool::SegmentFile& file) {
  const std::lock_guard lock(mutex_);
  const auto fitting = std::find_if(spare_.begin(), spare_.end(), [capacity](const spool::SegmentFile& spare) {
    return spare.header.capacity >= capacity;
  });
  if (fitting == spare_.end()) return false;
  file = std::move(*fitting);
  spare_.erase(fitting);
  return true;
}

// On a disk that is nearly full a smaller file does as well.
vscp::Result<spool::SegmentFile> Spool::Log::take_file(std::uint64_t capacity) {
  vscp::Result<spool::SegmentFile> file = std::unexpected(vscp::Errc::kNoSpace);
  for (const std::uint64_t wanted : {capacity, std::uint64_t{spool::kSegmentBytesMin}}) {
    spool::SegmentFile spare;
    if (take_spare(wanted, spare)) return spare;
    file = folder_.create_segment(++uid_, wanted);
    if (!file) continue;
    names_safe_ = false;
    const std::lock_guard lock(mutex_);
    disk_bytes_ += wanted;
    break;
  }
  return file;
}

vscp::Result<void> Spool::Log::begin_segment(Segments& into, std::uint64_t capacity) {
  auto taken = take_file(capacity);
  if (!taken) return std::unexpected(taken.error());
  spool::SegmentFile file = std::move(*taken);
  ++position_;
  file.header = {0, ++uid_, random_.next(), position_, position_, file.header.capacity};
  const auto written = spool::write_header(file);
  if (!written) {
    const std::lock_guard lock(mutex_);
    retire(std::move(file));
    return written;
  }
  Segment& segment = into.emplace_back();
  segment.salted = spool::salt_crc(file.header.salt);
  segment.file = std::move(file);
  segment.begun_ns = clock_.monotonic_ns();
  return {};
}

// After a commit that failed: its new segments hold nothing that counts.
void Spool::Log::give_back(Segments& segments) {
  {
    const std::lock_guard lock(mutex_);
    ++status_.write_errors;
    for (Segment& segment : segments) retire(std::move(segment.file));
  }
  bury();
}

void Spool::Log::retire(spool::SegmentFile file) {
  const std::uint64_t capacity = file.header.capacity;
  if (capacity >= spool::kSegmentBytesMin && capacity <= segment_bytes_) {
    spare_.push_back(std::move(file));
    if (spare_.size() <= kSpareMax) return;
    // The large ones are worth more.
    const auto smallest = std::min_element(spare_.begin(), spare_.end(), [](const auto& a, const auto& b) {
      return a.header.capacity < b.header.capacity;
    });
    file = std::move(*smallest);
    spare_.erase(smallest);
  }
  disk_bytes_ -= file.header.capacity;
  dead_.push_back(std::move(file));
}

void Spool::Log::bury() {
  std::vector<spool::SegmentFile> dead;
  {
    const std::lock_guard lock(mutex_);
    dead.swap(dead_);
  }
  for (const spool::SegmentFile& file : dead) folder_.remove(file.name);
}

}  // namespace router
