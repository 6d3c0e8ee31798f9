// CAN_RAW sockets: how one is opened, and what is asked of one besides receiving.
//
// Opening and closing one waits for the kernel's lock of all interfaces, which somebody who configures a slow card may
// hold for long: never on a worker. send_frames() and lost_frames() do not block.
#pragma once

#include <linux/can.h>

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>

#include "drivers/socketcan/link_message.h"
#include "drivers/socketcan/transmit_queue.h"

namespace drivers::socketcan {

struct SocketSettings {
  std::string device;
  bool fd = false;
  std::optional<can_filter> filter;  ///< of events; nothing: none are received
  std::uint32_t receive_buffer = 0;  ///< bytes
};

/// A socket that is bound to the interface, or a sentence. The descriptor blocks: the ring waits with it.
std::expected<int, std::string> open_can_socket(const SocketSettings& settings, const LinkInfo& link);

/// How frames go out; tests have their own.
class FrameSender {
 public:
  virtual ~FrameSender() = default;
  /// Gives the frames to the socket in their order until one is not taken. Returns how many were, or -errno of the
  /// first.
  virtual int send(int socket, std::span<const WaitingFrame* const> frames) noexcept = 0;
};
inline constexpr std::size_t kSendBatch = 64;

class SocketSender final : public FrameSender {
 public:
  int send(int socket, std::span<const WaitingFrame* const> frames) noexcept override;
};

/// Frames that the socket has lost since it was opened because its buffer was full.
std::optional<std::uint32_t> lost_frames(int socket) noexcept;

}  // namespace drivers::socketcan
