// What a far side says, line by line: status lines that begin with +OK or -OK, and all others (data of a reply, events,
// greeting).
//
// Thread rule: one owner; no heap. Nothing the peer sends is trusted: a line longer than kLineMax ends the reading.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace drivers::link_client {

enum class LineKind : std::uint8_t { kPositive, kNegative, kOther };

/// "+OK..." and "-OK..." in either case; blanks in front are passed over.
LineKind kind_of_line(std::string_view line) noexcept;
/// The decimal number that a line begins with, blanks in front passed over; -1 if there is none, or it has more than
/// nine digits.
std::int64_t number_in_line(std::string_view line) noexcept;

class ReplyReader {
 public:
  static constexpr std::size_t kLineMax = 4096;  ///< without its end; 512 data bytes as "0xNN," are 2560

  /// Calls `visit(std::string_view line)` for each whole line (CRLF or LF, not with it) that is not empty, while it
  /// returns true. False means: not now, and the line will be given again. Returns how many bytes are done with; an
  /// unfinished line at the end is kept here.
  template <typename Visit>
  std::size_t read(std::string_view bytes, Visit visit) noexcept {
    std::size_t done = 0;
    while (done < bytes.size() && !too_long_) {
      const std::string_view rest = bytes.substr(done);
      const auto* end = static_cast<const char*>(std::memchr(rest.data(), '\n', rest.size()));
      const std::size_t size = end == nullptr ? rest.size() : static_cast<std::size_t>(end - rest.data());
      const std::size_t before = tail_size_;
      if (end == nullptr) {
        append(rest);
        return bytes.size();
      }
      std::string_view line = rest.substr(0, size);
      if (before > 0) {
        append(line);
        if (too_long_) break;
        line = {tail_.data(), tail_size_};
      }
      while (!line.empty() && line.back() == '\r') line.remove_suffix(1);
      if (line.size() > kLineMax) {
        too_long_ = true;
        break;
      }
      if (!line.empty() && !visit(line)) {
        tail_size_ = before;
        return done;
      }
      tail_size_ = 0;
      done += size + 1;
    }
    return too_long_ ? bytes.size() : done;
  }

  /// A line had no end: what follows means nothing.
  bool is_too_long() const noexcept { return too_long_; }
  std::size_t unfinished() const noexcept { return tail_size_; }

 private:
  void append(std::string_view text) noexcept {
    if (text.size() > tail_.size() - tail_size_) {
      too_long_ = true;
      return;
    }
    std::memcpy(tail_.data() + tail_size_, text.data(), text.size());
    tail_size_ += text.size();
  }

  std::array<char, kLineMax + 1> tail_;  // with a CR; indeterminate beyond tail_size_
  std::size_t tail_size_ = 0;
  bool too_long_ = false;
};

}  // namespace drivers::link_client
