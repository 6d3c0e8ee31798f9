// Says in plain words what is wrong with a text that is no JSON, and where. Used by config_node.cpp only.
//
// Thread rule: pure functions, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace router {

/// One token of a JSON text with comments.
struct JsonToken {
  /// One of { } [ ] , : or 's' string, 'u' string without end, 'q' text in single quotes, 'w' number or word,
  /// 'c' comment without end, 'e' end of the text.
  char kind = 'e';
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// Walks over the tokens of a text, valid or not, and counts lines.
class JsonTokens {
 public:
  explicit JsonTokens(std::string_view text) noexcept;

  JsonToken next() noexcept;
  /// Place of a byte that is not before those asked for earlier; both are 1-based, the column counts bytes.
  void place(std::size_t offset, std::uint32_t& line, std::uint32_t& column) noexcept;

 private:
  bool skip_blanks() noexcept;

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_at_ = 0;     ///< first byte of line_
  std::size_t counted_to_ = 0;  ///< line ends before this are counted
  std::uint32_t line_ = 1;
};

struct SyntaxProblem {
  std::uint32_t line = 1;
  std::uint32_t column = 1;
  std::string text;
};

/// `position`: number of bytes that the parser had read when it gave up, the offending one included.
SyntaxProblem explain_syntax_error(std::string_view text, std::size_t position);

}  // namespace router
