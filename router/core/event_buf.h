// The pooled buffer in which one event crosses the router.
//
// Life: a thread takes it from its own pool, decodes an event into it, and publishes it. From then on it is immutable. `holders`
// is the number of *threads* that hold it; each drops it once, the last drop sends it home to the pool of `home`.
#pragma once

#include <atomic>
#include <cstdint>

#include "protocol/event.h"

namespace router {

/// Threads that publish events (workers and helpers), numbered from 0.
using ThreadIndex = std::uint16_t;
inline constexpr ThreadIndex kThreadsMax = 128;

/// Channel id of nobody.
inline constexpr std::uint32_t kNoChannel = 0;

struct alignas(64) EventBuf {
  union {
    EventBuf* next = nullptr;  ///< return list
    /// While it is out: odd for an event that was born here, its number on its home thread * 2 + 1; else the address of its EventOrigin
    /// (router/core/carried_event.h), which lives as long. 0 until it is published.
    std::uint64_t birth;
  };
  std::atomic<std::uint32_t> holders{0};
  ThreadIndex home = 0;
  std::uint16_t carried = 0;                 ///< on the way home: other buffers whose addresses lie in the data
  std::uint32_t skip_channel = kNoChannel;   ///< this channel does not get the event (obid given by the sender)
  std::uint32_t only_channel = kNoChannel;   ///< if set, only this channel gets it (destination interface)
  vscp::Event event;
};
static_assert(sizeof(EventBuf) == 576, "64 bytes of header, 512 of data");

}  // namespace router
