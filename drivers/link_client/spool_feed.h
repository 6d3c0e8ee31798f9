// Outgoing events out of a spool: the helper thread of a remote reads them from the disk ahead of time and encodes
// them, the remote's worker sends them and says how many the far side has answered for. Neither waits for the other,
// and the worker never comes near the disk.
//
// What was read ahead lies in a ring. Events of one connection are numbered from 0 (modulo 2^32); the helper says up to
// where there are some, the worker up to where they are done with. A connection ends when the worker says so; what it
// left goes back into the spool, and a new one begins when the helper has said that it did. So both look at the same
// part of the ring at no time.
//
// Thread rule: OutSource by the remote's worker; serve() and finish() by the helper. Takes memory only when it is made.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "drivers/link_client/out_source.h"
#include "protocol/wire_format.h"
#include "router/io/event_store.h"

namespace drivers::link_client {

class SpoolFeed final : public OutSource {
 public:
  /// `tell_worker` is called by the helper when next() may have more, `wake_helper` by the worker when serve() has
  /// something to do.
  SpoolFeed(router::EventStore& store, vscp::WireFormat format, std::function<void()> tell_worker,
            std::function<void()> wake_helper);

  // Worker.
  std::string_view next() noexcept override;
  void release_oldest() noexcept override;
  void settle() noexcept override;
  void rewind() noexcept override;
  std::uint32_t held() const noexcept override { return given_ - done_; }
  std::uint64_t resent() const noexcept override { return resent_; }
  bool is_coming() const noexcept override;

  // Helper.
  /// Releases what is done with and reads ahead. Whether it has done anything.
  bool serve();
  /// There may be records that could not be read just now: call serve() again in a while.
  bool is_stuck() const noexcept { return stuck_; }
  /// Records that were no events, and are gone.
  std::uint64_t bad() const noexcept { return bad_; }

 private:
  static constexpr std::uint32_t kEntries = 1024;
  static constexpr std::uint32_t kBytes = 256U << 10U;
  static constexpr std::size_t kReadAtOnce = 64;

  struct Entry {
    std::uint32_t offset = 0;
    std::uint32_t size = 0;
  };
  /// A word that one side writes and the other reads.
  struct Word {
    std::uint32_t connection = 0;  ///< odd while there is one, even between two; modulo 2^31
    std::uint32_t count = 0;
    bool dry = false;  ///< helper's: there is no more in the spool

    static Word of(std::uint64_t bits) noexcept;
    std::uint64_t bits() const noexcept;
  };

  bool is_open() const noexcept { return (connection_ & 1U) != 0; }
  void begin_or_end(Word asked);
  void release_up_to(std::uint32_t count);
  /// True if something was added.
  bool fill();
  bool add(std::span<const std::uint8_t> record);

  router::EventStore& store_;
  const vscp::WireFormat format_;
  std::function<void()> tell_worker_;
  std::function<void()> wake_helper_;
  std::vector<Entry> entries_;  ///< by number modulo kEntries
  std::vector<char> bytes_;     ///< a ring; no event is cut

  alignas(64) std::atomic<std::uint64_t> asked_{0};   ///< the worker's Word: done with
  alignas(64) std::atomic<std::uint64_t> filled_{0};  ///< the helper's Word: there are so many

  // The worker's.
  alignas(64) std::uint32_t connection_ = 0;
  std::uint32_t given_ = 0;
  std::uint32_t done_ = 0;
  std::uint32_t told_ = 0;  ///< done_ as of the last settle()
  std::uint64_t resent_ = 0;

  // The helper's.
  alignas(64) std::uint32_t served_ = 0;  ///< the connection that it serves
  std::uint32_t released_ = 0;
  std::uint32_t count_ = 0;
  std::uint32_t end_ = 0;                ///< in bytes_, behind the last event
  std::vector<std::uint64_t> tickets_;   ///< by number modulo kEntries
  std::vector<std::uint64_t> releases_;  ///< scratch
  std::array<router::StoredRecord, kReadAtOnce> read_{};
  std::size_t read_count_ = 0;
  std::size_t read_next_ = 0;  ///< of read_, not yet in the ring
  bool stuck_ = false;
  std::uint64_t bad_ = 0;
  vscp::DateCache dates_;
};

}  // namespace drivers::link_client
