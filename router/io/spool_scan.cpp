#include "router/io/spool_scan.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "router/base/fd.h"
#include "router/io/crc32c.h"

namespace router::spool {
namespace {

class Scanner {
 public:
  Scanner(Image& image, bool exact)
      : image_(image), exact_(exact), expected_(image.state.floor), gone_(image.state.gone) {}

  void segment(ScannedSegment& segment) {
    const std::uint64_t size = std::clamp<std::uint64_t>(segment.file.header.capacity, kDataStart, kSegmentBytesMax);
    bytes_.resize(size);
    read_at(segment.file.fd.get(), bytes_, 0);
    const std::uint32_t salted = salt_crc(segment.file.header.salt);
    RecordHeader header;
    std::size_t at = kDataStart;
    bool jumped = false;
    while (at + kRecordHeader <= bytes_.size()) {
      const std::size_t found = find_record(bytes_, 0, at, salted, header);
      if (found + kRecordHeader > bytes_.size()) break;
      jumped = found != at;
      const std::size_t end = found + stored_bytes(header.size);
      if (end > bytes_.size()) {
        at = found + kAlign;
        continue;
      }
      begin_record(header, jumped);
      if (payload_is_good(header, bytes_.data() + found + kRecordHeader)) {
        record(segment, header);
      } else {
        damaged(header);
      }
      at = end;
      segment.end = end;
    }
  }

  void finish() {
    Report& report = image_.report;
    for (std::size_t lane = 0; lane < kStoreLanes; ++lane) {
      const std::uint64_t committed = image_.state.committed[lane];
      image_.next[lane] = std::max({expected_[lane], committed, image_.state.floor[lane]});
      if (!gone_[lane].empty()) image_.next[lane] = std::max(image_.next[lane], gone_[lane].back().end);
      missing(lane, image_.next[lane]);
    }
    // After a boot the state may be older than what it tells about: only what is seen is counted.
    report.damaged_records = exact_ ? missing_ : damaged_;
    report.unfinished_records = suspect_;
    image_.state.gone = std::move(merged_);
  }

 private:
  // Damage among the records of the last commit may be none: the power went before it was finished.
  void begin_record(const RecordHeader& header, bool jumped) {
    if (header.commit != image_.commit) {
      damaged_ += suspect_;
      suspect_ = 0;
      image_.commit = header.commit;
    }
    if (jumped) ++suspect_;
  }
  void record(ScannedSegment& segment, const RecordHeader& header) {
    const std::size_t lane = header.lane();
    const std::uint64_t number = header.number();
    // Numbers grow. A smaller one is a copy: a commit that failed and was done again.
    if (number < expected_[lane] || contains(gone_[lane], number)) return;
    missing(lane, number);
    expected_[lane] = number + 1;
    ++segment.live;
    ++segment.waiting[lane].records;
    segment.waiting[lane].bytes += stored_bytes(header.size);
    if (image_.oldest_ns[lane] == 0) image_.oldest_ns[lane] = header.stored_ns;
    ++image_.records[lane];
    ++image_.report.records;
    image_.report.bytes += stored_bytes(header.size);
  }
  void damaged(const RecordHeader& header) {
    const std::uint64_t number = header.number();
    if (number < expected_[header.lane()] || contains(gone_[header.lane()], number)) return;
    ++suspect_;
  }
  // Numbers from the expected one up to `number` do not lie there: what was not gone is lost, and gone from now on.
  void missing(std::size_t lane, std::uint64_t number) {
    const std::uint64_t first = expected_[lane];
    if (first >= number) return;
    std::uint64_t lost_below = std::min(number, image_.state.committed[lane]);
    lost_below = std::max(lost_below, first);
    std::uint64_t lost = lost_below - first;
    for (const Run& run : gone_[lane]) {
      const std::uint64_t begin = std::max(run.first, first);
      const std::uint64_t end = std::min(run.end, lost_below);
      if (begin < end) lost -= end - begin;
    }
    missing_ += lost;
    if (!merged_[lane].empty() && merged_[lane].back().end == first) {
      merged_[lane].back().end = number;
    } else {
      merged_[lane].push_back({first, number});
    }
    expected_[lane] = number;
  }

