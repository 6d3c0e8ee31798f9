#include "protocol/can_id.h"

#include <cstring>

namespace vscp {
namespace {

constexpr std::uint16_t kLevel1Classes = 512;  // classes 0..511; 512..1023 are the same with a destination GUID
constexpr std::uint16_t kMirroredEnd = 1024;
constexpr std::size_t kDestinationSize = 16;
constexpr std::size_t kNicknameByte = 15;

}  // namespace

std::uint32_t pack_can_id(const CanId& id) noexcept {
  return static_cast<std::uint32_t>(id.priority & 7U) << 26U | static_cast<std::uint32_t>(id.hard_coded) << 25U |
         static_cast<std::uint32_t>(id.vscp_class & 0x1ffU) << 16U | static_cast<std::uint32_t>(id.vscp_type) << 8U |
         id.nickname;
}

CanId unpack_can_id(std::uint32_t id) noexcept {
  return {.priority = static_cast<std::uint8_t>((id >> 26U) & 7U),
          .hard_coded = ((id >> 25U) & 1U) != 0,
          .vscp_class = static_cast<std::uint16_t>((id >> 16U) & 0x1ffU),
          .vscp_type = static_cast<std::uint8_t>((id >> 8U) & 0xffU),
          .nickname = static_cast<std::uint8_t>(id & 0xffU)};
}

Result<void> can_to_event(const CanFrame& frame, const Guid& interface_guid, Event& event) noexcept {
  if (!frame.extended || frame.remote || frame.error || !is_can_size(frame.size, frame.fd)) {
    return std::unexpected(Errc::kNotVscpFrame);
  }
  const CanId id = unpack_can_id(frame.id);
  event.time_ns = 0;
  event.timestamp_us = 0;
  event.obid = 0;
  event.guid = interface_guid;
  event.guid.bytes[kNicknameByte] = id.nickname;
  event.head = static_cast<std::uint16_t>(static_cast<unsigned>(id.priority) << 5U |
                                          (id.hard_coded ? unsigned{kHeadHardCoded} : 0U));
  event.vscp_class = id.vscp_class;
  event.vscp_type = id.vscp_type;
  event.data_size = frame.size;
  std::memcpy(event.data.data(), frame.data, frame.size);
  return {};
}

Result<CanFrame> event_to_can(const Event& event, bool fd) noexcept {
  const bool mirrored = event.vscp_class >= kLevel1Classes;
  const std::size_t skipped = mirrored ? kDestinationSize : 0;
  if (event.vscp_class >= kMirroredEnd || event.vscp_type > 0xff || event.data_size < skipped ||
      !is_can_size(event.data_size - skipped, fd)) {
    return std::unexpected(Errc::kNotLevel1);
  }
  CanFrame frame;
  frame.id = pack_can_id({.priority = event.priority(),
                          .hard_coded = (event.head & kHeadHardCoded) != 0,
                          .vscp_class = static_cast<std::uint16_t>(event.vscp_class - (mirrored ? kLevel1Classes : 0)),
                          .vscp_type = static_cast<std::uint8_t>(event.vscp_type),
                          .nickname = event.guid.bytes[kNicknameByte]});
  frame.size = static_cast<std::uint8_t>(event.data_size - skipped);
  frame.fd = frame.size > kCanDataMax;
  std::memcpy(frame.data, event.data.data() + skipped, frame.size);
  return frame;
}

}  // namespace vscp
