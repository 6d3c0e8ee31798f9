// The way of messages from the broker that brought them to the thread that keeps what waits for another broker.
//
// The source numbers what it gives; the target tells up to which number everything is stored (a spool: on disk). The
// source acknowledges a message to its broker only then. Thread rule: `given` is the source's; `safe` is written by the
// target and read by the source.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <vector>

namespace router {
class HelperThread;
}

namespace drivers::mqtt {

struct BridgeLane {
  router::HelperThread* source = nullptr;
  std::uint64_t given = 0;
  std::atomic<std::uint64_t> safe{0};
};

/// Blocks (carried_message.h) that sources have given and the target has not stored yet. Thread rule: any.
class BridgeQueue {
 public:
  static constexpr std::size_t kBytesMax = 32U << 20U;

  struct Item {
    BridgeLane* lane = nullptr;
    std::uint64_t number = 0;
    std::vector<std::uint8_t> block;
  };
  enum class Give : std::uint8_t { kTaken, kBusy, kNoRoom };

  /// kBusy: come again soon; kNoRoom: the target's store is full. Takes the block's bytes only if kTaken.
  Give give(BridgeLane& lane, std::vector<std::uint8_t>& block);
  /// [target] The oldest item that lies here; it stays until pop().
  Item* front();
  void pop();
  bool is_empty() const;
  /// [target]
  void set_no_room(bool no_room) noexcept { no_room_.store(no_room, std::memory_order_release); }
  bool has_no_room() const noexcept { return no_room_.load(std::memory_order_acquire); }

 private:
  mutable std::mutex mutex_;
  std::deque<Item> items_;
  std::size_t bytes_ = 0;
  std::atomic<bool> no_room_{false};
};

}  // namespace drivers::mqtt
