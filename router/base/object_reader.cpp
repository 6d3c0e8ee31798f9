#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>

#include "router/base/config_node.h"

namespace router {
namespace {

constexpr std::size_t kWordMax = 48;

std::string format_number(double value) {
  std::array<char, 32> buffer{};
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), result.ptr};
}

/// "link[0].filter" -> "link[].filter"
std::string key_pattern(std::string_view path) {
  std::string out;
  bool in_index = false;
  for (const char c : path) {
    if (c == ']') in_index = false;
    if (!in_index) out += c;
    if (c == '[') in_index = true;
  }
  return out;
}

std::string_view trim(std::string_view text) noexcept {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

/// Steps of insert, delete, replace and swap of neighbours; case and '_' for '-' do not count.
std::size_t distance(std::string_view left, std::string_view right) noexcept {
  if (left.size() > kWordMax || right.size() > kWordMax) return std::numeric_limits<std::size_t>::max();
  const auto fold = [](char c) {
    const auto lower = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return lower == '_' ? '-' : lower;
  };
  std::array<std::array<std::size_t, kWordMax + 1>, 3> rows{};
  for (std::size_t j = 0; j <= right.size(); ++j) rows[0][j] = j;
  for (std::size_t i = 1; i <= left.size(); ++i) {
    auto& row = rows[i % 3];
    const auto& above = rows[(i + 2) % 3];
    const auto& above2 = rows[(i + 1) % 3];
    row[0] = i;
    for (std::size_t j = 1; j <= right.size(); ++j) {
      const bool same = fold(left[i - 1]) == fold(right[j - 1]);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (same ? 0U : 1U)});
      if (i > 1 && j > 1 && fold(left[i - 1]) == fold(right[j - 2]) && fold(left[i - 2]) == fold(right[j - 1])) {
        row[j] = std::min(row[j], above2[j - 2] + 1);
      }
    }
  }
  return rows[left.size() % 3][right.size()];
}

}  // namespace

std::string_view nearest_word(std::string_view word, std::span<const std::string_view> words) noexcept {
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string_view candidate : words) {
    const std::size_t steps = distance(word, candidate);
    if (steps < best_distance) {
      best = candidate;
      best_distance = steps;
    }
  }
  return best;
}

ObjectReader::ObjectReader(const ConfigNode* node, std::string path, ConfigContext& context)
    : path_(std::move(path)), context_(context) {
  if (node == nullptr) return;
  if (node->is_object()) {
    node_ = node;
    return;
  }
  error_at(*node, path_, "is " + std::string(node->kind_text()) + ": write an object, { ... }");
}

const ConfigNode* ObjectReader::any(std::string_view key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) {
    known_.emplace_back(key);
    if (context_.known_keys != nullptr) context_.known_keys->insert(key_pattern(path_of(key)));
  }
  return node_ == nullptr ? nullptr : node_->find(key);
}

bool ObjectReader::has(std::string_view key) const noexcept {
  return node_ != nullptr && node_->find(key) != nullptr;
}

bool ObjectReader::boolean(std::string_view key, bool fallback) {
  const ConfigNode* node = any(key);
  if (node == nullptr) return fallback;
  if (node->kind == ConfigNode::Kind::kBool) return node->boolean;
  error(key, "is " + std::string(node->kind_text()) + ": write true or false");
  return fallback;
}

std::int64_t ObjectReader::integer(std::string_view key, std::int64_t fallback, std::int64_t min, std::int64_t max) {
  const ConfigNode* node = any(key);
  if (node == nullptr) return fallback;
  const std::string hint = ": write a whole number from " + std::to_string(min) + " to " + std::to_string(max);
  std::int64_t value = node->integer;
  if (node->kind == ConfigNode::Kind::kNumber) {
    if (node->number != std::floor(node->number)) {
      error(key, format_number(node->number) + " is not a whole number" + hint);
      return fallback;
    }
    constexpr double kInteger64 = 9223372036854775807.0;
    value = node->number >= kInteger64    ? std::numeric_limits<std::int64_t>::max()
            : node->number <= -kInteger64 ? std::numeric_limits<std::int64_t>::min()
                                          : static_cast<std::int64_t>(node->number);
  } else if (node->kind != ConfigNode::Kind::kInteger) {
    error(key, "is " + std::string(node->kind_text()) + hint);
    return fallback;
  }
  if (value < min || value > max) {
    error(key, std::to_string(value) + (value < min ? " is too small" : " is too large") + hint);
    return fallback;
  }
  return value;
}

double ObjectReader::number(std::string_view key, double fallback, double min, double max) {
  const ConfigNode* node = any(key);
  if (node == nullptr) return fallback;
  const std::string hint = ": write a number from " + format_number(min) + " to " + format_number(max);
  if (node->kind != ConfigNode::Kind::kInteger && node->kind != ConfigNode::Kind::kNumber) {
    error(key, "is " + std::string(node->kind_text()) + hint);
    return fallback;
  }
  if (!(node->number >= min && node->number <= max)) {
    error(key, format_number(node->number) + (node->number < min ? " is too small" : " is too large") + hint);
    return fallback;
  }
  return node->number;
}

