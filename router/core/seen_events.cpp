#include "router/core/seen_events.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "router/base/slab.h"

namespace router {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr std::size_t kSlots = 8;  // of a bucket: one cache line
constexpr std::uint64_t kUnitsPerWindow = 8;
constexpr std::uint64_t kEpochs = 4095;  // 1..kEpochs; 0 is an empty word
constexpr unsigned kEpochBits = 12;
constexpr std::uint64_t kEpochMask = (std::uint64_t{1} << kEpochBits) - 1;
// How the time and the checksum are written out is the wire's business, not the event's.
constexpr std::uint16_t kHeadOfEvent = static_cast<std::uint16_t>(~(vscp::kHeadFrameVersion | vscp::kHeadNoCrc));

// The product's halves together: every bit of both words has a say in every bit.
std::uint64_t mix(std::uint64_t left, std::uint64_t right) noexcept {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(left) * right;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
}

std::uint64_t add(std::uint64_t hash, std::uint64_t word) noexcept {
  return mix(hash ^ word, 0x9e3779b97f4a7c15ULL) + 0xe7037ed1a0b428dbULL;
}

std::uint64_t word_at(const std::uint8_t* bytes, std::size_t size) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, size);
  return word;
}

}  // namespace

SeenEvents::SeenEvents(const SeenSettings& settings, std::uint64_t seed) : seed_(seed) {
  configure(settings);
}

SeenEvents::~SeenEvents() {
  release();
}

void SeenEvents::release() noexcept {
  if (words_ != nullptr) unmap_memory(words_, buckets_ * kSlots * sizeof(std::uint64_t));
}

void SeenEvents::configure(const SeenSettings& settings) {
  release();
  buckets_ = std::bit_ceil(std::size_t{std::max(settings.events, kEventsMin)}) / kSlots;
  words_ = static_cast<std::uint64_t*>(map_memory(buckets_ * kSlots * sizeof(std::uint64_t)));
  unit_ns_ = std::max<std::uint64_t>(settings.window_s * kSecondNs / kUnitsPerWindow, 1);
}

std::uint64_t SeenEvents::hash(const vscp::Event& event) const noexcept {
  std::uint64_t hash = seed_;
  hash = add(hash, word_at(event.guid.bytes.data(), 8));
  hash = add(hash, word_at(event.guid.bytes.data() + 8, 8));
  hash =
      add(hash, static_cast<std::uint64_t>(event.head & kHeadOfEvent) << 48U | std::uint64_t{event.vscp_class} << 32U |
                    std::uint64_t{event.vscp_type} << 16U | event.data_size);
  hash = add(hash, event.time_ns / kSecondNs << 32U ^ event.timestamp_us);
  for (std::size_t at = 0; at < event.data_size; at += 8) {
    hash = add(hash, word_at(event.data.data() + at, std::min<std::size_t>(event.data_size - at, 8)));
  }
  return hash;
}

// Whoever puts the same hash in at the same time looks for its place by the same rule: the oldest word of the bucket,
// and words only get younger. So both want the same place, one swap fails, and looking again finds what the other has
// put there.
bool SeenEvents::insert_hash(std::uint64_t hash, std::uint64_t now_ns) noexcept {
  const std::uint64_t epoch = now_ns / unit_ns_ % kEpochs + 1;
  const std::uint64_t fresh = (hash & ~kEpochMask) | epoch;
  std::uint64_t* words = words_ + (hash & (buckets_ - 1)) * kSlots;
  for (;;) {
    std::size_t oldest = 0;
    std::uint64_t oldest_word = 0;
    std::uint64_t oldest_age = 0;
    for (std::size_t i = 0; i < kSlots; ++i) {
      const std::uint64_t word = std::atomic_ref(words[i]).load(std::memory_order_relaxed);
      const std::uint64_t age = word == 0 ? kEpochs : (epoch + kEpochs - (word & kEpochMask)) % kEpochs;
      // A thread whose clock is a little behind sees words of the future: they are new.
      const bool is_new = age <= kUnitsPerWindow || age == kEpochs - 1;
      if (word != 0 && is_new && ((word ^ hash) & ~kEpochMask) == 0) return false;
      const std::uint64_t rank = word != 0 && age == kEpochs - 1 ? 0 : age;
      if (i == 0 || rank > oldest_age) {
        oldest = i;
        oldest_word = word;
        oldest_age = rank;
      }
    }
    if (std::atomic_ref(words[oldest]).compare_exchange_strong(oldest_word, fresh, std::memory_order_relaxed))
      return true;
  }
}

}  // namespace router
