#include "tools/vscpctl/selection.h"

#include <algorithm>
#include <charconv>
#include <span>

#include "tools/client/text.h"
#include "protocol/names/names.h"

namespace tools::ctl {
namespace {

std::unexpected<ClientError> usage(std::string text) {
  return std::unexpected(ClientError{ClientFault::kUsage, std::move(text)});
}

bool is_number(std::string_view text) {
  return !text.empty() && text.front() >= '0' && text.front() <= '9';
}

std::string did_you_mean(const std::string& nearest) {
  return nearest.empty() ? std::string() : cat("; did you mean ", nearest, "?");
}

/// Filter and mask that let through at least `values`: the bits in which all agree.
struct Agreement {
  std::uint16_t filter = 0;
  std::uint16_t mask = 0;
};

Agreement agree(std::span<const std::uint16_t> values) {
  if (values.empty()) return {};
  unsigned differing = 0;
  for (const std::uint16_t value : values) differing |= static_cast<unsigned>(value ^ values[0]);
  const auto mask = static_cast<std::uint16_t>(~differing);
  return {static_cast<std::uint16_t>(values[0] & mask), mask};
}

ClientResult<void> parse_halves(const SelectionOptions& options, vscp::Filter& filter) {
  if (options.filter.empty() != options.mask.empty()) {
    return usage("--filter and --mask belong together; give both, as \"priority,class,type,GUID\"");
  }
  if (options.filter.empty()) return {};
  const auto filter_half = vscp::parse_filter_half(options.filter);
  const auto mask_half = vscp::parse_filter_half(options.mask);
  if (!filter_half || !mask_half) {
    return usage(cat(
        !filter_half ? "--filter: " : "--mask: ", vscp::to_text(!filter_half ? filter_half.error() : mask_half.error()),
        "; write priority,class,type,GUID, for example 0,20,0,- with the mask 0,0xffff,0,-"));
  }
  filter.filter_priority = filter_half->priority;
  filter.filter_class = filter_half->vscp_class;
  filter.filter_type = filter_half->vscp_type;
  filter.filter_guid = filter_half->guid;
  filter.mask_priority = mask_half->priority;
  filter.mask_class = mask_half->vscp_class;
  filter.mask_type = mask_half->vscp_type;
  filter.mask_guid = mask_half->guid;
  return {};
}

}  // namespace

ClientResult<std::vector<std::uint8_t>> parse_guid_prefix(std::string_view text) {
  std::vector<std::uint8_t> bytes;
  std::string_view rest = text;
  if (rest.ends_with(':')) rest.remove_suffix(1);
  while (true) {
    const std::string_view group = rest.substr(0, rest.find(':'));
    std::uint8_t byte = 0;
    const auto [end, error] = std::from_chars(group.data(), group.data() + group.size(), byte, 16);
    if (error != std::errc{} || end != group.data() + group.size() || group.size() > 2 || bytes.size() == 16) {
      return usage(cat("--guid: '", text, "' is no GUID or beginning of one; write up to 16 hex bytes, as FF:FF:01"));
    }
    bytes.push_back(byte);
    if (group.size() == rest.size()) return bytes;
    rest.remove_prefix(group.size() + 1);
  }
}

ClientResult<std::uint16_t> parse_class(std::string_view text) {
  if (const auto found = vscp::find_class(text)) return *found;
  if (is_number(text)) return usage(cat("class '", text, "' is no number from 0 to 65535"));
  return usage(cat("no class is named '", text, "'", did_you_mean(vscp::nearest_class(text))));
}

ClientResult<std::uint16_t> parse_type(std::uint16_t vscp_class, std::string_view text) {
  if (const auto found = vscp::find_type(vscp_class, text)) return *found;
  if (is_number(text)) return usage(cat("type '", text, "' is no number from 0 to 65535"));
  const std::string name = vscp::class_token(vscp_class);
  return usage(cat("class ", name.empty() ? std::to_string(vscp_class) : name, " has no type named '", text, "'",
                   did_you_mean(vscp::nearest_type(vscp_class, text))));
}

ClientResult<Selection> Selection::make(const SelectionOptions& options) {
  Selection result;
  if (auto done = parse_halves(options, result.filter_); !done) return std::unexpected(done.error());
  const bool friendly =
      !options.classes.empty() || !options.types.empty() || !options.guid_prefix.empty() || options.priority >= 0;
  if (!options.filter.empty() && friendly) {
    return usage("--filter with --mask cannot be combined with --class, --type, --guid and --priority");
  }
  if (!friendly) return result;
  for (const std::string& text : options.classes) {
    const auto vscp_class = parse_class(text);
    if (!vscp_class) return std::unexpected(vscp_class.error());
    result.classes_.push_back(*vscp_class);
  }
  for (const std::string& text : options.types) {
    if (!is_number(text) && result.classes_.size() != 1) {
      return usage(
          cat("--type ", text,
              ": a type has a name only within one class; give exactly one --class, or the number of the type"));
    }
    const auto type = parse_type(result.classes_.empty() ? std::uint16_t{0} : result.classes_.front(), text);
    if (!type) return std::unexpected(type.error());
    result.types_.push_back(*type);
  }
  const Agreement classes = agree(result.classes_);
  result.filter_.filter_class = classes.filter;
  result.filter_.mask_class = classes.mask;
  const Agreement types = agree(result.types_);
  result.filter_.filter_type = types.filter;
  result.filter_.mask_type = types.mask;
  if (options.priority >= 0) {
    result.filter_.filter_priority = static_cast<std::uint8_t>(options.priority & 7);
    result.filter_.mask_priority = 7;
  }
  if (!options.guid_prefix.empty()) {
    const auto prefix = parse_guid_prefix(options.guid_prefix);
    if (!prefix) return std::unexpected(prefix.error());
    std::ranges::copy(*prefix, result.filter_.filter_guid.bytes.begin());
    std::fill_n(result.filter_.mask_guid.bytes.begin(), prefix->size(), std::uint8_t{0xff});
  }
  return result;
}

bool Selection::wants(const vscp::Event& event) const noexcept {
  const auto has = [](const std::vector<std::uint16_t>& wanted, std::uint16_t value) {
    return wanted.empty() || std::ranges::find(wanted, value) != wanted.end();
  };
  return has(classes_, event.vscp_class) && has(types_, event.vscp_type);
}

}  // namespace tools::ctl
