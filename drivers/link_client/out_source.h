// Where a remote's outgoing events come from, and what keeps them until the far side has answered for them: at least
// once: the worker's fan-out log (fanout_source.h), or a spool on disk, read ahead by a helper thread (spool_feed.h).
//
// Thread rule: the remote's worker.
#pragma once

#include <cstdint>
#include <string_view>

namespace drivers::link_client {

class OutSource {
 public:
  virtual ~OutSource() = default;
  /// The next event, in the remote's form (Remote::format); it is in flight from then on. First come those that were in flight
  /// when rewind() was called. Empty: nothing to be sent, or no room for more in flight. Valid until the next call of
  /// anything here.
  virtual std::string_view next() noexcept = 0;
  /// The far side has answered for the oldest in flight: it is done with.
  virtual void release_oldest() noexcept = 0;
  /// The connection has gone: what was in flight will be given again, in order.
  virtual void rewind() noexcept = 0;
  /// Sent and not answered, or to be sent again.
  virtual std::uint32_t held() const noexcept = 0;
  /// After some calls of release_oldest(): what they said is passed on.
  virtual void settle() noexcept {}
  /// next() has nothing, or not tried yet, but more may come soon; then Remote::on_more() is called.
  virtual bool is_coming() const noexcept { return false; }
  /// Events that next() has given again, or will.
  virtual std::uint64_t resent() const noexcept = 0;
};

}  // namespace drivers::link_client
