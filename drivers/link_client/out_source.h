// Where a remote's outgoing events come from, and what keeps them until the far side has answered for them: at least
// once. Today they come from the worker's fan-out log (fanout_source.h); a spool on disk (router/io/event_store.h) fits
// behind the same calls, with its records read ahead by a helper thread.
//
// Thread rule: the remote's worker.
#pragma once

#include <cstdint>
#include <string_view>

namespace drivers::link_client {

class OutSource {
 public:
  virtual ~OutSource() = default;
  /// The next event, as an event line with its CRLF; it is in flight from then on. First come those that were in flight
  /// when rewind() was called. Empty: nothing to be sent, or no room for more in flight. Valid until the next call of
  /// anything here.
  virtual std::string_view next() noexcept = 0;
  /// The far side has answered for the oldest in flight: it is done with.
  virtual void release_oldest() noexcept = 0;
  /// The connection has gone: what was in flight will be given again, in order.
  virtual void rewind() noexcept = 0;
  /// Sent and not answered, or to be sent again.
  virtual std::uint32_t held() const noexcept = 0;
  /// Events that next() has given again.
  virtual std::uint64_t resent() const noexcept = 0;
};

}  // namespace drivers::link_client
