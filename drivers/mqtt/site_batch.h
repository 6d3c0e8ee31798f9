// What two of our routers say to each other over a broker: batches of events, and what has arrived of them.
//
//   topic            payload
//   BASE/from/to/events    a batch: "VSB1", 8 bytes run of the sender, 8 bytes number of the batch, then per event 2
//   bytes size and a carried
//                          event (router/core/carried_event.h)
//                          The number is the generation * 2^32 + the place in it. What has to be sent again begins a
//                          new generation with place 0; a batch is taken only in its place, so that a batch that was
//                          lost leaves a gap at nobody's.
//   BASE/from/to/arrived   "VSA1", 8 bytes run of the sender, then 8 bytes each, the numbers of batches of `from` that
//   are safe at `to` BASE/from/to/hello     "VSH1": `to` has just connected; what has not arrived is to be sent again
//
// All numbers are big endian. Pure functions. Thread rule: any.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "protocol/errc.h"

namespace drivers::mqtt {

inline constexpr std::size_t kBatchHeader = 20;
/// Payload of one message, so that brokers with a small limit take it, and one message does not keep the others waiting
/// for long.
inline constexpr std::size_t kBatchBytesMax = 128U << 10U;

class BatchWriter {
 public:
  void begin(std::uint64_t run, std::uint64_t number);
  /// Bytes that still fit; a record needs two more than it has.
  std::size_t room() const noexcept { return kBatchBytesMax - std::min(kBatchBytesMax, bytes_.size()); }
  void add(std::span<const std::uint8_t> record);
  std::span<const std::uint8_t> bytes() const noexcept { return bytes_; }

 private:
  std::vector<std::uint8_t> bytes_;
};

struct BatchView {
  std::uint64_t run = 0;
  std::uint64_t number = 0;
  std::span<const std::uint8_t> records;
};

/// Errors: kShortFrame, kBadFrameType (not a batch, or of a newer version).
vscp::Result<BatchView> read_batch(std::span<const std::uint8_t> payload) noexcept;
/// The next record, taken off the front; empty if there is none. Errors: kShortFrame.
vscp::Result<std::span<const std::uint8_t>> next_record(std::span<const std::uint8_t>& records) noexcept;

/// The first number of the generation after that of `number`.
constexpr std::uint64_t next_generation(std::uint64_t number) noexcept {
  return ((number >> 32U) + 1) << 32U;
}

/// Which batch may be taken now. One per sender; one thread.
class BatchOrder {
 public:
  /// Whether this batch is the next one; if so the one behind it is from now on.
  bool take(std::uint64_t run, std::uint64_t number) noexcept;
  /// The batch that was taken last could not be used: nothing until a new generation.
  void refuse() noexcept { broken_ = true; }

 private:
  std::uint64_t run_ = 0;
  std::uint64_t next_ = 0;
  bool broken_ = true;
};

std::vector<std::uint8_t> write_arrived(std::uint64_t run, std::span<const std::uint64_t> numbers);
struct ArrivedView {
  std::uint64_t run = 0;
  std::vector<std::uint64_t> numbers;
};
/// Errors: kShortFrame, kBadFrameType.
vscp::Result<ArrivedView> read_arrived(std::span<const std::uint8_t> payload);

std::vector<std::uint8_t> write_hello();

/// FNV-1a of a site's name: the upper half of EventOrigin::router.
std::uint32_t site_hash(std::string_view name) noexcept;

}  // namespace drivers::mqtt
