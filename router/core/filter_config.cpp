#include "router/core/filter_config.h"

#include <string>
#include <utility>

namespace router {
namespace {

vscp::FilterHalf read_half(ObjectReader& reader, std::string_view key, FilterErrors errors) {
  const std::string text = reader.text(key, "");
  if (text.empty()) return {};
  const auto half = vscp::parse_filter_half(text);
  if (half) return *half;
  std::string problem = '"' + text + "\" is no filter (" + std::string(vscp::to_text(half.error())) +
                        "): write \"priority,class,type,GUID\", for example \"0,20,0,-\"";
  if (errors == FilterErrors::kErrors) {
    reader.error(key, std::move(problem));
  } else {
    reader.warning(key, problem + "; it is taken as empty");
  }
  return {};
}

}  // namespace

vscp::Filter read_filter(ObjectReader& reader, std::string_view filter, std::string_view mask, FilterErrors errors) {
  const vscp::FilterHalf wanted = read_half(reader, filter, errors);
  const vscp::FilterHalf looked_at = read_half(reader, mask, errors);
  vscp::Filter out;
  out.filter_priority = wanted.priority;
  out.filter_class = wanted.vscp_class;
  out.filter_type = wanted.vscp_type;
  out.filter_guid = wanted.guid;
  out.mask_priority = looked_at.priority;
  out.mask_class = looked_at.vscp_class;
  out.mask_type = looked_at.vscp_type;
  out.mask_guid = looked_at.guid;
  return out;
}

vscp::Guid read_channel_guid(ObjectReader& reader) {
  const std::string text = reader.text("guid", "-");
  if (const auto guid = vscp::parse_guid(text)) return *guid;
  reader.error("guid", '"' + text + R"(" is no GUID: write 16 hex pairs with colons, or "-" for the channel's own)");
  return {};
}

vscp::Guid read_interface_guid(ObjectReader& reader) {
  vscp::Guid guid = read_channel_guid(reader);
  guid.bytes[14] = guid.bytes[15] = 0;
  return guid;
}

}  // namespace router
