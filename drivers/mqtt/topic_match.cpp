#include "drivers/mqtt/topic_match.h"

#include <cstdint>
#include <cstring>

namespace drivers::mqtt {
namespace {

constexpr std::size_t kTopicBytesMax = 65535;
constexpr std::string_view kShare = "$share/";

constexpr unsigned byte_at(std::string_view text, std::size_t i) noexcept {
  return static_cast<unsigned char>(text[i]);
}
constexpr bool is_control(char c) noexcept {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

// The filter behind "$share/group/"; empty if there is none.
std::string_view without_share(std::string_view filter) noexcept {
  if (!filter.starts_with(kShare)) return filter;
  const std::size_t slash = filter.find('/', kShare.size());
  return slash == std::string_view::npos || slash == kShare.size() ? std::string_view{} : filter.substr(slash + 1);
}

// Characters that neither a topic nor a filter may hold.
std::optional<TopicFault> find_text_fault(std::string_view text) noexcept {
  if (text.empty()) return TopicFault{0, "is empty"};
  if (text.size() > kTopicBytesMax) return TopicFault{kTopicBytesMax, "is longer than 65535 bytes"};
  for (std::size_t i = 0; i < text.size();) {
    if (is_control(text[i])) return TopicFault{i, "has a control character"};
    const std::size_t size = utf8_size(text.substr(i));
    if (size == 0) return TopicFault{i, "is not UTF-8"};
    i += size;
  }
  return std::nullopt;
}

}  // namespace

std::size_t utf8_size(std::string_view text) noexcept {
  if (text.empty()) return 0;
  const unsigned first = byte_at(text, 0);
  if (first < 0x80) return 1;
  const std::size_t size = first >= 0xc2 && first < 0xe0   ? 2
                           : first >= 0xe0 && first < 0xf0 ? 3
                           : first >= 0xf0 && first < 0xf5 ? 4
                                                           : 0;
  if (size == 0 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte_at(text, i) & 0xc0U) != 0x80) return 0;
  }
  const unsigned second = byte_at(text, 1);
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool surrogate = first == 0xed && second >= 0xa0;
  const bool too_large = first == 0xf4 && second >= 0x90;
  return overlong || surrogate || too_large ? 0 : size;
}

bool topic_matches(std::string_view filter, std::string_view topic) noexcept {
  filter = without_share(filter);
  if (filter.empty() || topic.empty()) return false;
  if (topic.front() == '$' && filter.front() != '$') return false;
  std::size_t f = 0;
  std::size_t t = 0;
  // Level by level; f and t stand at the first character of one.
  while (true) {
    const std::string_view pattern = filter.substr(f, filter.find('/', f) - f);
    if (pattern == "#") return f + 1 == filter.size();
    const std::string_view level = topic.substr(t, topic.find('/', t) - t);
    if (pattern != "+" && (pattern != level || pattern.find_first_of("+#") != std::string_view::npos)) return false;
    f += pattern.size();
    t += level.size();
    if (f == filter.size() || t == topic.size()) break;
    ++f;
    ++t;
  }
  // "a/#" matches "a", too.
  return t == topic.size() && (f == filter.size() || filter.substr(f) == "/#");
}

bool filter_covers(std::string_view filter, std::string_view other) noexcept {
  const bool other_open = other == "#" || other.ends_with("/#");
  const bool open = filter == "#" || filter.ends_with("/#");
  // A wildcard of the narrower one is a level like any other here: only a wildcard takes it.
  return (open || !other_open) && topic_matches(filter, other);
}

std::optional<TopicFault> find_topic_fault(std::string_view topic) noexcept {
  if (const auto fault = find_text_fault(topic)) return fault;
  const std::size_t wildcard = topic.find_first_of("+#");
  if (wildcard != std::string_view::npos)
    return TopicFault{wildcard, "has a wildcard ('+' or '#'), which only a filter may have"};
  return std::nullopt;
}

std::optional<TopicFault> find_filter_fault(std::string_view filter) noexcept {
  if (const auto fault = find_text_fault(filter)) return fault;
  const std::string_view rest = without_share(filter);
  const std::size_t share_size = filter.size() - rest.size();
  if (rest.empty()) return TopicFault{0, "is shared, but has no group or no filter: write $share/GROUP/FILTER"};
  if (filter.substr(0, share_size).find_first_of("+#") != std::string_view::npos) {
    return TopicFault{0, "has a wildcard in the group of a shared filter"};
  }
  for (std::size_t i = 0; i < rest.size(); ++i) {
    if (rest[i] != '+' && rest[i] != '#') continue;
    const bool begins = i == 0 || rest[i - 1] == '/';
    const bool ends = i + 1 == rest.size() || rest[i + 1] == '/';
    if (!begins || !ends) return TopicFault{share_size + i, "has a wildcard that is not a whole level"};
    if (rest[i] == '#' && i + 1 != rest.size()) return TopicFault{share_size + i, "has '#' before its last level"};
  }
  return std::nullopt;
}

std::optional<std::string_view> map_topic(std::string_view topic, const TopicMapping& mapping,
                                          std::span<char> out) noexcept {
  if (!topic.starts_with(mapping.remove)) return std::nullopt;
  topic.remove_prefix(mapping.remove.size());
  const std::size_t size = mapping.add.size() + topic.size();
  if (size == 0 || size > kTopicBytesMax || size >= out.size()) return std::nullopt;
  if (!mapping.add.empty()) std::memcpy(out.data(), mapping.add.data(), mapping.add.size());
  if (!topic.empty()) std::memcpy(out.data() + mapping.add.size(), topic.data(), topic.size());
  out[size] = '\0';
  return std::string_view(out.data(), size);
}

void append_topic_value(std::string_view value, std::string& out) {
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  while (!value.empty()) {
    const char first = value.front();
    std::size_t size = utf8_size(value);
    if (size == 0 || is_control(first) || first == '#' || first == '+' || first == '%') {
      out += '%';
      out += kDigits[byte_at(value, 0) >> 4U];
      out += kDigits[byte_at(value, 0) & 15U];
      size = 1;
    } else {
      out += value.substr(0, size);
    }
    value.remove_prefix(size);
  }
}

}  // namespace drivers::mqtt
