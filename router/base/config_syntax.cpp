#include "router/base/config_syntax.h"

#include <algorithm>
#include <vector>

namespace router {
namespace {

constexpr std::string_view kUtf8Mark = "\xef\xbb\xbf";

bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
bool ends_word(char c) noexcept {
  return is_blank(c) || c == ',' || c == ':' || c == '{' || c == '}' || c == '[' || c == ']' || c == '"' || c == '/';
}

std::size_t string_end(std::string_view text, std::size_t begin, char quote, bool& closed) noexcept {
  for (std::size_t i = begin + 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      closed = true;
      return i + 1;
    } else if (text[i] == '\n') {
      closed = false;
      return i;
    }
  }
  closed = false;
  return text.size();
}

std::size_t digits(std::string_view text, std::size_t at) noexcept {
  std::size_t end = at;
  while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
  return end - at;
}

/// JSON's own form: -12.5e-3, no leading zeros, no bare points.
bool is_number(std::string_view word) noexcept {
  std::size_t at = word.starts_with('-') ? 1 : 0;
  const std::size_t whole = digits(word, at);
  if (whole == 0 || (whole > 1 && word[at] == '0')) return false;
  at += whole;
  if (at < word.size() && word[at] == '.') {
    const std::size_t fraction = digits(word, at + 1);
    if (fraction == 0) return false;
    at += 1 + fraction;
  }
  if (at < word.size() && (word[at] == 'e' || word[at] == 'E')) {
    ++at;
    if (at < word.size() && (word[at] == '+' || word[at] == '-')) ++at;
    const std::size_t exponent = digits(word, at);
    if (exponent == 0) return false;
    at += exponent;
  }
  return at == word.size();
}

std::string quoted(std::string_view word) {
  return '"' + std::string(word.substr(0, 60)) + '"';
}

}  // namespace

JsonTokens::JsonTokens(std::string_view text) noexcept : text_(text) {
  if (text_.starts_with(kUtf8Mark)) at_ = line_at_ = counted_to_ = kUtf8Mark.size();
}

bool JsonTokens::skip_blanks() noexcept {
  while (at_ < text_.size()) {
    if (is_blank(text_[at_])) {
      ++at_;
    } else if (text_.substr(at_, 2) == "//") {
      at_ = std::min(text_.find('\n', at_), text_.size());
    } else if (text_.substr(at_, 2) == "/*") {
      const std::size_t end = text_.find("*/", at_ + 2);
      if (end == std::string_view::npos) return false;
      at_ = end + 2;
    } else {
      break;
    }
  }
  return true;
}

JsonToken JsonTokens::next() noexcept {
  if (!skip_blanks()) {
    const std::size_t begin = at_;
    at_ = text_.size();
    return {'c', begin, at_};
  }
  const std::size_t begin = at_;
  if (begin >= text_.size()) return {'e', text_.size(), text_.size()};
  const char c = text_[begin];
  if (c == '"' || c == '\'') {
    bool closed = false;
    at_ = string_end(text_, begin, c, closed);
    const char kind = c == '\'' ? 'q' : closed ? 's' : 'u';
    return {kind, begin, at_};
  }
  if (std::string_view("{}[],:").find(c) != std::string_view::npos) {
    at_ = begin + 1;
    return {c, begin, at_};
  }
  at_ = begin + 1;
  while (at_ < text_.size() && !ends_word(text_[at_])) ++at_;
  return {'w', begin, at_};
}

void JsonTokens::place(std::size_t offset, std::uint32_t& line, std::uint32_t& column) noexcept {
  for (; counted_to_ < offset && counted_to_ < text_.size(); ++counted_to_) {
    if (text_[counted_to_] == '\n') {
      ++line_;
      line_at_ = counted_to_ + 1;
    }
  }
  line = line_;
  column = static_cast<std::uint32_t>(offset - line_at_ + 1);
}

namespace {

enum class Expect : std::uint8_t { kValue, kKey, kColon, kComma, kEnd };

/// Follows the grammar token by token and stops at the first one that does not fit.
class Grammar {
 public:
  explicit Grammar(std::string_view text) : text_(text), tokens_(text) {}

  SyntaxProblem explain(std::size_t position) {
    for (;;) {
      const JsonToken token = tokens_.next();
      std::string problem = step(token);
      if (!problem.empty()) return at(token.begin, std::move(problem));
      if (token.end >= position || token.kind == 'e') return inside(token, position);
      previous_ = token;
    }
  }

 private:
  struct Level {
    char bracket;
    std::uint32_t line;
  };

  std::string_view text_of(const JsonToken& token) const { return text_.substr(token.begin, token.end - token.begin); }

  SyntaxProblem at(std::size_t offset, std::string text) {
    SyntaxProblem problem;
    tokens_.place(offset, problem.line, problem.column);
    problem.text = std::move(text);
    return problem;
  }

  /// The grammar is right, so the parser dislikes something inside of the token.
  SyntaxProblem inside(const JsonToken& token, std::size_t position) {
    const std::size_t last = text_.empty() ? 0 : text_.size() - 1;
    const std::size_t offset = std::clamp(position == 0 ? 0 : position - 1, std::min(token.begin, last), last);
    if (token.kind == 's') {
      const auto byte = text_.empty() ? 0U : static_cast<unsigned>(static_cast<unsigned char>(text_[offset]));
      if (byte < 0x20U) {
        return at(offset, "a control character inside of a string: write \\t for a TAB, \\n for a line end");
      }
      if (byte >= 0x80U) return at(offset, "a byte that is not UTF-8 inside of a string: save the file as UTF-8");
      return at(offset, "an escape that JSON does not have: write \\\\ for one backslash");
    }
    return at(token.begin, quoted(text_of(token)) + " is not a value: write a number, true, false, null, or a string " +
                               "in double quotes");
  }

