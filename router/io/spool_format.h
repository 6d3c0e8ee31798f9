// How a spool lies on disk. A folder holds
//
//   lock            locked (flock) by the process that has the spool open
//   state           what was released, in two slots that are written in turn
//   *.seg           segments: parts of one log, in which records of all lanes lie in the order of their commits
//
// Segment, numbers little-endian, 1024 bytes of header, then records at multiples of 8:
//
//   0     8   "VSCPSPOL"
//   8     4   version, 1
//   12    4   flags: 1 = merged from others
//   16    8   uid: grows with each segment ever made
//   24    8   salt: random; seeds the checks of records, so that those of the file's earlier life do not count
//   32    8   position in the log
//   40    8   last position that it stands for (merged), or its own
//   48    8   bytes of the file
//   56    4   zero
//   60    4   CRC-32C of bytes 0..59
//   512   64  the same again
//
// Record:
//
//   0     4   CRC-32C of bytes 4..31, begun with that of the salt, XOR the record's offset in the file: neither what an
//             earlier life left there counts, nor what was written to the wrong place
//   4     4   CRC-32C of the payload
//   8     4   bytes of the payload; in the upper 15 bits the number of the commit, modulo 2^15: after a power cut it
//   tells
//             what a commit did not finish from what is damaged
//   12    4   age clock of the spool when it was appended, in seconds
//   16    8   lane * 2^56 + number in the lane
//   24    8   UTC when it was appended, in nanoseconds
//   32        payload, then zeros up to a multiple of 8
//
// Nothing here does input or output. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "router/io/event_store.h"

namespace router::spool {

inline constexpr std::uint32_t kVersion = 1;
inline constexpr std::uint32_t kMerged = 1;
inline constexpr std::size_t kDataStart = 1024;
inline constexpr std::size_t kRecordHeader = kStoreRecordOverhead;
inline constexpr std::size_t kAlign = 8;
inline constexpr std::size_t kSegmentBytesMin = std::size_t{128} * 1024;  ///< holds the largest record
inline constexpr std::size_t kSegmentBytesMax = std::size_t{64} << 20U;   ///< what is read of a file
inline constexpr unsigned kCommitShift = 17;
inline constexpr std::uint32_t kCommits = 1U << 15U;
inline constexpr unsigned kLaneShift = 56;
inline constexpr std::uint64_t kNumberMask = (1ULL << kLaneShift) - 1U;
/// No number, position or uid ever gets so far: a file that says so lies.
inline constexpr std::uint64_t kCountMax = 1ULL << 54U;

struct SegmentHeader {
  std::uint32_t flags = 0;
  std::uint64_t uid = 0;
  std::uint64_t salt = 0;
  std::uint64_t position = 0;
  std::uint64_t last_position = 0;
  std::uint64_t capacity = 0;
};

enum class HeaderKind : std::uint8_t {
  kGood,
  kEmpty,    ///< all zeros: made, but never written
  kDamaged,  ///< neither copy is good
  kNewer,    ///< written by a newer version
};

/// Writes kDataStart bytes.
void encode_segment_header(const SegmentHeader& header, std::span<std::uint8_t> out) noexcept;
HeaderKind decode_segment_header(std::span<const std::uint8_t> bytes, SegmentHeader& header) noexcept;

struct RecordHeader {
  std::uint32_t payload_crc = 0;
  std::uint32_t size = 0;
  std::uint32_t age_s = 0;
  std::uint64_t ticket = 0;
  std::uint64_t stored_ns = 0;
  std::uint32_t commit = 0;  ///< modulo kCommits

  std::uint64_t lane() const noexcept { return ticket >> kLaneShift; }
  std::uint64_t number() const noexcept { return ticket & kNumberMask; }
};

/// What record checks of a segment begin with.
std::uint32_t salt_crc(std::uint64_t salt) noexcept;
/// Writes kRecordHeader bytes, for the place `offset` of the file.
void encode_record_header(const RecordHeader& header, std::uint32_t salted, std::uint64_t offset,
                          std::uint8_t* out) noexcept;
/// False if the check fails or a value is impossible. `in` has kRecordHeader bytes.
bool decode_record_header(const std::uint8_t* in, std::uint32_t salted, std::uint64_t offset,
                          RecordHeader& header) noexcept;
/// Does the payload match its check?
bool payload_is_good(const RecordHeader& header, const std::uint8_t* payload) noexcept;
/// Index of the first good record header in `bytes` from `from` on, in steps of kAlign; if there is none, that of the
/// first that would not be whole. bytes[0] lies at `offset` of the file.
std::size_t find_record(std::span<const std::uint8_t> bytes, std::uint64_t offset, std::size_t from,
                        std::uint32_t salted, RecordHeader& header) noexcept;

/// Numbers first..end-1 of a lane.
struct Run {
  std::uint64_t first = 0;
  std::uint64_t end = 0;
};

/// What is known besides the records. Lost or old, it makes records come again, never go.
struct State {
  std::uint64_t serial = 0;  ///< the higher of two slots counts
  std::uint64_t boot = 0;    ///< of the system's run in which it was written
  std::uint64_t monotonic_s = 0;
  std::uint64_t utc_s = 0;
  std::uint64_t age_s = 0;                             ///< the spool's age clock
  std::array<std::uint64_t, kStoreLanes> floor{};      ///< all numbers below are gone
  std::array<std::uint64_t, kStoreLanes> committed{};  ///< all numbers below were committed
  std::array<std::vector<Run>, kStoreLanes> gone;  ///< besides, ascending; at most kRunsMax of all lanes are written
};

inline constexpr std::size_t kRunsMax = 4000;
inline constexpr std::size_t kStateSlot = std::size_t{72} * 1024;  ///< the second slot begins here

/// Appends the slot's bytes to `out`.
void encode_state(const State& state, std::vector<std::uint8_t>& out);
bool decode_state(std::span<const std::uint8_t> bytes, State& state);

/// Is the number in one of the ascending runs?
bool contains(const std::vector<Run>& runs, std::uint64_t number) noexcept;

}  // namespace router::spool
