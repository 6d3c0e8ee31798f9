// The commands that a client has given, for "+", "+n" and "++". Spec: vscp_tcpiplink.md.
//
// A consumer gives one short command and is then silent for months; for that one no memory is taken.
// Thread rule: one worker. Allocates, but not for a SEND that follows a SEND.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace drivers::link {

class CommandHistory {
 public:
  static constexpr std::size_t kLinesMax = 32;

  CommandHistory() = default;
  ~CommandHistory();
  CommandHistory(const CommandHistory&) = delete;
  CommandHistory& operator=(const CommandHistory&) = delete;

  /// Of more than kLinesMax the oldest goes; a SEND takes the place of a SEND before it. Blanks at the end are left out.
  void add(std::string_view line);
  /// A SEND that becomes part of the history with keep_send(); another one may come before that and take its place, and
  /// only the last is copied. `line` must stay valid until then.
  void note_send(std::string_view line);
  void keep_send();

  std::size_t size() const noexcept { return lines() != nullptr ? lines()->texts.size() : only().empty() ? 0 : 1; }
  /// 1 = the newest ... size(). Valid until the next change.
  std::string_view line(std::size_t back) const noexcept {
    return lines() != nullptr ? lines()->texts[lines()->texts.size() - back] : only();
  }

 private:
  struct Lines {
    std::vector<std::string> texts;  ///< oldest first
    std::string_view noted_send;
    bool newest_is_send = false;
  };
  static_assert(std::endian::native == std::endian::little);
  static constexpr std::size_t kOnlyMax = 7;  ///< RCVLOOP

  Lines* lines() const noexcept { return (word_ & 1U) != 0 ? nullptr : reinterpret_cast<Lines*>(word_); }
  std::string_view only() const noexcept {
    if ((word_ & 1U) == 0) return {};
    return {reinterpret_cast<const char*>(&word_) + 1, static_cast<std::size_t>((word_ & 0xffU) >> 1U)};
  }
  Lines& make_lines();
  void push(std::string_view line, bool is_send);

  /// Null or a Lines; with the lowest bit set: a text, its size in the rest of the first byte.
  std::uintptr_t word_ = 0;
};
static_assert(sizeof(CommandHistory) == 8);

}  // namespace drivers::link
