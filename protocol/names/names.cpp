#include "protocol/names/names.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "protocol/names/names_table.h"

namespace vscp {
namespace {

using names_table::ClassRow;

constexpr std::uint16_t kMirrorFirst = 512;
constexpr std::uint16_t kMirrorLast = 1023;
constexpr std::string_view kMirrorPrefix = "CLASS2.LEVEL1.";

const ClassRow* find_row(std::uint16_t vscp_class) noexcept {
  const auto rows = names_table::classes();
  const auto found = std::ranges::lower_bound(rows, vscp_class, {}, &ClassRow::number);
  return found != rows.end() && found->number == vscp_class ? &*found : nullptr;
}

bool is_mirror(std::uint16_t vscp_class) noexcept {
  return vscp_class >= kMirrorFirst && vscp_class <= kMirrorLast;
}

/// The class and type under which the table has an event.
struct Key {
  std::uint16_t vscp_class;
  std::uint16_t vscp_type;
};

Key table_key(std::uint16_t vscp_class, std::uint16_t vscp_type) noexcept {
  if (is_mirror(vscp_class)) return {static_cast<std::uint16_t>(vscp_class - kMirrorFirst), vscp_type};
  if ((vscp_class == 1040 || vscp_class == 1060) && vscp_type >= 256 && vscp_type < 1280) {
    return {static_cast<std::uint16_t>(10 + vscp_type / 256), static_cast<std::uint16_t>(vscp_type % 256)};
  }
  return {vscp_class, vscp_type};
}

char upper(char character) noexcept {
  return character >= 'a' && character <= 'z' ? static_cast<char>(character - 'a' + 'A') : character;
}

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& character : result) character = upper(character);
  return result;
}

std::optional<std::uint16_t> parse_number(std::string_view text) {
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    text.remove_prefix(2);
    base = 16;
  }
  std::uint16_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::size_t edit_distance(std::string_view left, std::string_view right) {
  std::vector<std::size_t> row(right.size() + 1);
  for (std::size_t column = 0; column < row.size(); ++column) row[column] = column;
  for (std::size_t i = 1; i <= left.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= right.size(); ++j) {
      const std::size_t changed = diagonal + (left[i - 1] == right[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
    }
  }
  return row[right.size()];
}

/// Keeps the best of the candidates shown to it.
class Nearest {
 public:
  explicit Nearest(std::string text)
      : text_(std::move(text)), best_distance_(std::max<std::size_t>(2, text_.size() / 3) + 1) {}

  void offer(std::string_view compared, std::string_view shown) {
    const std::size_t distance = edit_distance(text_, compared);
    if (distance >= best_distance_) return;
    best_distance_ = distance;
    best_ = shown;
  }
  const std::string& best() const noexcept { return best_; }

 private:
  std::string text_;
  std::size_t best_distance_;
  std::string best_;
};

std::string_view without_level(std::string_view token) noexcept {
  return token.substr(token.find('.') + 1);
}

}  // namespace

char* format_class_token(std::uint16_t vscp_class, char* out) noexcept {
  const ClassRow* row = find_row(table_key(vscp_class, 0).vscp_class);
  if (row == nullptr) return out;
  std::string_view token = row->token;
  if (is_mirror(vscp_class)) {
    out = std::ranges::copy(kMirrorPrefix, out).out;
    token = without_level(token);
  }
  return std::ranges::copy(token, out).out;
}

std::string class_token(std::uint16_t vscp_class) {
  char text[kClassTokenMax];
  return {text, format_class_token(vscp_class, text)};
}

std::string_view type_token(std::uint16_t vscp_class, std::uint16_t vscp_type) noexcept {
  const auto key = table_key(vscp_class, vscp_type);
  const ClassRow* row = find_row(key.vscp_class);
  if (row == nullptr) return {};
  const auto types = names_table::types(*row);
  const auto found = std::ranges::lower_bound(types, key.vscp_type, {}, &names_table::TypeRow::number);
  return found != types.end() && found->number == key.vscp_type ? found->token : std::string_view{};
}

std::string event_name(std::uint16_t vscp_class, std::uint16_t vscp_type) {
  std::string name = class_token(vscp_class);
  if (name.empty()) name = std::to_string(vscp_class);
  const std::string_view type_name = type_token(vscp_class, vscp_type);
  name += '/';
  name += type_name.empty() ? std::to_string(vscp_type) : std::string(type_name);
  return name;
}

std::optional<std::uint16_t> find_class(std::string_view text) {
  if (const auto number = parse_number(text)) return number;
  std::string wanted = upper(text);
  const bool mirror = wanted.starts_with(kMirrorPrefix);
  if (mirror) wanted = "CLASS1." + wanted.substr(kMirrorPrefix.size());
  for (const ClassRow& row : names_table::classes()) {
    if (row.token != wanted && without_level(row.token) != wanted) continue;
    return static_cast<std::uint16_t>(row.number + (mirror ? kMirrorFirst : 0));
  }
  return std::nullopt;
}

std::optional<std::uint16_t> find_type(std::uint16_t vscp_class, std::string_view text) {
  if (const auto number = parse_number(text)) return number;
  const ClassRow* row = find_row(table_key(vscp_class, 0).vscp_class);
  if (row == nullptr) return std::nullopt;
  const std::string wanted = upper(text);
  for (const auto& type : names_table::types(*row)) {
    if (type.token == wanted) return type.number;
  }
  return std::nullopt;
}

std::string nearest_class(std::string_view text) {
  Nearest nearest(upper(text));
  for (const ClassRow& row : names_table::classes()) {
    nearest.offer(without_level(row.token), row.token);
    nearest.offer(row.token, row.token);
  }
  return nearest.best();
}

std::string nearest_type(std::uint16_t vscp_class, std::string_view text) {
  const ClassRow* row = find_row(table_key(vscp_class, 0).vscp_class);
  if (row == nullptr) return {};
  Nearest nearest(upper(text));
  for (const auto& type : names_table::types(*row)) nearest.offer(type.token, type.token);
  return nearest.best();
}

}  // namespace vscp
