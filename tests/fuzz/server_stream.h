// Takes apart what the link server writes, in both dialects, and ends the process if anything else comes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/event.h"
#include "protocol/vscp_error.h"

namespace fuzz {

/// One line or frame from the server.
struct Heard {
  enum class Kind : std::uint8_t { kStatus, kText, kReply, kEvent } kind = Kind::kText;
  std::string text;  ///< a line, without CRLF
  std::uint16_t code = 0;
  vscp::VscpError error{};
  std::size_t argument_size = 0;
};

class ServerStream {
 public:
  /// Everything that is whole. What changes the dialect changes it here too.
  std::vector<Heard> take(std::string_view bytes);
  bool has_rest() const { return !rest_.empty(); }
  bool is_binary() const { return binary_; }

 private:
  std::size_t take_line(std::vector<Heard>& out);
  std::size_t take_frame(std::vector<Heard>& out);

  std::string rest_;
  bool binary_ = false;
};

}  // namespace fuzz
