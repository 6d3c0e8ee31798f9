// Filter and mask over priority, class, type and GUID. Spec: vscp_tcpiplink.md#tcpip-setfilter, #tcpip-setmask.
#pragma once

#include <cstdint>
#include <string_view>

#include "protocol/event.h"

namespace vscp {

/// An event passes if for every field (filter ^ value) & mask == 0. All-zero masks let everything pass.
struct Filter {
  std::uint8_t filter_priority = 0;
  std::uint8_t mask_priority = 0;
  std::uint16_t filter_class = 0;
  std::uint16_t mask_class = 0;
  std::uint16_t filter_type = 0;
  std::uint16_t mask_type = 0;
  Guid filter_guid{};
  Guid mask_guid{};

  bool matches(const Event& event) const noexcept;
  /// Whether some event of this class may pass: the class part of the test alone.
  bool may_match_class(std::uint16_t vscp_class) const noexcept {
    return ((filter_class ^ vscp_class) & mask_class) == 0;
  }
  /// The same filter with every bit cleared that its mask ignores, so that equal behaviour compares equal.
  Filter canonical() const noexcept;
  bool operator==(const Filter&) const noexcept = default;
};

/// One half of a filter as the link commands and configuration give it: "priority,class,type,GUID[,index]".
struct FilterHalf {
  std::uint8_t priority = 0;
  std::uint16_t vscp_class = 0;
  std::uint16_t vscp_type = 0;
  Guid guid{};
  std::uint32_t index = 0;  ///< fifth field, 0 if absent
};

/// Errors: kMissingField, kBadNumber, kNumberRange, kBadGuid. An empty GUID, and "-", are all zero.
Result<FilterHalf> parse_filter_half(std::string_view text) noexcept;

}  // namespace vscp