std::string ObjectReader::text(std::string_view key, std::string_view fallback, std::size_t bytes_max) {
  const ConfigNode* node = any(key);
  if (node == nullptr) return std::string(fallback);
  if (!node->is_string()) {
    error(key, "is " + std::string(node->kind_text()) + ": write a string in double quotes");
  } else if (node->text.size() > bytes_max) {
    error(key, "has " + std::to_string(node->text.size()) + " bytes: write at most " + std::to_string(bytes_max));
  } else if (node->text.find('\0') != std::string::npos) {
    error(key, "has a NUL character: write the string without \\u0000");
  } else {
    return node->text;
  }
  return std::string(fallback);
}

std::vector<std::pair<std::string, const ConfigNode*>> ObjectReader::texts(std::string_view key) {
  std::vector<std::pair<std::string, const ConfigNode*>> out;
  const ConfigNode* node = any(key);
  if (node == nullptr) return out;
  if (node->is_string()) {
    std::string_view rest = node->text;
    while (!rest.empty()) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      const std::string_view entry = trim(rest.substr(0, comma));
      if (!entry.empty()) out.emplace_back(entry, node);
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    return out;
  }
  if (!node->is_array()) {
    error(key, "is " + std::string(node->kind_text()) + R"(: write a list of strings, ["...", "..."])");
    return out;
  }
  for (std::size_t i = 0; i < node->items.size(); ++i) {
    const ConfigNode& item = node->items[i];
    if (!item.is_string()) {
      error_at(item, config_path(path_of(key), i),
               "is " + std::string(item.kind_text()) + ": write a string in double quotes");
      continue;
    }
    const std::string_view entry = trim(item.text);
    if (!entry.empty()) out.emplace_back(entry, &item);
  }
  return out;
}

std::size_t ObjectReader::word_index(std::string_view key, std::span<const std::string_view> words) {
  const ConfigNode* node = any(key);
  if (node == nullptr) return words.size();
  std::string hint = ": write ";
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i != 0) hint += i + 1 == words.size() ? " or " : ", ";
    hint += '"' + std::string(words[i]) + '"';
  }
  if (!node->is_string()) {
    error(key, "is " + std::string(node->kind_text()) + hint);
    return words.size();
  }
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == node->text) return i;
  }
  const std::string_view near = nearest_word(node->text, words);
  if (!near.empty()) hint += " (did you mean \"" + std::string(near) + "\"?)";
  error(key, '"' + node->text.substr(0, kWordMax) + "\" is not known" + hint);
  return words.size();
}

const ConfigNode* ObjectReader::object(std::string_view key) {
  const ConfigNode* node = any(key);
  if (node == nullptr || node->is_object()) return node;
  error(key, "is " + std::string(node->kind_text()) + ": write an object, { ... }");
  return nullptr;
}

std::span<const ConfigNode> ObjectReader::list(std::string_view key) {
  const ConfigNode* node = any(key);
  if (node == nullptr) return {};
  if (node->is_array()) return node->items;
  error(key, "is " + std::string(node->kind_text()) + ": write a list, [ ... ]");
  return {};
}

void ObjectReader::error(std::string_view key, std::string text) {
  const ConfigNode* node = node_ == nullptr ? nullptr : node_->find(key);
  if (node == nullptr) node = node_;
  context_.errors.push_back({context_.file, node == nullptr ? 0 : node->line, node == nullptr ? 0 : node->column,
                             path_of(key), std::move(text)});
}

void ObjectReader::warning(std::string_view key, std::string text) {
  const ConfigNode* node = node_ == nullptr ? nullptr : node_->find(key);
  if (node == nullptr) node = node_;
  context_.warnings.push_back({context_.file, node == nullptr ? 0 : node->line, node == nullptr ? 0 : node->column,
                               path_of(key), std::move(text)});
}

void ObjectReader::error_at(const ConfigNode& node, std::string path, std::string text) {
  context_.errors.push_back({context_.file, node.line, node.column, std::move(path), std::move(text)});
}

void ObjectReader::finish() {
  if (node_ == nullptr) return;
  const std::vector<std::string_view> words(known_.begin(), known_.end());
  for (const ConfigMember& member : node_->members) {
    if (std::find(words.begin(), words.end(), member.key) != words.end()) continue;
    const std::string_view near = nearest_word(member.key, words);
    std::string text = "unknown key: ";
    text += near.empty() ? "remove it" : "did you mean \"" + std::string(near) + "\"?";
    context_.errors.push_back({context_.file, member.line, member.column, path_of(member.key), std::move(text)});
  }
}

}  // namespace router
