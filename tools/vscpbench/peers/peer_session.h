// Opens sessions with other servers, step by step and blocking.
// Thread rule: one thread at a time.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "tools/vscpbench/link_session.h"

namespace bench::peers {

class PeerSession {
 public:
  /// Connects. Every wait is at most ten seconds. The error is a sentence.
  static std::expected<PeerSession, std::string> connect(const Target& target);

  /// Sends and reads until `awaited` has come, which is taken with all before it. Empty, or a sentence: also if
  /// `refusal` (unless empty) comes first.
  std::string exchange(std::string_view bytes, std::string_view awaited, std::string_view refusal);
  std::expected<unsigned, std::string> next_byte();
  /// Non-blocking from here on.
  OpenSession release();

 private:
  explicit PeerSession(Fd fd) : fd_(std::move(fd)) {}
  std::string read_more();

  Fd fd_;
  std::string rest_;
};

}  // namespace bench::peers
