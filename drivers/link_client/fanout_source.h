// Outgoing events out of the worker's fan-out log. What is sent is copied into a bounded store until it is answered,
// because the log forgets what its reader has passed; what waits stays in the log, under the reader's limit and policy.
//
// Thread rule: the worker's thread. Takes memory only in set_window().
#pragma once

#include <cstddef>
#include <vector>

#include "drivers/link_client/out_source.h"
#include "router/core/fanout.h"

namespace drivers::link_client {

class FanoutSource final : public OutSource {
 public:
  /// Both outlive it. The reader has joined the fan-out before next() is called.
  FanoutSource(router::Fanout& fanout, router::Reader& reader) : fanout_(&fanout), reader_(&reader) { set_window(1); }

  /// Room for so many events in flight (fewer if they are large); what is in flight stays. Never becomes smaller.
  void set_window(std::uint32_t events);

  std::string_view next() noexcept override;
  void release_oldest() noexcept override;
  void rewind() noexcept override { given_ = 0; }
  std::uint32_t held() const noexcept override { return count_; }
  std::uint64_t resent() const noexcept override { return resent_; }

 private:
  struct Entry {
    std::uint32_t offset = 0;
    std::uint32_t size = 0;
    bool sent = false;  ///< once at least
  };
  Entry& at(std::uint32_t index) noexcept { return entries_[(first_ + index) % entries_.size()]; }
  std::string_view text_of(const Entry& entry) const noexcept { return {bytes_.data() + entry.offset, entry.size}; }
  bool store(std::string_view line) noexcept;

  router::Fanout* fanout_;
  router::Reader* reader_;
  std::vector<Entry> entries_;  ///< a ring
  std::vector<char> bytes_;     ///< a ring too; no entry is cut
  std::uint32_t first_ = 0;
  std::uint32_t count_ = 0;
  std::uint32_t given_ = 0;  ///< of them, on this connection
  std::uint32_t end_ = 0;    ///< in bytes_, behind the last entry
  std::uint64_t resent_ = 0;
};

}  // namespace drivers::link_client
