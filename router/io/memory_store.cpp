#include "router/io/memory_store.h"

#include <algorithm>
#include <cstring>

#include "router/base/check.h"

namespace router {
namespace {

constexpr unsigned kLaneShift = 56;
constexpr std::uint64_t kNumberMask = (1ULL << kLaneShift) - 1U;
constexpr std::size_t kChunkBytesMin = 4096;
constexpr std::size_t kChunkBytesMax = std::size_t{256} * 1024;
constexpr std::uint64_t kChunksPerStore = 64;
constexpr std::size_t kSpareChunks = 4;

}  // namespace

struct MemoryStore::Header {
  std::uint64_t number;
  std::uint64_t stored_ns;    ///< UTC
  std::uint64_t appended_ns;  ///< monotonic
  std::uint64_t size;
};

MemoryStore::MemoryStore(const StoreLimits& limits, const Clock& clock)
    : limits_(limits),
      clock_(clock),
      chunk_bytes_(std::clamp<std::size_t>(limits.bytes_max / kChunksPerStore, kChunkBytesMin, kChunkBytesMax)) {
  static_assert(sizeof(Header) == kStoreRecordOverhead);
  status_.bytes_max = limits.bytes_max;
}

MemoryStore::Header MemoryStore::header_at(const Place& place) noexcept {
  Header header;
  std::memcpy(&header, place.chunk->bytes.get() + place.offset, sizeof(header));
  return header;
}

MemoryStore::Chunk& MemoryStore::chunk_for(Lane& lane, std::uint64_t bytes) {
  if (!lane.chunks.empty() && lane.chunks.back()->capacity - lane.chunks.back()->used >= bytes) {
    return *lane.chunks.back();
  }
  if (bytes <= chunk_bytes_ && !spare_.empty()) {
    lane.chunks.push_back(std::move(spare_.back()));
    spare_.pop_back();
  } else {
    auto chunk = std::make_unique<Chunk>();
    chunk->capacity = std::max<std::size_t>(chunk_bytes_, bytes);
    chunk->bytes = std::make_unique_for_overwrite<std::uint8_t[]>(chunk->capacity);
    memory_bytes_ += chunk->capacity;
    lane.chunks.push_back(std::move(chunk));
  }
  return *lane.chunks.back();
}

MemoryStore::Place MemoryStore::first_unread(Lane& lane) noexcept {
  while (lane.unread_offset == lane.chunks[lane.unread_chunk]->used) {
    ++lane.unread_chunk;
    lane.unread_offset = 0;
  }
  return {lane.chunks[lane.unread_chunk].get(), lane.unread_offset};
}

bool MemoryStore::oldest_waiting(Lane& lane, Place& place) noexcept {
  if (const auto* entry = lane.window.to_repeat()) {
    place = entry->place;
    return true;
  }
  if (lane.unread == lane.committed) return false;
  place = first_unread(lane);
  return true;
}

void MemoryStore::forget(Lane& lane, const Place& place) noexcept {
  --place.chunk->live;
  --lane.records;
  --status_.records;
  status_.bytes -= stored_bytes(header_at(place).size);
}

// A chunk in the middle may be empty while an older one is not: places hold pointers, so the order of chunks is kept.
void MemoryStore::free_chunks(Lane& lane) {
  for (std::size_t i = 0; i < lane.unread_chunk;) {
    if (lane.chunks[i]->live > 0) {
      ++i;
      continue;
    }
    std::unique_ptr<Chunk> chunk = std::move(lane.chunks[i]);
    lane.chunks.erase(lane.chunks.begin() + static_cast<std::ptrdiff_t>(i));
    --lane.unread_chunk;
    chunk->used = 0;
    if (chunk->capacity == chunk_bytes_ && spare_.size() < kSpareChunks) {
      spare_.push_back(std::move(chunk));
    } else {
      memory_bytes_ -= chunk->capacity;
    }
  }
  // A lane that keeps up stays in one chunk.
  if (lane.unread_chunk + 1 == lane.chunks.size() && lane.chunks.back()->live == 0) {
    lane.chunks.back()->used = 0;
    lane.unread_offset = 0;
  }
}

void MemoryStore::drop_oldest_waiting(Lane& lane) {
  if (const auto* entry = lane.window.to_repeat()) {
    forget(lane, *lane.window.finish(entry->number));
    lane.window.trim();
    return;
  }
  const Place place = first_unread(lane);
  forget(lane, place);
  lane.unread_offset += stored_bytes(header_at(place).size);
  ++lane.unread;
}

// Takes off `needed` what could be dropped of the lane; true if that is enough.
bool MemoryStore::can_drop(Lane& lane, std::uint64_t& needed) {
  const auto count = [&needed](const Place& place) {
    const std::uint64_t bytes = stored_bytes(header_at(place).size);
    needed -= std::min(needed, bytes);
    return needed > 0;
  };
  lane.window.for_each_to_repeat(count);
  std::uint64_t left = lane.committed - lane.unread;
  if (needed == 0 || left == 0) return needed == 0;
  Place place = first_unread(lane);
  for (std::size_t chunk = lane.unread_chunk; count(place) && --left > 0;) {
    place.offset += stored_bytes(header_at(place).size);
    while (place.offset == place.chunk->used) place = {lane.chunks[++chunk].get(), 0};
  }
  return needed == 0;
}

bool MemoryStore::make_room(std::uint8_t lane_index, std::uint64_t bytes) {
  if (bytes > limits_.bytes_max) return false;
  if (status_.bytes + bytes > limits_.bytes_max && limits_.policy != StoreFullPolicy::kRefuse) {
    std::uint64_t needed = status_.bytes + bytes - limits_.bytes_max;
    bool enough = false;
    const std::size_t first = limits_.policy == StoreFullPolicy::kDropLowestPriority ? lane_index : 0;
    for (std::size_t i = kStoreLanes; !enough && i-- > first;) enough = can_drop(lanes_[i], needed);
    if (!enough) return false;
  }
  while (status_.bytes + bytes > limits_.bytes_max) {
    if (limits_.policy == StoreFullPolicy::kRefuse) return false;
    Lane* chosen = nullptr;
    std::uint64_t chosen_ns = 0;
    const std::size_t first = limits_.policy == StoreFullPolicy::kDropLowestPriority ? lane_index : 0;
    for (std::size_t i = kStoreLanes; i-- > first;) {
      Place place;
      if (!oldest_waiting(lanes_[i], place)) continue;
      const std::uint64_t appended_ns = header_at(place).appended_ns;
      if (chosen != nullptr && appended_ns >= chosen_ns) continue;
      chosen = &lanes_[i];
      chosen_ns = appended_ns;
      if (limits_.policy == StoreFullPolicy::kDropLowestPriority) break;
    }
    if (chosen == nullptr) return false;
    drop_oldest_waiting(*chosen);
    free_chunks(*chosen);
    ++status_.dropped_full;
  }
  return true;
}

void MemoryStore::drop_aged() {
  if (limits_.age_max_ns == 0 || status_.records == 0) return;
  const std::uint64_t now_ns = clock_.monotonic_ns();
  if (now_ns <= limits_.age_max_ns) return;
  const std::uint64_t keep_from_ns = now_ns - limits_.age_max_ns;
  for (Lane& lane : lanes_) {
    Place place;
    const std::uint64_t before = status_.dropped_age;
    while (oldest_waiting(lane, place) && header_at(place).appended_ns < keep_from_ns) {
      drop_oldest_waiting(lane);
      ++status_.dropped_age;
    }
    if (status_.dropped_age != before) free_chunks(lane);
  }
}

vscp::Result<void> MemoryStore::append(std::uint8_t lane_index, std::span<const std::uint8_t> record) {
  VR_ASSERT(lane_index < kStoreLanes);
  const std::uint64_t bytes = stored_bytes(record.size());
  const std::lock_guard lock(mutex_);
  if (record.size() > kStoreRecordMax || !make_room(lane_index, bytes)) {
    ++status_.refused;
    return std::unexpected(vscp::Errc::kLimit);
  }
  Lane& lane = lanes_[lane_index];
  Chunk& chunk = chunk_for(lane, bytes);
  const Header header{lane.next, clock_.utc_ns(), clock_.monotonic_ns(), record.size()};
  std::uint8_t* place = chunk.bytes.get() + chunk.used;
  std::memcpy(place, &header, sizeof(header));
  if (!record.empty()) std::memcpy(place + sizeof(header), record.data(), record.size());
  chunk.used += bytes;
  ++chunk.live;
  ++lane.next;
  ++lane.records;
  ++status_.records;
  status_.bytes += bytes;
  ++status_.appended;
  return {};
}

vscp::Result<void> MemoryStore::commit() {
  const std::lock_guard lock(mutex_);
  for (Lane& lane : lanes_) lane.committed = lane.next;
  drop_aged();
  return {};
}

std::size_t MemoryStore::read(std::span<StoredRecord> out) {
  const std::lock_guard lock(mutex_);
  drop_aged();
  std::size_t count = 0;
  for (std::size_t i = 0; i < kStoreLanes; ++i) {
    Lane& lane = lanes_[i];
    Place place;
    while (count < out.size() && oldest_waiting(lane, place)) {
      const Header header = header_at(place);
      if (lane.window.to_repeat() != nullptr) {
        lane.window.repeated();
      } else {
        lane.window.add(header.number, place);
        lane.unread_offset += stored_bytes(header.size);
        ++lane.unread;
      }
      out[count++] = {i << kLaneShift | header.number,
                      header.stored_ns,
                      {place.chunk->bytes.get() + place.offset + sizeof(header), header.size}};
    }
  }
  return count;
}

void MemoryStore::release(std::span<const std::uint64_t> tickets) {
  const std::lock_guard lock(mutex_);
  unsigned touched = 0;
  for (const std::uint64_t ticket : tickets) {
    const std::uint64_t lane_index = ticket >> kLaneShift;
    if (lane_index >= kStoreLanes) continue;
    Lane& lane = lanes_[lane_index];
    const Place* place = lane.window.finish(ticket & kNumberMask);
    if (place == nullptr) continue;
    forget(lane, *place);
    lane.window.trim();
    ++status_.released;
    touched |= 1U << lane_index;
  }
  for (std::size_t i = 0; i < kStoreLanes; ++i) {
    if ((touched >> i & 1U) != 0) free_chunks(lanes_[i]);
  }
}

void MemoryStore::rewind() {
  const std::lock_guard lock(mutex_);
  for (Lane& lane : lanes_) lane.window.rewind();
}

StoreStatus MemoryStore::status() const {
  const std::lock_guard lock(mutex_);
  StoreStatus status = status_;
  for (std::size_t i = 0; i < kStoreLanes; ++i) {
    const Lane& lane = lanes_[i];
    status.records_by_lane[i] = lane.records;
    status.in_flight += lane.window.in_flight();
    if (lane.records == 0) continue;
    Place place;
    if (const auto* entry = lane.window.oldest()) {
      place = entry->place;
    } else {
      place = {lane.chunks[lane.unread_chunk].get(), lane.unread_offset};
      if (place.offset == place.chunk->used) place = {lane.chunks[lane.unread_chunk + 1].get(), 0};
    }
    const std::uint64_t stored_ns = header_at(place).stored_ns;
    if (status.oldest_ns == 0 || stored_ns < status.oldest_ns) status.oldest_ns = stored_ns;
  }
  return status;
}

std::uint64_t MemoryStore::purge() {
  const std::lock_guard lock(mutex_);
  std::uint64_t count = 0;
  for (Lane& lane : lanes_) {
    for (Place place; oldest_waiting(lane, place); ++count) drop_oldest_waiting(lane);
    free_chunks(lane);
  }
  status_.released += count;
  status_.purged += count;
  return count;
}

std::vector<WaitingRecord> MemoryStore::peek(std::size_t count) const {
  const std::lock_guard lock(mutex_);
  std::vector<WaitingRecord> out;
  for (std::size_t i = 0; i < kStoreLanes; ++i) {
    const Lane& lane = lanes_[i];
    const auto copy = [&](const Place& place, bool in_flight) {
      const Header header = header_at(place);
      const std::uint8_t* bytes = place.chunk->bytes.get() + place.offset + sizeof(header);
      out.push_back({i << kLaneShift | header.number, header.stored_ns, in_flight, {bytes, bytes + header.size}});
      return out.size() < count;
    };
    if (out.size() == count) break;
    lane.window.for_each(
        [&copy](std::uint64_t, const Place& place, bool in_flight) { return copy(place, in_flight); });
    std::size_t offset = lane.unread_offset;
    std::size_t chunk = lane.unread_chunk;
    for (std::uint64_t left = lane.committed - lane.unread; left > 0 && out.size() < count; --left) {
      for (; offset == lane.chunks[chunk]->used; offset = 0) ++chunk;
      const Place place{lane.chunks[chunk].get(), offset};
      offset += stored_bytes(header_at(place).size);
      copy(place, false);
    }
  }
  return out;
}

std::uint64_t MemoryStore::memory_bytes() const {
  const std::lock_guard lock(mutex_);
  return memory_bytes_;
}

}  // namespace router
