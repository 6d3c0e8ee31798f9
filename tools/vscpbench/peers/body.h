// Events as the body of another protocol's message: the payload's bytes, of which the first ones carry the identity.
// The id has 16 bytes (see wire.h); of a payload that is shorter, its first 8 with a checksum of their own, and then
// the send time does not travel and there is no latency. What is left is the pseudo-random payload.
//
// Thread rule: as wire.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tools/vscpbench/wire.h"

namespace bench::peers {

/// Smallest payload that can carry an event's identity.
inline constexpr std::size_t kBodyBytesMin = 8;

bool body_has_time(std::size_t bytes) noexcept;
/// A body of that variant with room for the id at its begin.
std::string make_body(std::size_t bytes, std::uint32_t variant);
void write_body_id(const EventId& id, std::size_t bytes, char* at) noexcept;

/// Takes a stream of messages apart that are all alike: prefix, `gap` bytes of any value, body, suffix. What does not
/// begin so is left to other().
class BodyScanner : public Scanner {
 public:
  struct Frame {
    std::string prefix;
    std::size_t gap = 0;
    std::string suffix;
  };
  BodyScanner(Frame frame, const EventShape& shape, bool verify, std::uint32_t time_every);
  std::size_t scan(std::string_view bytes, std::vector<Seen>& seen) override;

 protected:
  /// Something else begins `bytes`. Returns its length, 0 if it is not complete. An event that is not as it should be
  /// goes into `seen` as kCorrupted.
  virtual std::size_t other(std::string_view bytes, std::vector<Seen>& seen) = 0;
  /// A message was read; `gap` points to its bytes before the body.
  virtual void taken(const char* gap) { static_cast<void>(gap); }

  static void corrupted(std::vector<Seen>& seen);

 private:
  void take(const char* body, Seen& one) const;

  Frame frame_;
  std::size_t body_bytes_;
  std::size_t size_;
  std::uint8_t run_;
  bool verify_;
  std::uint32_t time_every_;
  std::vector<std::string> bodies_;  ///< of each variant
};

}  // namespace bench::peers
