// A JSON text as a read-only tree in which every value knows its place in the file, and the errors of a configuration.
//
// Purpose: everything that people write for the router (configuration, users) is read through this file, so that
// every complaint names file, line, column, JSON path and what to write instead, and all complaints come at once.
// Comments (// and /* */) are allowed. Duplicate keys are errors. No exception leaves this file's functions.
//
// Thread rule: start-up and helper threads; plain values without shared state. Ownership: a node owns its children;
// an ObjectReader borrows the node and the context, which must outlive it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace router {

/// What is wrong (or doubtful) in a file that a person wrote. `text` says what is wrong and what to write instead.
struct ConfigIssue {
  std::string file;          ///< empty: the text says it all
  std::uint32_t line = 0;    ///< 1-based; 0 = the file as a whole
  std::uint32_t column = 0;  ///< 1-based, in bytes; 0 = the line as a whole
  std::string path;          ///< "link[0].max-out-queue"; empty = the top of the file
  std::string text;
};

/// "vscpd.json:12:5: link[0].max-out-queue: 5 is too small: write a whole number from 16 to 10000000". One line: control
/// characters of what is quoted become '?'.
std::string to_text(const ConfigIssue& issue);

/// Collects what is found in one file. Errors keep the program from starting, warnings do not.
struct ConfigContext {
  std::string file;  ///< as the person named it
  std::vector<ConfigIssue> errors;
  std::vector<ConfigIssue> warnings;
  /// If set, readers write every key that they know into it, as "link[].max-out-queue" (for the test of the schema).
  std::set<std::string>* known_keys = nullptr;
};

/// Puts errors and warnings in the order of the file; those about other files stay behind, in their order.
void sort_issues(ConfigContext& context);

struct ConfigMember;

/// One value of the tree. `line` and `column` are those of its first character; begin and end are byte offsets of its
/// text in the file, so that a program can replace just this value.
struct ConfigNode {
  enum class Kind : std::uint8_t { kNull, kBool, kInteger, kNumber, kString, kArray, kObject };

  Kind kind = Kind::kNull;
  bool boolean = false;
  std::uint32_t line = 1;
  std::uint32_t column = 1;
  std::size_t begin = 0;
  std::size_t end = 0;
  std::int64_t integer = 0;  ///< kInteger; a whole number outside of 64 bits is kNumber
  double number = 0.0;       ///< kInteger and kNumber
  std::string text;          ///< kString, UTF-8
  std::vector<ConfigNode> items;
  std::vector<ConfigMember> members;  ///< kObject, in the order of the file

  bool is_object() const noexcept { return kind == Kind::kObject; }
  bool is_array() const noexcept { return kind == Kind::kArray; }
  bool is_string() const noexcept { return kind == Kind::kString; }
  /// The member with this key, or null.
  const ConfigNode* find(std::string_view key) const noexcept;
  /// "a string", "an object"... for error texts.
  std::string_view kind_text() const noexcept;
};

struct ConfigMember {
  std::string key;
  std::uint32_t line = 1;
  std::uint32_t column = 1;
  ConfigNode value;
};

/// Limits of a file: larger or deeper ones are refused with an error.
inline constexpr std::size_t kConfigBytesMax = 64U * 1024U * 1024U;
inline constexpr std::size_t kConfigDepthMax = 64;

/// Parses a text. On error adds to context.errors (syntax: exactly one; duplicate keys: each) and returns nothing.
std::optional<ConfigNode> parse_config_text(std::string_view text, ConfigContext& context);

/// Reads a whole file into `text`. On error adds one issue for the file as a whole and returns false.
bool read_config_file(const std::string& path, std::string& text, ConfigContext& context);

/// "prefix.key", or "key" if there is no prefix.
std::string config_path(std::string_view prefix, std::string_view key);
/// "prefix[index]".
std::string config_path(std::string_view prefix, std::size_t index);

/// The nearest of `words` to `word`, if near enough to be a slip of the pen; else empty.
std::string_view nearest_word(std::string_view word, std::span<const std::string_view> words) noexcept;

/// Reads one object key by key. Each getter marks its key as known; finish() reports the keys that nobody asked for.
/// On a wrong value a getter adds an error and returns the default, so that reading goes on and finds the rest.
/// Built on null it behaves as an empty object (and still makes its keys known).
class ObjectReader {
 public:
  /// If `node` is neither null nor an object, adds an error and behaves as an empty object.
  ObjectReader(const ConfigNode* node, std::string path, ConfigContext& context);

  bool boolean(std::string_view key, bool fallback);
  std::int64_t integer(std::string_view key, std::int64_t fallback, std::int64_t min, std::int64_t max);
  double number(std::string_view key, double fallback, double min, double max);
  /// A string without NUL of at most `bytes_max` bytes.
  std::string text(std::string_view key, std::string_view fallback, std::size_t bytes_max = 4096);
  /// A list of strings: a JSON array of strings, or one string (split at commas, blanks trimmed; "" = empty list).
  /// Empty entries of an array are left out. Each entry comes with the node that it was written in.
  std::vector<std::pair<std::string, const ConfigNode*>> texts(std::string_view key);
  /// One of a set of words; the rest is an error that lists them and names the nearest.
  template <typename Enum>
  Enum word(std::string_view key, Enum fallback, std::span<const std::pair<std::string_view, Enum>> words);
  /// An object; null if absent, null with an error if it is something else.
  const ConfigNode* object(std::string_view key);
  /// The items of an array; empty if absent, empty with an error if it is something else.
  std::span<const ConfigNode> list(std::string_view key);
  /// Any value; null if absent.
  const ConfigNode* any(std::string_view key);

  bool has(std::string_view key) const noexcept;
  /// Adds an error at the value of `key`, or at the object if the key is absent.
  void error(std::string_view key, std::string text);
  void warning(std::string_view key, std::string text);
  /// Adds an error at a node under this object.
  void error_at(const ConfigNode& node, std::string path, std::string text);
  /// Reports every key that no getter was asked for, with the nearest known key.
  void finish();

  std::string path_of(std::string_view key) const { return config_path(path_, key); }
  const std::string& path() const noexcept { return path_; }
  ConfigContext& context() noexcept { return context_; }

 private:
  std::size_t word_index(std::string_view key, std::span<const std::string_view> words);

  const ConfigNode* node_ = nullptr;
  std::string path_;
  ConfigContext& context_;
  std::vector<std::string> known_;
};

template <typename Enum>
Enum ObjectReader::word(std::string_view key, Enum fallback, std::span<const std::pair<std::string_view, Enum>> words) {
  std::vector<std::string_view> names;
  names.reserve(words.size());
  for (const auto& entry : words) names.push_back(entry.first);
  const std::size_t index = word_index(key, names);
  return index < words.size() ? words[index].second : fallback;
}

}  // namespace router
