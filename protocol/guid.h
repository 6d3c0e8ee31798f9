// The 16-byte GUID and its textual forms. Spec: vscp_globally_unique_identifiers.md.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/errc.h"

namespace vscp {

/// Value type; bytes[0] is the most significant byte, as written first in text and sent first in frames.
struct Guid {
  std::array<std::uint8_t, 16> bytes{};

  constexpr bool is_zero() const noexcept {
    for (const auto byte : bytes) {
      if (byte != 0) return false;
    }
    return true;
  }
  constexpr auto operator<=>(const Guid&) const noexcept = default;
};

/// Characters of the canonical form "FF:FF:...:01" (upper case, 16 pairs), without a terminator.
inline constexpr std::size_t kGuidTextSize = 47;

/// Reads any form of the spec: 16 hex groups with ':' (a group has one or two digits), grouped hex pairs
/// ("0102:03aa"), UUID with '-', the same in braces, "::" and "::1" (leading 0xFF), "FF:21::22:32" (zeros in the
/// middle), "*:1" (leading 0xFF), "-" (all zero), "-:1,2,3" (leading zeros). Either case. Blanks around are allowed.
/// The spec gives "::" at the front two meanings; see protocol/README.md for the one taken.
/// Errors: kBadGuid.
Result<Guid> parse_guid(std::string_view text) noexcept;

/// Writes kGuidTextSize characters at `out`, no terminator; returns the position after the last one.
char* format_guid(const Guid& guid, char* out) noexcept;

std::string to_string(const Guid& guid);

}  // namespace vscp
