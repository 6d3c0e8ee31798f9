#include "drivers/socketcan/receive_filter.h"

#include "protocol/can_id.h"

namespace drivers::socketcan {
namespace {

constexpr std::size_t kNicknameByte = 15;
constexpr unsigned kPriorityBits = 7;
constexpr unsigned kClassBits = 0x1ff;
constexpr unsigned kTypeBits = 0xff;

}  // namespace

std::optional<can_filter> receive_filter(const vscp::Filter& filter, const vscp::Guid& interface_guid) noexcept {
  // Bits that no frame has are zero in every event.
  const unsigned never = (filter.filter_priority & filter.mask_priority & ~kPriorityBits) |
                         (filter.filter_class & filter.mask_class & ~kClassBits) |
                         (filter.filter_type & filter.mask_type & ~kTypeBits);
  unsigned other_guid = 0;
  for (std::size_t i = 0; i < kNicknameByte; ++i) {
    other_guid |=
        static_cast<unsigned>(filter.filter_guid.bytes[i] ^ interface_guid.bytes[i]) & filter.mask_guid.bytes[i];
  }
  if (never != 0 || other_guid != 0) return std::nullopt;
  const auto bits = [](unsigned priority, unsigned vscp_class, unsigned vscp_type, unsigned nickname) {
    return vscp::pack_can_id({.priority = static_cast<std::uint8_t>(priority & kPriorityBits),
                              .vscp_class = static_cast<std::uint16_t>(vscp_class & kClassBits),
                              .vscp_type = static_cast<std::uint8_t>(vscp_type & kTypeBits),
                              .nickname = static_cast<std::uint8_t>(nickname)});
  };
  const std::uint32_t mask =
      bits(filter.mask_priority, filter.mask_class, filter.mask_type, filter.mask_guid.bytes[kNicknameByte]);
  const std::uint32_t id =
      bits(filter.filter_priority, filter.filter_class, filter.filter_type, filter.filter_guid.bytes[kNicknameByte]);
  return can_filter{.can_id = (id & mask) | CAN_EFF_FLAG, .can_mask = mask | CAN_EFF_FLAG | CAN_RTR_FLAG};
}

}  // namespace drivers::socketcan
