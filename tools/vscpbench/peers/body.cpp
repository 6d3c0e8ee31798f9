#include "tools/vscpbench/peers/body.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace bench::peers {
namespace {

constexpr std::size_t kIdBytes = 16;
constexpr std::size_t kShortIdBytes = 8;

std::uint8_t short_checksum(const std::uint8_t* id) {
  unsigned sum = 0;
  for (unsigned i = 2; i < kShortIdBytes; ++i) sum = sum * 31 + id[i];
  return static_cast<std::uint8_t>(sum);
}

std::size_t id_bytes(std::size_t body_bytes) {
  return body_has_time(body_bytes) ? kIdBytes : kShortIdBytes;
}

}  // namespace

bool body_has_time(std::size_t bytes) noexcept {
  return bytes >= kIdBytes;
}

std::string make_body(std::size_t bytes, std::uint32_t variant) {
  const auto payload = payload_of(bytes, variant);
  std::string body(payload.begin(), payload.end());
  std::fill_n(body.begin(), std::min(bytes, id_bytes(bytes)), '\0');
  return body;
}

void write_body_id(const EventId& id, std::size_t bytes, char* at) noexcept {
  std::array<std::uint8_t, kIdBytes> packed;
  pack_id(id, packed.data());
  if (!body_has_time(bytes)) packed[1] = short_checksum(packed.data());
  std::memcpy(at, packed.data(), id_bytes(bytes));
}

BodyScanner::BodyScanner(Frame frame, const EventShape& shape, bool verify, std::uint32_t time_every)
    : frame_(std::move(frame)),
      body_bytes_(shape.payload_bytes),
      size_(frame_.prefix.size() + frame_.gap + body_bytes_ + frame_.suffix.size()),
      run_(shape.run),
      verify_(verify),
      time_every_(time_every) {
  for (std::uint32_t i = 0; i < kVariants; ++i) bodies_.push_back(make_body(body_bytes_, i));
}

std::size_t BodyScanner::scan(std::string_view bytes, std::vector<Seen>& seen) {
  seen.clear();
  std::size_t at = 0;
  const auto& [prefix, gap, suffix] = frame_;
  while (at < bytes.size()) {
    const char* message = bytes.data() + at;
    const std::size_t left = bytes.size() - at;
    if (std::memcmp(message, prefix.data(), std::min(left, prefix.size())) == 0) {
      if (left < size_) break;
      const char* body = message + prefix.size() + gap;
      if (std::memcmp(body + body_bytes_, suffix.data(), suffix.size()) == 0) {
        take(body, seen.emplace_back());
        taken(body - gap);
        at += size_;
        continue;
      }
    }
    const auto used = other(bytes.substr(at), seen);
    if (used == 0) break;
    at += used;
  }
  return at;
}

void BodyScanner::take(const char* body, Seen& one) const {
  std::array<std::uint8_t, kIdBytes> id{};
  std::memcpy(id.data(), body, id_bytes(body_bytes_));
  one.id.run = run_;
  one.id.producer = static_cast<std::uint16_t>(id[2] << 8U | id[3]);
  for (unsigned i = 4; i < 8; ++i) one.id.sequence = one.id.sequence << 8U | id[i];
  const bool look = verify_ || one.id.sequence % kSampleEvery == 0 || one.id.sequence % time_every_ == 0;
  if (!look && id[0] == (kIdMarker | run_)) return;
  if (body_has_time(body_bytes_)) {
    one.id_valid = unpack_id(id.data(), run_, one.id);
  } else {
    one.id_valid = id[0] == (kIdMarker | run_) && id[1] == short_checksum(id.data());
  }
  const auto rest = id_bytes(body_bytes_);
  const auto& expected = bodies_[one.id.sequence % kVariants];
  const bool same = std::memcmp(body + rest, expected.data() + rest, body_bytes_ - rest) == 0;
  if (!one.id_valid || !same) one.kind = SeenKind::kCorrupted;
}

void BodyScanner::corrupted(std::vector<Seen>& seen) {
  Seen one;
  one.kind = SeenKind::kCorrupted;
  one.id_valid = false;
  seen.push_back(one);
}

}  // namespace bench::peers