  Image& image_;
  bool exact_;
  std::array<std::uint64_t, kStoreLanes> expected_;
  std::array<std::vector<Run>, kStoreLanes> gone_;
  std::array<std::vector<Run>, kStoreLanes> merged_;
  std::vector<std::uint8_t> bytes_;
  std::uint64_t missing_ = 0;
  std::uint64_t damaged_ = 0;
  std::uint64_t suspect_ = 0;  ///< as damaged_, but of the last commit so far
};

/// Reads the header; an error sentence, or empty.
std::string add_segment(const Folder& folder, const std::string& name, bool writable, Image& image) {
  auto file = folder.open_segment(name, writable);
  if (!file) {
    return "cannot open \"" + folder.path() + "/" + name +
           "\" of the spool: " + std::strerror(vscp::to_errno(file.error()));
  }
  struct stat status{};
  if (::fstat(file->fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return "\"" + folder.path() + "/" + name + "\" of the spool is no file";
  }
  // Names stand for uids that must not come again.
  image.uid = std::max<std::uint64_t>(image.uid, std::strtoull(name.c_str(), nullptr, 16) % kCountMax);
  std::vector<std::uint8_t> front(kDataStart);
  read_at(file->fd.get(), front, 0);
  const auto size = static_cast<std::uint64_t>(status.st_size);
  switch (decode_segment_header(front, file->header)) {
    case HeaderKind::kGood:
      // A file that was cut short holds what it holds.
      file->header.capacity = std::min(size, kSegmentBytesMax) / kAlign * kAlign;
      image.uid = std::max(image.uid, file->header.uid);
      image.segments.push_back({std::move(*file)});
      return {};
    case HeaderKind::kEmpty:
      image.useless.push_back(name);
      return {};
    case HeaderKind::kNewer:
      return "\"" + folder.path() + "/" + name +
             "\" was written by a newer version of this program; use that one, or another spool folder";
    case HeaderKind::kDamaged:
      break;
  }
  image.damaged.push_back(name);
  ++image.report.damaged_segments;
  return {};
}

/// A merged segment stands for those whose positions it covers.
void drop_replaced(Image& image) {
  std::vector<ScannedSegment>& all = image.segments;
  const auto replaced = [&all](const ScannedSegment& segment) {
    return std::any_of(all.begin(), all.end(), [&segment](const ScannedSegment& other) {
      return other.file.fd.valid() && (other.file.header.flags & kMerged) != 0 &&
             other.file.header.uid > segment.file.header.uid &&
             other.file.header.position <= segment.file.header.position &&
             segment.file.header.last_position <= other.file.header.last_position;
    });
  };
  std::vector<bool> useless;
  for (const ScannedSegment& segment : all) useless.push_back(replaced(segment));
  std::vector<ScannedSegment> kept;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (useless[i]) {
      image.useless.push_back(all[i].file.name);
    } else {
      kept.push_back(std::move(all[i]));
    }
  }
  all = std::move(kept);
  std::sort(all.begin(), all.end(), [](const ScannedSegment& a, const ScannedSegment& b) {
    return std::pair(a.file.header.position, a.file.header.uid) < std::pair(b.file.header.position, b.file.header.uid);
  });
}

// So far no spool gets in a thousand years; a file that was made up can say so.
bool numbers_used_up(const Image& image) {
  constexpr std::uint64_t kLast = kCountMax - (1ULL << 40U);
  const auto far = [](const ScannedSegment& segment) { return segment.file.header.last_position > kLast; };
  return image.uid > kLast || std::any_of(image.segments.begin(), image.segments.end(), far) ||
         std::any_of(image.next.begin(), image.next.end(), [](std::uint64_t next) { return next > kLast; });
}

}  // namespace

std::string Report::text() const {
  std::string text = std::to_string(records) + " records (" + std::to_string(bytes) + " bytes) in " +
                     std::to_string(segments) + " segments";
  if (damaged_records > 0)
    text += "; " + std::to_string(damaged_records) + " records were damaged on disk and are lost";
  if (damaged_segments > 0) {
    text += "; " + std::to_string(damaged_segments) + " files have no readable header and were set aside (*.damaged)";
  }
  if (unfinished_records > 0) text += "; " + std::to_string(unfinished_records) + " were not finished when it ended";
  if (state_lost) text += "; what was released is not known, some records come again";
  return text;
}

std::uint64_t boot_id() noexcept {
  std::array<std::uint8_t, 64> text{};
  const UniqueFd file(::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return 0;
  const ssize_t size = ::read(file.get(), text.data(), text.size());
  if (size <= 0) return 0;
  const auto bytes = std::span(text).first(static_cast<std::size_t>(size));
  return std::uint64_t{crc32c(bytes)} << 32U | crc32c(bytes, 1);
}

std::expected<Image, std::string> scan(const Folder& folder, std::uint64_t boot, bool writable) {
  Image image;
  for (const std::string& name : folder.segment_names()) {
    std::string error = add_segment(folder, name, writable, image);
    if (!error.empty()) return std::unexpected(std::move(error));
  }
  drop_replaced(image);
  image.has_state = folder.read_state(image.state);
  image.report.state_lost = !image.has_state && !image.segments.empty();
  image.report.segments = image.segments.size();
  Scanner scanner(image, image.has_state && image.state.boot == boot && boot != 0);
  for (ScannedSegment& segment : image.segments) scanner.segment(segment);
  scanner.finish();
  if (numbers_used_up(image)) {
    return std::unexpected("the spool folder \"" + folder.path() +
                           "\" has no numbers left, or was tampered with; use another one");
  }
  return image;
}

}  // namespace router::spool
