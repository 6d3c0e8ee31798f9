// Filter and mask over priority, class, type and GUID. Spec: vscp_tcpiplink.md#tcpip-setfilter, #tcpip-setmask.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
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

  bool matches(const Event& event) const noexcept {
    const unsigned fields = (static_cast<unsigned>(filter_priority ^ event.priority()) & mask_priority) |
                            (static_cast<unsigned>(filter_class ^ event.vscp_class) & mask_class) |
                            (static_cast<unsigned>(filter_type ^ event.vscp_type) & mask_type);
    return (fields | guid_difference(event.guid)) == 0;
  }
  /// Whether some event of this class may pass: the class part of the test alone.
  bool may_match_class(std::uint16_t vscp_class) const noexcept {
    return ((filter_class ^ vscp_class) & mask_class) == 0;
  }
  /// The same filter with every bit cleared that its mask ignores, so that equal behaviour compares equal.
  Filter canonical() const noexcept;
  bool operator==(const Filter&) const noexcept = default;

 private:
  std::uint64_t guid_difference(const Guid& guid) const noexcept {
    std::uint64_t difference = 0;
    for (std::size_t half = 0; half < 2; ++half) {
      std::uint64_t words[3];
      const std::size_t at = half * sizeof(std::uint64_t);
      std::memcpy(&words[0], filter_guid.bytes.data() + at, sizeof(std::uint64_t));
      std::memcpy(&words[1], guid.bytes.data() + at, sizeof(std::uint64_t));
      std::memcpy(&words[2], mask_guid.bytes.data() + at, sizeof(std::uint64_t));
      difference |= (words[0] ^ words[1]) & words[2];
    }
    return difference;
  }
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
