#include <algorithm>

#include "router/io/spool_log.h"

namespace router {
namespace {

constexpr std::uint64_t kDiskFactor = 2;
constexpr std::uint64_t kDiskSegments = 4;
constexpr std::uint64_t kMergePauseS = 10;  // after one that failed

}  // namespace

// The lane's oldest record that is committed and not in flight. Reads from the disk inside the lock if it must.
bool Spool::Log::oldest_waiting(std::size_t lane_index, Front& front) {
  Lane& lane = lanes_[lane_index];
  if (const auto* entry = lane.window.to_repeat()) {
    front.place = entry->place;
    front.header.ticket = std::uint64_t{lane_index} << spool::kLaneShift | entry->number;
    return true;
  }
  while (true) {
    if (waits_for_disk(lane)) return false;
    switch (find_front(lane_index, lane.room_block, front)) {
      case Found::kRecord:
        return true;
      case Found::kNothing:
        return false;
      case Found::kNeedsBlock:
        if (!accept(lane, lane.room_block, fill(lane.room_block, *lane.at, lane.offset, lane.at->end))) return false;
        break;
    }
  }
}

void Spool::Log::drop(std::size_t lane_index, const Front& front) {
  Lane& lane = lanes_[lane_index];
  if (lane.window.to_repeat() != nullptr) {
    finish(lane_index, front.header.number());
    return;
  }
  Tally& waiting = front.place.segment->waiting[lane_index];
  --waiting.records;
  waiting.bytes -= front.place.bytes;
  --lane.records;
  --status_.records;
  status_.bytes -= front.place.bytes;
  lane.offset += front.place.bytes;
  jump(lane, front.header.number() + 1);
  may_free_ = true;
}

// Takes off `needed` what could be dropped of the lane; true if that is enough.
bool Spool::Log::can_drop(std::size_t lane_index, std::uint64_t& needed) const {
  const Lane& lane = lanes_[lane_index];
  lane.window.for_each_to_repeat([&needed](const Place& place) {
    needed -= std::min(needed, place.bytes);
    return needed > 0;
  });
  for (Segments::const_iterator i = lane.at; needed > 0 && i != segments_.end(); ++i) {
    needed -= std::min(needed, i->waiting[lane_index].bytes);
  }
  return needed == 0;
}

bool Spool::Log::make_room(std::uint8_t lane_index, std::uint64_t bytes) {
  if (bytes > limits_.bytes_max) return false;
  if (status_.bytes + bytes > limits_.bytes_max && limits_.policy != StoreFullPolicy::kRefuse) {
    std::uint64_t needed = status_.bytes + bytes - limits_.bytes_max;
    bool enough = false;
    const std::size_t first = limits_.policy == StoreFullPolicy::kDropLowestPriority ? lane_index : 0;
    for (std::size_t i = kStoreLanes; !enough && i-- > first;) enough = can_drop(i, needed);
    if (!enough) return false;
  }
  while (status_.bytes + bytes > limits_.bytes_max) {
    if (limits_.policy == StoreFullPolicy::kRefuse) return false;
    std::size_t chosen = kStoreLanes;
    Front chosen_front;
    const std::size_t first = limits_.policy == StoreFullPolicy::kDropLowestPriority ? lane_index : 0;
    for (std::size_t i = kStoreLanes; i-- > first;) {
      Front front;
      if (!oldest_waiting(i, front)) continue;
      if (chosen != kStoreLanes && front.place.age_s >= chosen_front.place.age_s) continue;
      chosen = i;
      chosen_front = front;
      if (limits_.policy == StoreFullPolicy::kDropLowestPriority) break;
    }
    if (chosen == kStoreLanes) return false;
    drop(chosen, chosen_front);
    ++status_.dropped_full;
  }
  free_segments();
  return true;
}

void Spool::Log::drop_aged() {
  const std::uint64_t now_s = age_.now_s();
  const std::uint64_t age_max_s = limits_.age_max_ns / spool::kSecondNs;
  if (limits_.age_max_ns == 0 || now_s < next_age_check_s_) return;
  next_age_check_s_ = now_s + 1;
  for (std::size_t i = 0; i < kStoreLanes; ++i) {
    Front front;
    while (lanes_[i].records > lanes_[i].pending_records && oldest_waiting(i, front) &&
           front.place.age_s + age_max_s < now_s) {
      drop(i, front);
      ++status_.dropped_age;
    }
  }
  free_segments();
}

std::uint64_t Spool::Log::purge() {
  std::uint64_t before = 0;
  std::uint64_t after = 0;
  {
    const std::lock_guard lock(mutex_);
    before = status_.records;
    for (std::size_t i = 0; i < kStoreLanes; ++i) {
      Lane& lane = lanes_[i];
      while (const auto* entry = lane.window.to_repeat()) finish(i, entry->number);
      for (Segment& segment : segments_) {
        Tally& waiting = segment.waiting[i];
        lane.records -= waiting.records;
        status_.records -= waiting.records;
        status_.bytes -= waiting.bytes;
        waiting = {};
      }
      if (!segments_.empty()) {
        lane.at = std::prev(segments_.end());
        lane.offset = lane.at->end;
      }
      jump(lane, lane.committed);
    }
    after = status_.records;
    status_.released += before - after;
    status_.purged += before - after;
    may_free_ = true;
    state_changed_ = true;
    free_segments();
    save_state();
  }
  bury();
  return before - after;
}

// Segments in which nothing is left, but for the last one, which is written.
void Spool::Log::free_segments() {
  if (!may_free_) return;
  may_free_ = false;
  for (auto i = segments_.begin(); i != segments_.end() && std::next(i) != segments_.end();) {
    if (i->pins > 0 || i->live() > 0) {
      ++i;
      continue;
    }
    for (Lane& lane : lanes_) {
      if (lane.at != i) continue;
      lane.at = std::next(i);
      lane.offset = spool::kDataStart;
    }
    retire(std::move(i->file));
    i = segments_.erase(i);
  }
}

// Where records that wait lie thin between released ones, two neighbours become one, so that the disk that is used
// stays in proportion to what waits. If all neighbours together are fuller than one file, what waits is more than half
// of all.
void Spool::Log::move_together() {
  if (disk_bytes_ <= kDiskFactor * limits_.bytes_max + kDiskSegments * segment_bytes_ || segments_.size() < 3 ||
      age_.now_s() < next_merge_s_) {
    return;
  }
  for (auto first = segments_.begin();; ++first) {
    const auto second = std::next(first);
    if (second == segments_.end() || std::next(second) == segments_.end()) return;
    if (first->pins + second->pins + first->in_window + second->in_window > 0) continue;
    if (first->waiting_bytes() + second->waiting_bytes() + spool::kDataStart > segment_bytes_) continue;
    if (merge(first, second)) {
      free_segments();
    } else {
      next_merge_s_ = age_.now_s() + kMergePauseS;
    }
    return;
  }
}

// Adds the segment's records that wait to `to`, which will lie at kDataStart of a segment with this salt.
bool Spool::Log::copy_waiting(const Segment& segment, std::uint32_t salted, std::vector<std::uint8_t>& to) const {
  std::vector<std::uint8_t> from(segment.end);
  if (!spool::read_at(segment.file.fd.get(), from, 0)) return false;
  spool::RecordHeader header;
  std::size_t at = spool::kDataStart;
  while ((at = spool::find_record(from, 0, at, segment.salted, header)) + spool::kRecordHeader <= from.size()) {
    const std::uint64_t bytes = stored_bytes(header.size);
    if (at + bytes > from.size()) {
      at += spool::kAlign;
      continue;
    }
    const Lane& lane = lanes_[header.lane()];
    if (header.number() >= lane.unread && !spool::contains(lane.gone, header.number())) {
      const std::size_t place = to.size();
      to.insert(to.end(), from.begin() + static_cast<std::ptrdiff_t>(at),
                from.begin() + static_cast<std::ptrdiff_t>(at + bytes));
      spool::encode_record_header(header, salted, spool::kDataStart + place, to.data() + place);
    }
    at += bytes;
  }
  return true;
}

bool Spool::Log::merge(Segments::iterator first, Segments::iterator second) {
  std::vector<std::uint8_t> to;
  Segments fresh;
  const std::uint64_t capacity = std::max<std::uint64_t>(
      first->waiting_bytes() + second->waiting_bytes() + spool::kDataStart, spool::kSegmentBytesMin);
  auto created = folder_.create_segment(++uid_, (capacity + 4095U) / 4096U * 4096U);
  if (!created) return false;
  Segment& merged = fresh.emplace_back();
  merged.file = std::move(*created);
  merged.file.header = {spool::kMerged,
                        ++uid_,
                        random_.next(),
                        first->file.header.position,
                        second->file.header.last_position,
                        merged.file.header.capacity};
  merged.salted = spool::salt_crc(merged.file.header.salt);
  merged.begun_ns = clock_.monotonic_ns();
  const bool copied = copy_waiting(*first, merged.salted, to) && copy_waiting(*second, merged.salted, to);
  merged.end = spool::kDataStart + to.size();
  for (std::size_t i = 0; i < kStoreLanes; ++i) {
    const Tally& a = first->waiting[i];
    const Tally& b = second->waiting[i];
    merged.waiting[i] = {a.records + b.records, a.bytes + b.bytes};
  }
  const int fd = merged.file.fd.get();
  state_changed_ = true;
  save_state();  // what is left out must be known to be gone, also after a power cut
  // The header last: with it the merged segment stands for the others.
  const bool good = copied && !state_changed_ && merged.end <= merged.file.header.capacity && folder_.sync_state() &&
                    spool::write_at(fd, to, spool::kDataStart) && spool::sync_data(fd) && folder_.sync_names() &&
                    spool::write_header(merged.file) && spool::sync_data(fd);
  disk_bytes_ += merged.file.header.capacity;
  if (!good) {
    ++status_.write_errors;
    retire(std::move(merged.file));
    return false;
  }
  const auto place = segments_.insert(first, std::move(merged));
  for (Lane& lane : lanes_) {
    if (lane.at != first && lane.at != second) continue;
    lane.at = place;
    lane.offset = spool::kDataStart;
  }
  first->waiting = {};
  second->waiting = {};
  may_free_ = true;
  return true;
}

}  // namespace router
