#include "drivers/mqtt/config_parts.h"

#include <array>
#include <string>
#include <utility>

#include "protocol/guid.h"

namespace drivers::mqtt {
namespace {

using router::ConfigNode;
using router::ObjectReader;

constexpr std::int64_t kSmallMax = 0xffff;
constexpr std::array<std::pair<std::string_view, PayloadFormat>, 5> kFormats = {{{"auto", PayloadFormat::kAuto},
                                                                                 {"json", PayloadFormat::kJson},
                                                                                 {"xml", PayloadFormat::kXml},
                                                                                 {"string", PayloadFormat::kString},
                                                                                 {"binary", PayloadFormat::kBinary}}};

vscp::Guid read_guid(ObjectReader& from, std::string_view key) {
  const std::string text = from.text(key, "");
  if (text.empty()) return {};
  const auto guid = vscp::parse_guid(text);
  if (guid) return *guid;
  from.error(key, '"' + text + "\" is no GUID: write 16 hex pairs with colons, or \"-\" for all zero");
  return {};
}

}  // namespace

bool read_flag(ObjectReader& reader, std::string_view key, bool fallback) {
  const ConfigNode* node = reader.any(key);
  if (node != nullptr && node->kind == ConfigNode::Kind::kInteger) return reader.integer(key, 0, 0, 1) != 0;
  return reader.boolean(key, fallback);
}

PayloadFormat read_format(ObjectReader& reader, std::string_view key, PayloadFormat fallback) {
  return reader.word<PayloadFormat>(key, fallback, kFormats);
}

vscp::Filter read_filter(ObjectReader& from) {
  vscp::Filter out;
  ObjectReader filter(from.object("filter"), from.path_of("filter"), from.context());
  out.filter_priority = static_cast<std::uint8_t>(filter.integer("priority-filter", 0, 0, 7));
  out.mask_priority = static_cast<std::uint8_t>(filter.integer("priority-mask", 0, 0, 255) & 7);
  out.filter_class = static_cast<std::uint16_t>(filter.integer("class-filter", 0, 0, kSmallMax));
  out.mask_class = static_cast<std::uint16_t>(filter.integer("class-mask", 0, 0, kSmallMax));
  out.filter_type = static_cast<std::uint16_t>(filter.integer("type-filter", 0, 0, kSmallMax));
  out.mask_type = static_cast<std::uint16_t>(filter.integer("type-mask", 0, 0, kSmallMax));
  out.filter_guid = read_guid(filter, "guid-filter");
  out.mask_guid = read_guid(filter, "guid-mask");
  filter.finish();
  return out;
}

}  // namespace drivers::mqtt
