#include "protocol/filter.h"

#include "protocol/text_scan.h"

namespace vscp {
namespace {

// The next comma-separated field without blanks around it; `rest` is what follows, and `more` whether a comma did.
std::string_view next_field(std::string_view& rest, bool& more) noexcept {
  const std::size_t comma = rest.find(',');
  const std::string_view field = text::trim(rest.substr(0, comma));
  more = comma != std::string_view::npos;
  rest = more ? rest.substr(comma + 1) : std::string_view{};
  return field;
}

template <typename Number>
Errc read_number(std::string_view field, std::uint64_t max, Number& number) noexcept {
  const auto value = text::parse_number(field);
  if (!value) return value.error();
  if (*value > max) return Errc::kNumberRange;
  number = static_cast<Number>(*value);
  return Errc{};
}

// A GUID in braces may hold commas ("{-:1,2,3}"), so its end is looked for first.
std::string_view next_guid_field(std::string_view& rest, bool& more) noexcept {
  const std::string_view trimmed = text::trim(rest);
  const std::size_t close = trimmed.starts_with('{') ? rest.find('}') : std::string_view::npos;
  if (close == std::string_view::npos) return next_field(rest, more);
  const std::size_t comma = rest.find(',', close);
  const std::string_view field = text::trim(rest.substr(0, comma));
  more = comma != std::string_view::npos;
  rest = more ? rest.substr(comma + 1) : std::string_view{};
  return field;
}

}  // namespace

Filter Filter::canonical() const noexcept {
  Filter result = *this;
  result.filter_priority &= mask_priority;
  result.filter_class &= mask_class;
  result.filter_type &= mask_type;
  for (std::size_t i = 0; i < result.filter_guid.bytes.size(); ++i) result.filter_guid.bytes[i] &= mask_guid.bytes[i];
  return result;
}

Result<FilterHalf> parse_filter_half(std::string_view text) noexcept {
  FilterHalf half;
  bool more = true;
  const auto number = [&text, &more](std::uint64_t max, auto& value) {
    const std::string_view field = next_field(text, more);
    if (!more) return Errc::kMissingField;  // the GUID is still to come
    return read_number(field, max, value);
  };
  if (const Errc error = number(0xff, half.priority); error != Errc{}) return std::unexpected(error);
  if (const Errc error = number(0xffff, half.vscp_class); error != Errc{}) return std::unexpected(error);
  if (const Errc error = number(0xffff, half.vscp_type); error != Errc{}) return std::unexpected(error);

  const std::string_view guid_field = next_guid_field(text, more);
  if (!guid_field.empty()) {
    const auto guid = parse_guid(guid_field);
    if (!guid) return std::unexpected(guid.error());
    half.guid = *guid;
  }
  if (more) {
    const std::string_view field = next_field(text, more);
    if (const Errc error = read_number(field, 0xffffffff, half.index); error != Errc{}) return std::unexpected(error);
    if (more) return std::unexpected(Errc::kBadNumber);
  }
  return half;
}

}  // namespace vscp
