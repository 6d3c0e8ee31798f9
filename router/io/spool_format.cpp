#include "router/io/spool_format.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "router/io/crc32c.h"

namespace router::spool {
namespace {

static_assert(std::endian::native == std::endian::little, "values are written as they lie in memory");

constexpr std::array<std::uint8_t, 8> kSegmentMagic{'V', 'S', 'C', 'P', 'S', 'P', 'O', 'L'};
constexpr std::array<std::uint8_t, 8> kStateMagic{'V', 'S', 'C', 'P', 'S', 'T', 'A', 'T'};
constexpr std::size_t kHeaderCopy = 512;
constexpr std::size_t kHeaderBytes = 64;
constexpr std::size_t kStateHeader = 32;  // magic, version, CRC, bytes, zero
constexpr std::size_t kStateFixed = 40 + 2 * 8 * kStoreLanes + 4 * kStoreLanes;

template <typename T>
T load(const std::uint8_t* in) noexcept {
  T value;
  std::memcpy(&value, in, sizeof(value));
  return value;
}
template <typename T>
void store(std::uint8_t* out, T value) noexcept {
  std::memcpy(out, &value, sizeof(value));
}
template <typename T>
void append(std::vector<std::uint8_t>& out, T value) {
  const std::size_t at = out.size();
  out.resize(at + sizeof(value));
  store(out.data() + at, value);
}

bool header_copy_is_good(const std::uint8_t* in) noexcept {
  return std::equal(kSegmentMagic.begin(), kSegmentMagic.end(), in) &&
         load<std::uint32_t>(in + 60) == crc32c({in, 60}) && load<std::uint32_t>(in + 8) == kVersion;
}

std::uint32_t header_crc(const std::uint8_t* record, std::uint32_t salted, std::uint64_t offset) noexcept {
  return crc32c({record + 4, kRecordHeader - 4}, salted ^ static_cast<std::uint32_t>(offset));
}

bool is_newer(const std::uint8_t* in) noexcept {
  return std::equal(kSegmentMagic.begin(), kSegmentMagic.end(), in) && load<std::uint32_t>(in + 8) > kVersion;
}

}  // namespace

void encode_segment_header(const SegmentHeader& header, std::span<std::uint8_t> out) noexcept {
  std::fill_n(out.begin(), kDataStart, std::uint8_t{0});
  std::uint8_t* at = out.data();
  std::copy(kSegmentMagic.begin(), kSegmentMagic.end(), at);
  store(at + 8, kVersion);
  store(at + 12, header.flags);
  store(at + 16, header.uid);
  store(at + 24, header.salt);
  store(at + 32, header.position);
  store(at + 40, header.last_position);
  store(at + 48, header.capacity);
  store(at + 60, crc32c({at, 60}));
  std::copy_n(at, kHeaderBytes, at + kHeaderCopy);
}

HeaderKind decode_segment_header(std::span<const std::uint8_t> bytes, SegmentHeader& header) noexcept {
  bool found = false;
  for (const std::size_t copy : {std::size_t{0}, kHeaderCopy}) {
    if (bytes.size() < copy + kHeaderBytes) break;
    const std::uint8_t* in = bytes.data() + copy;
    if (!header_copy_is_good(in)) continue;
    // Both are good and differ when the file's new life had just begun.
    const auto uid = load<std::uint64_t>(in + 16);
    if (found && uid <= header.uid) continue;
    found = true;
    header = {load<std::uint32_t>(in + 12), uid,
              load<std::uint64_t>(in + 24), load<std::uint64_t>(in + 32),
              load<std::uint64_t>(in + 40), load<std::uint64_t>(in + 48)};
  }
  if (found) {
    const bool possible =
        header.position <= header.last_position && header.last_position < kCountMax && header.uid < kCountMax;
    return possible ? HeaderKind::kGood : HeaderKind::kDamaged;
  }
  const auto front = bytes.first(std::min(bytes.size(), kDataStart));
  if (std::all_of(front.begin(), front.end(), [](std::uint8_t byte) { return byte == 0; })) return HeaderKind::kEmpty;
  // One bit that flipped cannot make both copies newer.
  if (bytes.size() >= kHeaderCopy + kHeaderBytes && is_newer(bytes.data()) && is_newer(bytes.data() + kHeaderCopy)) {
    return HeaderKind::kNewer;
  }
  return HeaderKind::kDamaged;
}

std::uint32_t salt_crc(std::uint64_t salt) noexcept {
  std::array<std::uint8_t, 8> bytes;
  store(bytes.data(), salt);
  return crc32c(bytes);
}

void encode_record_header(const RecordHeader& header, std::uint32_t salted, std::uint64_t offset,
                          std::uint8_t* out) noexcept {
  store(out + 4, header.payload_crc);
  store(out + 8, header.size | header.commit << kCommitShift);
  store(out + 12, header.age_s);
  store(out + 16, header.ticket);
  store(out + 24, header.stored_ns);
  store(out, header_crc(out, salted, offset));
}

bool decode_record_header(const std::uint8_t* in, std::uint32_t salted, std::uint64_t offset,
                          RecordHeader& header) noexcept {
  const auto size = load<std::uint32_t>(in + 8);
  header.payload_crc = load<std::uint32_t>(in + 4);
  header.size = size & ((1U << kCommitShift) - 1U);
  header.commit = size >> kCommitShift;
  header.age_s = load<std::uint32_t>(in + 12);
  header.ticket = load<std::uint64_t>(in + 16);
  header.stored_ns = load<std::uint64_t>(in + 24);
  return header.size <= kStoreRecordMax && header.lane() < kStoreLanes && header.number() < kCountMax &&
         load<std::uint32_t>(in) == header_crc(in, salted, offset);
}

bool payload_is_good(const RecordHeader& header, const std::uint8_t* payload) noexcept {
  return crc32c({payload, header.size}) == header.payload_crc;
}

std::size_t find_record(std::span<const std::uint8_t> bytes, std::uint64_t offset, std::size_t from,
                        std::uint32_t salted, RecordHeader& header) noexcept {
  std::size_t at = from;
  for (; at + kRecordHeader <= bytes.size(); at += kAlign) {
    if (decode_record_header(bytes.data() + at, salted, offset + at, header)) return at;
  }
  return at;
}

void encode_state(const State& state, std::vector<std::uint8_t>& out) {
  const std::size_t begin = out.size();
  out.insert(out.end(), kStateMagic.begin(), kStateMagic.end());
  append(out, kVersion);
  append(out, std::uint32_t{0});  // CRC
  append(out, std::uint64_t{0});  // bytes
  append(out, std::uint64_t{0});
  for (const std::uint64_t value : {state.serial, state.boot, state.monotonic_s, state.utc_s, state.age_s}) {
    append(out, value);
  }
  for (const std::uint64_t value : state.floor) append(out, value);
  for (const std::uint64_t value : state.committed) append(out, value);
  std::size_t left = kRunsMax;
  std::array<std::size_t, kStoreLanes> counts{};
  for (std::size_t i = 0; i < kStoreLanes; ++i) {
    counts[i] = std::min(left, state.gone[i].size());
    left -= counts[i];
    append(out, static_cast<std::uint32_t>(counts[i]));
  }
  for (std::size_t i = 0; i < kStoreLanes; ++i) {
    for (std::size_t k = 0; k < counts[i]; ++k) {
      append(out, state.gone[i][k].first);
      append(out, state.gone[i][k].end);
    }
  }
  std::uint8_t* at = out.data() + begin;
  store(at + 16, static_cast<std::uint64_t>(out.size() - begin));
  store(at + 12, crc32c({at + 16, out.size() - begin - 16}));
}

bool decode_state(std::span<const std::uint8_t> bytes, State& state) {
  if (bytes.size() < kStateHeader + kStateFixed) return false;
  const std::uint8_t* at = bytes.data();
  const auto size = load<std::uint64_t>(at + 16);
  if (!std::equal(kStateMagic.begin(), kStateMagic.end(), at) || load<std::uint32_t>(at + 8) != kVersion ||
      size < kStateHeader + kStateFixed || size > bytes.size() ||
      load<std::uint32_t>(at + 12) != crc32c({at + 16, size - 16})) {
    return false;
  }
  const std::uint8_t* end = at + size;
  at += kStateHeader;
  const auto next = [&at] {
    at += 8;
    return load<std::uint64_t>(at - 8);
  };
  state.serial = next();
  state.boot = next();
  state.monotonic_s = next();
  state.utc_s = next();
  state.age_s = next();
  for (std::uint64_t& value : state.floor) value = next();
  for (std::uint64_t& value : state.committed) value = next();
  const auto possible = [](std::uint64_t value) { return value < kCountMax; };
  if (!std::all_of(state.floor.begin(), state.floor.end(), possible) ||
      !std::all_of(state.committed.begin(), state.committed.end(), possible)) {
    return false;
  }
  std::array<std::uint32_t, kStoreLanes> counts;
  std::memcpy(counts.data(), at, sizeof(counts));
  at += sizeof(counts);
  for (std::size_t i = 0; i < kStoreLanes; ++i) {
    state.gone[i].clear();
    for (std::uint32_t k = 0; k < counts[i]; ++k) {
      if (end - at < 16) return false;
      const std::uint64_t first = next();
      const std::uint64_t run_end = next();
      if (first >= run_end || !possible(run_end) || (k > 0 && first < state.gone[i].back().end)) return false;
      state.gone[i].push_back({first, run_end});
    }
  }
  return true;
}

bool contains(const std::vector<Run>& runs, std::uint64_t number) noexcept {
  const auto after = std::upper_bound(runs.begin(), runs.end(), number,
                                      [](std::uint64_t wanted, const Run& run) { return wanted < run.first; });
  return after != runs.begin() && number < std::prev(after)->end;
}

}  // namespace router::spool
