// One direction of the shared memory: events in order, one producer, one consumer, bounded.
//
// A record is an event as it lies in memory (40 bytes of fields, then its data), filled up to whole cache lines: an
// event of up to 24 data bytes is one line. A line never wraps around the end, as the ring is a power of two of them.
//
// Neither side trusts the other's numbers: a position that cannot be, or an event with more data than an event has, is
// kBroken, for good. Event bytes that the other side changes while they are read are garbage, and nothing worse.
//
// Sleeping: who finds nothing to do calls prepare_to_sleep(), which is false if there is something after all; the other
// side's take_sleeper() is true once after that, and then it must wake him. No system call while both are awake.
//
// Thread rule: one thread per writer and per reader. Ownership: none of the memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "drivers/library/shared_memory.h"
#include "protocol/event.h"

namespace drivers::library {

enum class RingResult : std::uint8_t {
  kDone,
  kNothing,  ///< reader: empty; writer: full
  kBroken,   ///< the other side wrote what cannot be
};

class RingWriter {
 public:
  RingWriter(RingControl& control, std::span<std::uint8_t> data) noexcept;

  /// Seen by the reader after publish().
  RingResult put(const vscp::Event& event) noexcept;
  void publish() noexcept { control_->written.store(written_, std::memory_order_release); }
  /// After publish(): the reader sleeps and is to be woken now, by whom asked.
  bool take_sleeper() noexcept;
  /// After kNothing: says that this side is going to sleep. False: there is room for any event, go on.
  bool prepare_to_sleep() noexcept;
  void finish_sleep() noexcept { control_->producer_asleep.store(0, std::memory_order_relaxed); }
  /// The reader has taken everything.
  bool is_empty() noexcept;
  std::uint64_t written() const noexcept { return written_; }

 private:
  std::size_t room() noexcept;

  RingControl* control_;
  std::span<std::uint8_t> data_;
  std::uint64_t written_ = 0;
  std::uint64_t taken_ = 0;  ///< as last seen
  bool broken_ = false;
};

class RingReader {
 public:
  RingReader(RingControl& control, std::span<const std::uint8_t> data) noexcept;

  bool is_empty() noexcept { return waiting() == 0 && !broken_; }
  /// Room for the writer is made by release().
  RingResult take(vscp::Event& event) noexcept;
  void release() noexcept { control_->taken.store(taken_, std::memory_order_release); }
  /// After release(): the writer sleeps for lack of room and there is plenty now: it is to be woken.
  bool take_sleeper() noexcept;
  /// After kNothing: says that this side is going to sleep. False: something has come, go on.
  bool prepare_to_sleep() noexcept;
  void finish_sleep() noexcept { control_->consumer_asleep.store(0, std::memory_order_relaxed); }
  /// Where the writer is now; as untrusted as it looks.
  std::uint64_t look_written() const noexcept { return control_->written.load(std::memory_order_acquire); }
  std::uint64_t taken() const noexcept { return taken_; }

 private:
  std::size_t waiting() noexcept;

  RingControl* control_;
  std::span<const std::uint8_t> data_;
  std::uint64_t taken_ = 0;
  std::uint64_t written_ = 0;  ///< as last seen
  bool broken_ = false;
};

}  // namespace drivers::library
