#include "drivers/socketcan/can_message.h"

#include <linux/can.h>
#include <sys/socket.h>
#include <time.h>

#include <cstring>

#include "router/base/check.h"

namespace drivers::socketcan {
namespace {

static_assert(kFrameBytesMax == CANFD_MTU && vscp::kCanFdDataMax == CANFD_MAX_DLEN);
static_assert(offsetof(canfd_frame, data) == offsetof(can_frame, data) &&
              offsetof(canfd_frame, len) == offsetof(can_frame, len));

constexpr std::size_t kStamps = 3;  // struct scm_timestamping: software, (unused), hardware
constexpr std::uint64_t kSecondNs = 1'000'000'000;

std::uint64_t ns_of(const timespec& time) noexcept {
  if (time.tv_sec < 0 || time.tv_nsec < 0 || time.tv_nsec >= static_cast<long>(kSecondNs)) return 0;
  return static_cast<std::uint64_t>(time.tv_sec) * kSecondNs + static_cast<std::uint64_t>(time.tv_nsec);
}

}  // namespace

vscp::Result<vscp::CanFrame> read_frame(std::span<const char> payload) noexcept {
  const bool fd = payload.size() == CANFD_MTU;
  if (!fd && payload.size() != CAN_MTU) return std::unexpected(vscp::Errc::kNotVscpFrame);
  vscp::CanFrame out;
  std::uint32_t id = 0;
  std::memcpy(&id, payload.data(), sizeof(id));
  const auto size = static_cast<std::uint8_t>(payload[offsetof(can_frame, len)]);
  if (!vscp::is_can_size(size, fd)) return std::unexpected(vscp::Errc::kNotVscpFrame);
  out.extended = (id & CAN_EFF_FLAG) != 0;
  out.remote = (id & CAN_RTR_FLAG) != 0;
  out.error = (id & CAN_ERR_FLAG) != 0;
  // What an error frame says lies in the identifier's place.
  out.id = id & (out.extended ? CAN_EFF_MASK : out.error ? CAN_ERR_MASK : CAN_SFF_MASK);
  out.fd = fd;
  out.size = size;
  std::memcpy(out.data, payload.data() + offsetof(can_frame, data), size);
  return out;
}

MessageNotes read_notes(std::span<const char> control) noexcept {
  MessageNotes out;
  router::for_each_control(control, [&out](int level, int type, std::span<const char> data) {
    if (level != SOL_SOCKET) return;
    if (type == SO_TIMESTAMPING && data.size() >= kStamps * sizeof(timespec)) {
      timespec stamps[kStamps];
      std::memcpy(stamps, data.data(), sizeof(stamps));
      out.kernel_ns = ns_of(stamps[0]);
      out.hardware_ns = ns_of(stamps[2]);
    } else if (type == SO_TIMESTAMPNS && data.size() >= sizeof(timespec)) {
      timespec stamp;
      std::memcpy(&stamp, data.data(), sizeof(stamp));
      out.kernel_ns = ns_of(stamp);
    } else if (type == SO_RXQ_OVFL && data.size() >= sizeof(std::uint32_t)) {
      std::uint32_t dropped = 0;
      std::memcpy(&dropped, data.data(), sizeof(dropped));
      out.dropped = dropped;
    }
  });
  return out;
}

std::size_t write_frame(const vscp::CanFrame& frame, bool bit_rate_switch, std::span<std::uint8_t> out) noexcept {
  VR_ASSERT(out.size() >= kFrameBytesMax && vscp::is_can_size(frame.size, frame.fd));
  canfd_frame raw{};
  raw.can_id = frame.id | (frame.extended ? CAN_EFF_FLAG : 0U) | (frame.remote ? CAN_RTR_FLAG : 0U);
  raw.len = frame.size;
  if (frame.fd && bit_rate_switch) raw.flags = CANFD_BRS;
  std::memcpy(raw.data, frame.data, frame.size);
  const std::size_t bytes = frame.fd ? CANFD_MTU : CAN_MTU;
  std::memcpy(out.data(), &raw, bytes);
  return bytes;
}

}  // namespace drivers::socketcan
