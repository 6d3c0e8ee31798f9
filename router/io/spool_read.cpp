#include <algorithm>

#include "router/io/spool_log.h"

namespace router {
namespace {

constexpr std::uint64_t kBlockBytes = std::uint64_t{256} * 1024;
constexpr unsigned kReadTries = 10;  // one per second

}  // namespace

std::uint64_t Spool::Log::Segment::live() const noexcept {
  std::uint64_t count = in_window;
  for (const Tally& tally : waiting) count += tally.records;
  return count;
}

std::uint64_t Spool::Log::Segment::waiting_bytes() const noexcept {
  std::uint64_t bytes = 0;
  for (const Tally& tally : waiting) bytes += tally.bytes;
  return bytes;
}

const std::uint8_t* Spool::Log::Block::at(const Segment& segment, std::uint64_t from,
                                          std::uint64_t count) const noexcept {
  if (uid != segment.file.header.uid || from < offset || from + count > offset + bytes.size()) return nullptr;
  return bytes.data() + (from - offset);
}

bool Spool::Log::fill(Block& block, const Segment& segment, std::uint64_t from, std::uint64_t end) const {
  block.uid = segment.file.header.uid;
  block.offset = from;
  block.bytes.resize(std::min(end - from, kBlockBytes));
  return spool::read_at(segment.file.fd.get(), block.bytes, from);
}

// Is what fill() brought to be used? A disk that fails may work again: a lane waits some seconds before what cannot be
// read counts as lost.
bool Spool::Log::accept(Lane& lane, Block& block, bool good) {
  if (good) {
    lane.failed_reads = 0;
    return true;
  }
  ++status_.write_errors;
  if (lane.failed_reads >= kReadTries) return true;
  ++lane.failed_reads;
  lane.failed_s = age_.now_s();
  block.uid = 0;
  return false;
}

bool Spool::Log::waits_for_disk(const Lane& lane) const noexcept {
  return lane.failed_reads > 0 && lane.failed_reads < kReadTries && lane.failed_s == age_.now_s();
}

// All up to `number` are gone for this lane.
void Spool::Log::jump(Lane& lane, std::uint64_t number) {
  if (number <= lane.unread) return;
  if (!lane.window.empty()) add_run(lane.gone, lane.unread, number);
  lane.unread = number;
  state_changed_ = true;
}

// The lane's records that should still come in this segment do not: they are damaged. False if none were missing.
bool Spool::Log::lost_rest(std::size_t lane_index) {
  Lane& lane = lanes_[lane_index];
  Tally& waiting = lane.at->waiting[lane_index];
  if (waiting.records == 0) return false;
  lane.records -= waiting.records;
  status_.records -= waiting.records;
  status_.bytes -= waiting.bytes;
  status_.dropped_corrupt += waiting.records;
  waiting = {};
  may_free_ = true;
  return true;
}

// Moves the lane's place to its first record that was never read and is not gone. kNeedsBlock: `block` must be filled
// from the lane's place on.
Spool::Log::Found Spool::Log::find_front(std::size_t lane_index, const Block& block, Front& front) {
  Lane& lane = lanes_[lane_index];
  while (lane.at != segments_.end()) {
    Segment& segment = *lane.at;
    Tally& waiting = segment.waiting[lane_index];
    if (waiting.records == 0) {
      if (std::next(lane.at) == segments_.end()) return Found::kNothing;
      ++lane.at;
      lane.offset = spool::kDataStart;
      continue;
    }
    if (lane.offset + spool::kRecordHeader > segment.end) {
      lost_rest(lane_index);
      continue;
    }
    const std::uint8_t* at = block.at(segment, lane.offset, spool::kRecordHeader);
    if (at == nullptr) return Found::kNeedsBlock;
    if (!spool::decode_record_header(at, segment.salted, lane.offset, front.header)) {
      // Damaged: on to the next that is good, within what is in memory.
      const auto found =
          spool::find_record(block.bytes, block.offset, lane.offset - block.offset, segment.salted, front.header);
      lane.offset = block.offset + found;
      if (found + spool::kRecordHeader > block.bytes.size() && block.offset + block.bytes.size() >= segment.end) {
        lane.offset = segment.end;
      }
      continue;
    }
    const std::uint64_t bytes = stored_bytes(front.header.size);
    const std::uint64_t number = front.header.number();
    if (lane.offset + bytes > segment.end) {
      lane.offset += spool::kAlign;
      continue;
    }
    if (front.header.lane() != lane_index || number < lane.unread || spool::contains(lane.gone, number)) {
      lane.offset += bytes;
      continue;
    }
    if (block.at(segment, lane.offset, bytes) == nullptr) return Found::kNeedsBlock;
    front.payload = at + spool::kRecordHeader;
    if (!spool::payload_is_good(front.header, front.payload)) {
      // Lost, unless a good copy follows: of a commit that failed and was done again.
      lane.offset += bytes;
      continue;
    }
    front.place = {&segment, lane.offset, bytes, front.header.age_s, front.header.stored_ns};
    jump(lane, number);
    return Found::kRecord;
  }
  return Found::kNothing;
}

// The lane's next record for the reader: again or for the first time. It is in flight then.
Spool::Log::Found Spool::Log::next_of(std::size_t lane_index, Block& block, Front& front) {
  Lane& lane = lanes_[lane_index];
  while (const auto* entry = lane.window.to_repeat()) {
    front.place = entry->place;
    const std::uint8_t* at = block.at(*front.place.segment, front.place.offset, front.place.bytes);
    if (at == nullptr) return Found::kNeedsBlock;
    front.payload = at + spool::kRecordHeader;
    if (spool::decode_record_header(at, front.place.segment->salted, front.place.offset, front.header) &&
        front.header.number() == entry->number && spool::payload_is_good(front.header, front.payload)) {
      lane.window.repeated();
      return Found::kRecord;
    }
    ++status_.dropped_corrupt;
    finish(lane_index, entry->number);
  }
  const Found found = find_front(lane_index, block, front);
  if (found != Found::kRecord) return found;
  Tally& waiting = front.place.segment->waiting[lane_index];
  --waiting.records;
  waiting.bytes -= front.place.bytes;
  ++front.place.segment->in_window;
  lane.offset += front.place.bytes;
  lane.window.add(front.header.number(), front.place);
  lane.unread = front.header.number() + 1;
  return Found::kRecord;
}

std::size_t Spool::Log::read(std::span<StoredRecord> out) {
  std::unique_lock lock(mutex_);
  drop_aged();
  std::size_t count = 0;
  for (std::size_t i = 0; i < kStoreLanes && count < out.size();) {
    Lane& lane = lanes_[i];
    Block& block = read_blocks_[i];
    Front front;
    if (waits_for_disk(lane)) {
      ++i;
      continue;
    }
    const std::size_t before = count;
    Found found = Found::kNothing;
    while (count < out.size() && (found = next_of(i, block, front)) == Found::kRecord) {
      out[count++] = {front.header.ticket, front.header.stored_ns, {front.payload, front.header.size}};
    }
    if (found != Found::kNeedsBlock) {
      ++i;
      continue;
    }
    if (count != before) break;  // what is given out lies in the block
    const auto* entry = lane.window.to_repeat();
    Segment& segment = entry != nullptr ? *entry->place.segment : *lane.at;
    const std::uint64_t from = entry != nullptr ? entry->place.offset : lane.offset;
    const std::uint64_t end = segment.end;
    ++segment.pins;
    lock.unlock();
    const bool good = fill(block, segment, from, end);
    lock.lock();
    --segment.pins;
    may_free_ = true;
    if (!accept(lane, block, good)) ++i;
  }
  free_segments();
  save_state();
  return count;
}

// The record is done with.
void Spool::Log::finish(std::size_t lane_index, std::uint64_t number) {
  Lane& lane = lanes_[lane_index];
  const Place* place = lane.window.finish(number);
  if (place == nullptr) return;
  if (--place->segment->in_window == 0) may_free_ = true;
  --lane.records;
  --status_.records;
  status_.bytes -= place->bytes;
  lane.window.trim();
  state_changed_ = true;
}

void Spool::Log::release(std::span<const std::uint64_t> tickets) {
  {
    const std::lock_guard lock(mutex_);
    const std::uint64_t before = status_.records;
    for (const std::uint64_t ticket : tickets) {
      const std::uint64_t lane = ticket >> spool::kLaneShift;
      if (lane < kStoreLanes) finish(lane, ticket & spool::kNumberMask);
    }
    status_.released += before - status_.records;
    free_segments();
    save_state();
  }
  bury();
}

void Spool::Log::rewind() {
  const std::lock_guard lock(mutex_);
  for (Lane& lane : lanes_) lane.window.rewind();
}

StoreStatus Spool::Log::status() {
  const std::lock_guard lock(mutex_);
  std::array<std::uint64_t, kStoreLanes> oldest_ns{};
  for (std::size_t i = 0; i < kStoreLanes; ++i) {
    Lane& lane = lanes_[i];
    Front front;
    if (const auto* entry = lane.window.oldest()) {
      oldest_ns[i] = entry->place.stored_ns;
    } else if (lane.records > lane.pending_records && oldest_waiting(i, front)) {
      oldest_ns[i] = front.place.stored_ns;
    } else if (lane.pending_records > 0) {
      oldest_ns[i] = lane.pending_ns;
    }
  }
  StoreStatus status = status_;
  for (std::size_t i = 0; i < kStoreLanes; ++i) {
    status.records_by_lane[i] = lanes_[i].records;
    status.in_flight += lanes_[i].window.in_flight();
    if (oldest_ns[i] != 0 && (status.oldest_ns == 0 || oldest_ns[i] < status.oldest_ns))
      status.oldest_ns = oldest_ns[i];
  }
  return status;
}

std::uint64_t Spool::Log::disk_bytes() {
  const std::lock_guard lock(mutex_);
  return disk_bytes_;
}

void Spool::Log::add_run(std::vector<spool::Run>& runs, std::uint64_t first, std::uint64_t end) {
  auto at = std::lower_bound(runs.begin(), runs.end(), first,
                             [](const spool::Run& run, std::uint64_t number) { return run.end < number; });
  auto last = at;
  for (; last != runs.end() && last->first <= end; ++last) {
    first = std::min(first, last->first);
    end = std::max(end, last->end);
  }
  at = runs.erase(at, last);
  runs.insert(at, {first, end});
}

// Writes down what is gone. Cheap enough for every call: a write into the page cache.
void Spool::Log::save_state() {
  if (!state_changed_) return;
  for (std::size_t i = 0; i < kStoreLanes; ++i) {
    Lane& lane = lanes_[i];
    const auto* oldest = lane.window.oldest();
    const std::uint64_t floor = oldest != nullptr ? oldest->number : lane.unread;
    const auto kept =
        std::find_if(lane.gone.begin(), lane.gone.end(), [floor](const spool::Run& run) { return run.end > floor; });
    lane.gone.erase(lane.gone.begin(), kept);
    state_.floor[i] = floor;
    state_.committed[i] = lane.committed;
    state_.gone[i] = lane.gone;
    lane.window.for_each_gone([&runs = state_.gone[i]](std::uint64_t number) { add_run(runs, number, number + 1); });
  }
  ++state_.serial;
  age_.save(state_);
  if (folder_.write_state(state_)) {
    state_changed_ = false;
  } else {
    ++status_.write_errors;  // and tried again with the next call
  }
}

}  // namespace router
