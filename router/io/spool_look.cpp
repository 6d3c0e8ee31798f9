#include <algorithm>

#include "router/io/spool_log.h"

namespace router {
namespace {

constexpr std::uint64_t kBlockBytes = std::uint64_t{256} * 1024;  // more than a record can have

WaitingRecord copy_of(const spool::RecordHeader& header, const std::uint8_t* record, bool in_flight) {
  const std::uint8_t* payload = record + spool::kRecordHeader;
  return {header.ticket, header.stored_ns, in_flight, {payload, payload + header.size}};
}

}  // namespace

/// What is to be read of a lane outside the lock; its segments are pinned until end_look().
struct Spool::Log::Glance {
  struct Known {
    std::uint64_t number;
    Place place;
    bool in_flight;
  };
  struct Piece {
    Segment* segment;
    std::uint64_t begin;
    std::uint64_t end;
  };

  std::vector<Known> known;   ///< of the window
  std::vector<Piece> pieces;  ///< where those that were never read lie
  std::size_t lane = 0;
  std::uint64_t unread = 0;
  std::vector<spool::Run> gone;
};

void Spool::Log::plan_look(std::size_t lane_index, std::size_t count, Glance& glance) {
  Lane& lane = lanes_[lane_index];
  glance.lane = lane_index;
  glance.unread = lane.unread;
  glance.gone = lane.gone;
  lane.window.for_each([&](std::uint64_t number, const Place& place, bool in_flight) {
    glance.known.push_back({number, place, in_flight});
    ++place.segment->pins;
    return glance.known.size() < count;
  });
  std::uint64_t found = glance.known.size();
  std::uint64_t begin = lane.offset;
  for (auto i = lane.at; i != segments_.end() && found < count; ++i) {
    if (const std::uint64_t records = i->waiting[lane_index].records; records > 0) {
      glance.pieces.push_back({&*i, begin, i->end});
      ++i->pins;
      found += records;
    }
    begin = spool::kDataStart;
  }
}

void Spool::Log::end_look(const Glance& glance) {
  for (const Glance::Known& known : glance.known) --known.place.segment->pins;
  for (const Glance::Piece& piece : glance.pieces) --piece.segment->pins;
  may_free_ = true;
}

void Spool::Log::look(const Glance& glance, std::size_t count, std::vector<WaitingRecord>& out) {
  std::vector<std::uint8_t> bytes;
  spool::RecordHeader header;
  for (const auto& [number, place, in_flight] : glance.known) {
    bytes.resize(place.bytes);
    spool::read_at(place.segment->file.fd.get(), bytes, place.offset);
    if (spool::decode_record_header(bytes.data(), place.segment->salted, place.offset, header) &&
        header.number() == number && spool::payload_is_good(header, bytes.data() + spool::kRecordHeader)) {
      out.push_back(copy_of(header, bytes.data(), in_flight));
    }
  }
  std::uint64_t unread = glance.unread;
  for (const auto& [segment, begin, end] : glance.pieces) {
    bytes.clear();
    std::uint64_t from = begin;  // of what is in memory
    for (std::uint64_t at = begin; at + spool::kRecordHeader <= end && out.size() < count;) {
      const std::uint64_t found = spool::find_record(bytes, from, at - from, segment->salted, header);
      at = from + found;
      const std::uint64_t size = found + spool::kRecordHeader <= bytes.size() ? stored_bytes(header.size) : 0;
      if (size == 0 || found + size > bytes.size()) {
        if (at + std::max<std::uint64_t>(size, spool::kRecordHeader) > end) {
          at += spool::kAlign;
          continue;
        }
        from = at;
        bytes.resize(std::min(end - at, kBlockBytes));
        spool::read_at(segment->file.fd.get(), bytes, from);
        continue;
      }
      at += size;
      if (header.lane() != glance.lane || header.number() < unread || spool::contains(glance.gone, header.number()) ||
          !spool::payload_is_good(header, bytes.data() + found + spool::kRecordHeader)) {
        continue;
      }
      out.push_back(copy_of(header, bytes.data() + found, false));
      unread = header.number() + 1;
    }
  }
}

std::vector<WaitingRecord> Spool::Log::peek(std::size_t count) {
  std::vector<WaitingRecord> out;
  for (std::size_t lane = 0; lane < kStoreLanes && out.size() < count; ++lane) {
    Glance glance;
    {
      const std::lock_guard lock(mutex_);
      plan_look(lane, count - out.size(), glance);
    }
    look(glance, count, out);
    const std::lock_guard lock(mutex_);
    end_look(glance);
    free_segments();
  }
  return out;
}

}  // namespace router
