#include "protocol/guid.h"

#include <algorithm>
#include <cstring>

#include "protocol/codec_kernels.h"
#include "protocol/text_scan.h"

namespace vscp {
namespace {

// The page prints the broadcast GUID once with two groups too many (18 bytes). That text is taken as what it is said
// to mean; no other text of more than 16 bytes is.
constexpr std::string_view kLongBroadcast = "FFFFFFFF-FFFF-FFFF-FFFF-FFFF-FFFF-FFFF-FFFF";

constexpr bool equal_no_case(std::string_view left, std::string_view right) noexcept {
  return std::ranges::equal(left, right, [](char a, char b) { return (a | 0x20) == (b | 0x20); });
}

// Bytes as they are read from the left, before it is known where they stand.
struct Groups {
  std::array<std::uint8_t, 16> bytes{};
  std::size_t count = 0;
};

// One group: a single digit is a byte, otherwise an even number of digits, two for each byte.
bool add_group(std::string_view group, Groups& groups) noexcept {
  if (group.empty() || (group.size() > 1 && group.size() % 2 != 0)) return false;
  const std::size_t width = group.size() == 1 ? 1 : 2;
  for (std::size_t i = 0; i < group.size(); i += width) {
    unsigned value = 0;
    for (const char c : group.substr(i, width)) {
      const unsigned digit = text::hex_value(c);
      if (digit > 15) return false;
      value = value << 4U | digit;
    }
    if (groups.count == groups.bytes.size()) return false;
    groups.bytes[groups.count++] = static_cast<std::uint8_t>(value);
  }
  return true;
}

// Groups with one kind of separator between them; an empty text is no group at all.
bool add_groups(std::string_view text, std::string_view separators, Groups& groups) noexcept {
  const std::size_t first = text.find_first_of(separators);
  const char separator = first == std::string_view::npos ? ':' : text[first];
  while (true) {
    const std::size_t end = text.find(separator);
    if (!add_group(text.substr(0, end), groups)) return false;
    if (end == std::string_view::npos) return true;
    text.remove_prefix(end + 1);
  }
}

// A GUID that begins with `fill` as often as needed and ends with the groups of `text`.
Result<Guid> filled(std::uint8_t fill, std::string_view text, std::string_view separators) noexcept {
  Groups groups;
  if (!add_groups(text, separators, groups) || groups.count == groups.bytes.size()) {
    return std::unexpected(Errc::kBadGuid);
  }
  Guid guid;
  guid.bytes.fill(fill);
  std::copy_backward(groups.bytes.begin(), groups.bytes.begin() + static_cast<std::ptrdiff_t>(groups.count),
                     guid.bytes.end());
  return guid;
}

// "FF:21::22:32" and "FF:21::": zeros in the place of the double colon.
Result<Guid> zeros_between(std::string_view front, std::string_view back) noexcept {
  Groups head;
  Groups tail;
  if (!add_groups(front, ":", head) || (!back.empty() && !add_groups(back, ":", tail)) ||
      head.count + tail.count >= head.bytes.size()) {
    return std::unexpected(Errc::kBadGuid);
  }
  Guid guid;
  std::memcpy(guid.bytes.data(), head.bytes.data(), head.count);
  std::memcpy(guid.bytes.data() + guid.bytes.size() - tail.count, tail.bytes.data(), tail.count);
  return guid;
}

Result<Guid> broadcast() noexcept {
  Guid guid;
  guid.bytes.fill(0xff);
  return guid;
}

}  // namespace

Result<Guid> parse_guid(std::string_view text) noexcept {
  text = text::trim(text);
  if (text.size() >= 2 && text.front() == '{' && text.back() == '}') {
    text = text::trim(text.substr(1, text.size() - 2));
  }
  if (text.size() == kGuidTextSize) {
    Guid guid;
    if (active_codec_kernels().parse_guid(text.data(), guid.bytes.data())) return guid;
  }
  if (text == "-") return Guid{};
  if (text == "::") return broadcast();
  if (text.starts_with("-:")) return filled(0x00, text.substr(2), ":,");
  if (text.starts_with("::") || text.starts_with("*:")) return filled(0xff, text.substr(2), ":");
  if (equal_no_case(text, kLongBroadcast)) return broadcast();
  if (const std::size_t gap = text.find("::"); gap != std::string_view::npos) {
    return zeros_between(text.substr(0, gap), text.substr(gap + 2));
  }
  Groups groups;
  if (!add_groups(text, ":-", groups) || groups.count != groups.bytes.size()) return std::unexpected(Errc::kBadGuid);
  return Guid{.bytes = groups.bytes};
}

char* format_guid(const Guid& guid, char* out) noexcept {
  active_codec_kernels().format_guid(guid.bytes.data(), out);
  return out + kGuidTextSize;
}

std::string to_string(const Guid& guid) {
  std::string text(kGuidTextSize, '\0');
  format_guid(guid, text.data());
  return text;
}

}  // namespace vscp
