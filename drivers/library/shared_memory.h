// What the router and a driver's host process share: one block of memory, all of its layout. The router makes it
// (memfd, sealed so that nobody can shrink it under the other), the host maps the same bytes.
//
// The host runs a foreign library, which may write anything anywhere: the router trusts nothing that it reads here. It
// reads each value once, checks it, and keeps what it needs to know (its own positions in the rings) elsewhere.
// The host trusts the router.
//
// Thread rule: each member names its writer; anybody reads.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "drivers/library/abi/driver_library.h"

namespace drivers::library {

inline constexpr std::size_t kCacheLine = 64;
/// Events from the library that may wait: 16 384 of up to 24 data bytes.
inline constexpr std::size_t kInBytes = std::size_t{1} << 20U;
/// Events for the library that it has not taken yet; what else waits does so in the worker's log, under the port's
/// limit.
inline constexpr std::size_t kOutBytes = std::size_t{1} << 18U;
inline constexpr std::size_t kSettingsBytes = std::size_t{1} << 16U;

/// Positions are counts of bytes since the beginning, never reset. The words in which somebody says that he sleeps are
/// futex words too.
struct RingControl {
  alignas(kCacheLine) std::atomic<std::uint64_t> written;  ///< producer
  std::atomic<std::uint32_t> producer_asleep;              ///< 1: wake me when there is room
  alignas(kCacheLine) std::atomic<std::uint64_t> taken;    ///< consumer
  std::atomic<std::uint32_t> consumer_asleep;              ///< 1: wake me when there is something
};

/// What a thread of the host is about, all by the host. CallTrace says which function of the library that means.
enum class Call : std::uint32_t { kNone, kLoad, kOpen, kRead, kWrite, kFigures, kClose };

struct ThreadState {
  alignas(kCacheLine) std::atomic<std::uint32_t> call;  ///< Call
  std::atomic<std::uint64_t> beats;                     ///< grows with each call that begins or ends
  std::atomic<std::uint32_t> thread_id;
};

enum class Phase : std::uint32_t { kStarting, kLoading, kOpening, kReady, kClosing, kClosed, kFailed };

/// Which thread a signal hit.
enum class Culprit : std::uint32_t { kUnknown, kReading, kWriting, kOther };

static_assert(sizeof(LibraryFigures) % 8 == 0);

struct HostStatus {
  ThreadState reading;
  ThreadState writing;
  CallTrace trace;
  alignas(kCacheLine) std::atomic<std::uint32_t> phase;  ///< Phase
  std::atomic<std::uint32_t> culprit;
  std::atomic<std::uint64_t> written_events;   ///< taken off the ring and given to the library
  std::atomic<std::uint32_t> reason_size;      ///< set after the text: what failed
  std::atomic<std::uint32_t> about_size;       ///< likewise
  std::atomic<std::uint32_t> figures_version;  ///< changes with each new set
  std::array<char, 512> reason;
  std::array<char, 1024> about;  ///< what the library says of itself, one line
  /// LibraryFigures, in words so that a set may be read while the next is written.
  std::array<std::atomic<std::uint64_t>, sizeof(LibraryFigures) / 8> figures;
};

struct SharedMemory {
  static constexpr std::uint64_t kMagic = 0x5643'5052'686f'7374;

  std::uint64_t magic;                                  ///< router
  std::uint64_t layout;                                 ///< router: sizeof(SharedMemory), for a host of another version
  RingControl in;                                       ///< from the library
  RingControl out;                                      ///< to the library
  alignas(kCacheLine) std::atomic<std::uint32_t> stop;  ///< router: 1: write what waits, close, end; a futex word
  HostStatus status;
  std::uint32_t settings_size;  ///< router, before the host starts
  std::array<std::uint8_t, kSettingsBytes> settings;
  alignas(4096) std::array<std::uint8_t, kInBytes> in_data;
  alignas(4096) std::array<std::uint8_t, kOutBytes> out_data;
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free && std::atomic<std::uint32_t>::is_always_lock_free,
              "a lock would be of one process only");

}  // namespace drivers::library
