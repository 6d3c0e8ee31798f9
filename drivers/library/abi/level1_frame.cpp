#include "drivers/library/abi/level1_frame.h"

#include <cstring>

#include "protocol/can_id.h"

namespace drivers::library {
namespace {

constexpr unsigned long kStandardIdMax = 0x7ff;
constexpr unsigned long kExtendedIdMax = 0x1fff'ffff;
constexpr unsigned long kLinuxErrorFrame = 0x2000'0000;  // in can_id of linux/can.h
constexpr unsigned long kLinuxRemote = 0x4000'0000;
constexpr unsigned long kLinuxExtended = 0x8000'0000;
constexpr unsigned long kLinuxFlags = kLinuxErrorFrame | kLinuxRemote | kLinuxExtended;
constexpr std::size_t kNicknameHighByte = 14;

}  // namespace

FrameKind message_to_event(const CanalMsg& message, const vscp::Guid& interface_guid, vscp::Event& event) noexcept {
  if ((message.flags & kCanalStatusMessage) != 0) return FrameKind::kStatus;
  if ((message.flags & kCanalFd) != 0) return FrameKind::kFd;
  if ((message.flags & kCanalRemote) != 0) return FrameKind::kRemote;
  if ((message.id & ~(kExtendedIdMax | kLinuxFlags)) != 0) return FrameKind::kBadId;
  if ((message.id & kLinuxRemote) != 0) return FrameKind::kRemote;
  if ((message.id & kLinuxErrorFrame) != 0) return FrameKind::kStatus;
  const unsigned long id = message.id & kExtendedIdMax;
  const bool extended =
      (message.flags & kCanalExtended) != 0 || (message.id & kLinuxExtended) != 0 || id > kStandardIdMax;
  if (!extended) return FrameKind::kStandard;
  vscp::CanFrame frame;
  if (message.size > sizeof frame.data) return FrameKind::kBadSize;
  frame.id = static_cast<std::uint32_t>(id);
  frame.size = message.size;
  std::memcpy(frame.data, message.data, message.size);
  if (!vscp::can_to_event(frame, interface_guid, event)) return FrameKind::kBadSize;
  event.guid.bytes[kNicknameHighByte] = 0;
  event.timestamp_us = static_cast<std::uint32_t>(message.timestamp);
  return FrameKind::kEvent;
}

vscp::Result<CanalMsg> event_to_message(const vscp::Event& event) noexcept {
  const auto frame = vscp::event_to_can(event);
  if (!frame) return std::unexpected(frame.error());
  CanalMsg message;
  message.flags = kCanalExtended;
  message.obid = event.obid;
  message.id = frame->id;
  message.size = frame->size;
  std::memcpy(message.data, frame->data, frame->size);
  message.timestamp = event.timestamp_us;
  return message;
}

}  // namespace drivers::library