  std::string step(const JsonToken& token) {
    switch (token.kind) {
      case 'c':
        return "the comment has no end: add */";
      case 'u':
        return "the string has no end: add a double quote (a line end inside of a string is written \\n)";
      case 'q':
        return "single quotes: write double quotes";
      case 'e':
        return step_end();
      default:
        break;
    }
    switch (expect_) {
      case Expect::kValue:
        return step_value(token);
      case Expect::kKey:
        return step_key(token);
      case Expect::kColon:
        if (token.kind != ':') return "a colon is missing after the key " + std::string(text_of(previous_));
        expect_ = Expect::kValue;
        return {};
      case Expect::kComma:
        return step_comma(token);
      case Expect::kEnd:
        break;
    }
    return "text after the end of the file's one value: remove it";
  }

  std::string step_end() const {
    if (levels_.empty()) return expect_ == Expect::kEnd ? "" : "the file is empty: write at least {}";
    const char open = levels_.back().bracket;
    return "the file ends inside of the " + std::string(open == '{' ? "object" : "list") + " that begins in line " +
           std::to_string(levels_.back().line) + ": add " + (open == '{' ? "}" : "]");
  }

  std::string step_value(const JsonToken& token) {
    if (token.kind == '{' || token.kind == '[') {
      open(token);
      return {};
    }
    const bool in_list = !levels_.empty() && levels_.back().bracket == '[';
    if (token.kind == ']' && in_list && previous_.kind == '[') return close(token);
    if ((token.kind == ']' || token.kind == '}') && previous_.kind == ',') return comma_too_many(token);
    if (token.kind == 's') {
      after_value();
      return {};
    }
    if (token.kind == 'w') return step_word(token);
    return "a value is missing before " + quoted(text_of(token));
  }

  std::string step_word(const JsonToken& token) {
    const std::string_view word = text_of(token);
    const bool number = word[0] == '-' || (word[0] >= '0' && word[0] <= '9');
    if (word == "true" || word == "false" || word == "null") {
      after_value();
      return {};
    }
    if (word == "True" || word == "False" || word == "TRUE" || word == "FALSE" || word == "yes" || word == "no") {
      return quoted(word) + " is not a value: write true or false";
    }
    if (number && word.size() > 1 && word[0] == '0' && (word[1] == 'x' || word[1] == 'X')) {
      return quoted(word) + " is not a number in JSON: write it in decimal";
    }
    if (number && word.size() > 1 && word[0] == '0' && word[1] >= '0' && word[1] <= '9') {
      return quoted(word) + " begins with a zero: write the number without it";
    }
    if (is_number(word)) {
      after_value();
      return {};
    }
    return quoted(word) + " is not a value: write a number, true, false, null, or a string in double quotes";
  }

  std::string step_key(const JsonToken& token) {
    if (token.kind == 's') {
      expect_ = Expect::kColon;
      return {};
    }
    if (token.kind == '}' && previous_.kind == '{') return close(token);
    if (token.kind == '}' && previous_.kind == ',') return comma_too_many(token);
    if (token.kind == 'w') return "a key must be in double quotes: write " + quoted(text_of(token));
    return "a key in double quotes is missing before " + quoted(text_of(token));
  }

  std::string step_comma(const JsonToken& token) {
    const Level level = levels_.back();
    if (token.kind == ',') {
      expect_ = level.bracket == '{' ? Expect::kKey : Expect::kValue;
      return {};
    }
    if (token.kind == '}' || token.kind == ']') {
      if ((token.kind == '}') == (level.bracket == '{')) return close(token);
      return quoted(text_of(token)) + " does not close the " + (level.bracket == '{' ? "object" : "list") +
             " that begins in line " + std::to_string(level.line) + ": write " + (level.bracket == '{' ? "}" : "]");
    }
    if (token.kind == ':') return "a colon where a comma belongs: write a comma";
    return "a comma is missing before " + std::string(text_of(token).substr(0, 60));
  }

  static std::string comma_too_many(const JsonToken& token) {
    return std::string("a comma before ") + token.kind + ": remove the comma";
  }

  void open(const JsonToken& token) {
    Level level{token.kind, 1};
    std::uint32_t column = 0;
    tokens_.place(token.begin, level.line, column);
    levels_.push_back(level);
    expect_ = token.kind == '{' ? Expect::kKey : Expect::kValue;
  }

  std::string close(const JsonToken&) {
    levels_.pop_back();
    after_value();
    return {};
  }

  void after_value() { expect_ = levels_.empty() ? Expect::kEnd : Expect::kComma; }

  std::string_view text_;
  JsonTokens tokens_;
  JsonToken previous_;
  std::vector<Level> levels_;
  Expect expect_ = Expect::kValue;
};

}  // namespace

SyntaxProblem explain_syntax_error(std::string_view text, std::size_t position) {
  return Grammar(text).explain(position);
}

}  // namespace router
