// What has a channel of a worker: a session, or a remote, which outlives its connections.
//
// Thread rule: the worker's thread.
#pragma once

#include <cstdint>

#include "router/core/fanout.h"

namespace router {

class StreamSession;

class ChannelOwner : public Reader {
 public:
  /// Closes at once. The channel is released when no operation is in flight any more, which may be later.
  virtual void abort() noexcept = 0;
  /// Null if it is none.
  virtual StreamSession* as_session() noexcept { return nullptr; }

  // While it holds the senders back (Holds).
  /// No more than a quarter of what may wait does.
  virtual bool has_caught_up() const noexcept = 0;
  /// Changes when the far side takes something.
  virtual std::uint64_t bytes_taken() const noexcept = 0;
  virtual void on_hold_over(bool caught_up) noexcept = 0;
};

}  // namespace router
