// Writes JSON text: objects, arrays, escaped strings. For replies and files, not for the event path.
//
// Thread rule: one owner. The writer puts commas and colons itself; unbalanced begin and end calls are our own bug and
// stop the program (std::abort), so the text is valid whenever depth() is 0.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace router {

/// Appends `text` to `out` as a JSON string with its quotes. Invalid UTF-8 bytes become U+FFFD, so that what a peer
/// sent can be shown and the result is always valid JSON. '<', '>' and '&' are escaped too: safe inside HTML.
void append_json_string(std::string& out, std::string_view text);

class JsonWriter {
 public:
  /// `indent` = 0 writes everything on one line; else each member has its own line with that many blanks per level.
  explicit JsonWriter(unsigned indent = 0) noexcept : indent_(indent) {}

  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
  /// Inside an object, before each value.
  JsonWriter& key(std::string_view name);
  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(std::same_as<bool> auto flag) { return scalar(flag ? "true" : "false"); }
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  JsonWriter& value(T number) {
    return scalar(std::to_string(number));
  }
  /// Shortest text that reads back to the same number; not finite: null.
  JsonWriter& value(double number);
  JsonWriter& null() { return scalar("null"); }
  template <typename T>
  JsonWriter& member(std::string_view name, const T& content) {
    return key(name).value(content);
  }

  std::size_t depth() const noexcept { return stack_.size(); }
  const std::string& text() const noexcept { return out_; }
  std::string take() noexcept { return std::move(out_); }

 private:
  JsonWriter& scalar(std::string_view text);
  void before_value();
  void new_line();
  void close(char kind, char bracket);

  std::string out_;
  std::string stack_;  ///< '{' or '[' of each open level
  bool first_ = true;  ///< nothing written yet on this level
  bool after_key_ = false;
  unsigned indent_ = 0;
};

}  // namespace router
