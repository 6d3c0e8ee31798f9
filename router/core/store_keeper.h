// What a thread that puts events into a store for a far side does with each of them, and what it tells those who wait
// until they are safe (router/core/keeper.h). The rest of such a thread is its driver's.
//
// Thread rule: its thread; counts(), is_refusing() and the figures from any.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "protocol/errc.h"
#include "router/base/counters.h"
#include "router/core/keeper.h"
#include "router/core/store_config.h"
#include "router/core/thread_table.h"

namespace router {

class StoreKeeper {
 public:
  /// `label`, "link client south", begins its lines in the log. All outlive it.
  StoreKeeper(std::string label, const StoreConfig& config, EventStore& store, const ThreadTable& threads)
      : label_(std::move(label)), config_(config), store_(store), threads_(threads) {}

  /// For EventThread::kept_counts().
  const KeptCounts* counts() const noexcept { return config_.on_disk ? &kept_ : nullptr; }
  bool is_refusing() const noexcept { return kept_.is_refusing(); }
  /// Events, from any thread.
  std::uint64_t taken() const noexcept { return taken_.value(); }
  std::uint64_t lost() const noexcept { return lost_.value(); }

  /// An event was taken from the inbox; it is not for the far side.
  void pass(ThreadIndex producer) noexcept { kept_.note_taken(producer); }
  /// The same; it goes into the store. An event that finds no room is counted and logged, and nobody acknowledges it.
  void keep(ThreadIndex producer, std::uint8_t lane, std::span<const std::uint8_t> record);
  /// Of a record that no producer waits for. Errors: those of EventStore::append().
  vscp::Result<void> append(std::uint8_t lane, std::span<const std::uint8_t> record);
  /// Makes what was kept safe, tells those who wait for it, and looks whether there is room for more. Whether there is
  /// something new to read.
  bool commit();
  /// The last commit() failed: it is to be tried again.
  bool is_uncommitted() const noexcept { return uncommitted_; }

 private:
  std::string label_;
  const StoreConfig& config_;
  EventStore& store_;
  const ThreadTable& threads_;
  KeptCounts kept_;
  Counter taken_;
  Counter lost_;
  bool uncommitted_ = false;
};

}  // namespace router
