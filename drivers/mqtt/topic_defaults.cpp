#include "drivers/mqtt/payload.h"
#include "protocol/text_scan.h"

namespace drivers::mqtt {
namespace {

std::string_view take_level(std::string_view& rest) noexcept {
  const std::size_t slash = rest.find('/');
  const std::string_view level = rest.substr(0, slash);
  rest = slash == std::string_view::npos ? std::string_view{} : rest.substr(slash + 1);
  return level;
}

// "-", "1" and "0102:03aa" are GUIDs to parse_guid(), too, but more likely other words in a topic.
std::optional<vscp::Guid> guid_of(std::string_view level) noexcept {
  constexpr std::size_t kUuidSize = 36;
  const std::size_t first_colon = level.find(':');
  if (level.size() != kUuidSize && (first_colon == std::string_view::npos || first_colon > 2)) return std::nullopt;
  const auto guid = vscp::parse_guid(level);
  if (!guid || guid->is_zero()) return std::nullopt;
  return *guid;
}

std::optional<std::uint16_t> number_of(std::string_view level) noexcept {
  const auto number = vscp::text::parse_number(level);
  if (!number || *number > 0xffff) return std::nullopt;
  return static_cast<std::uint16_t>(*number);
}

}  // namespace

TopicDefaults parse_topic_defaults(std::string_view topic) noexcept {
  TopicDefaults defaults;
  while (!topic.empty() && !defaults.guid) defaults.guid = guid_of(take_level(topic));
  if (!defaults.guid) return defaults;
  defaults.vscp_class = number_of(take_level(topic));
  if (defaults.vscp_class) defaults.vscp_type = number_of(take_level(topic));
  return defaults;
}

}  // namespace drivers::mqtt
