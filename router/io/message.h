// A message of a datagram or CAN socket as Ring::start_recv_messages() gives it: who sent it, what the kernel says of it, what it is.
//
// Pure functions on the bytes that the kernel wrote; views into them.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace router {

/// Room in each receive buffer, in bytes: for the sender's address, for control messages (time stamps, drop counts, the address that it was sent
/// to), and for the message itself. A longer message is cut, and says so.
inline constexpr std::size_t kMessageNameMax = 32;
inline constexpr std::size_t kMessageControlMax = 192;
inline constexpr std::size_t kMessageHead = 16;  ///< the kernel's own: struct io_uring_recvmsg_out
inline constexpr std::size_t kMessageBuffer = 2048;
inline constexpr std::size_t kMessagePayloadMax = kMessageBuffer - kMessageHead - kMessageNameMax - kMessageControlMax;

struct Message {
  std::span<const char> name;     ///< a socket address (sockaddr_in, sockaddr_can, ...), possibly empty
  std::span<const char> control;  ///< control messages, for for_each_control()
  std::span<const char> payload;
  bool truncated = false;  ///< it was longer than kMessagePayloadMax
};

/// `bytes`: Completion::bytes of a receive of messages. Too few of them give an empty message that says that it was cut.
inline Message split_message(std::span<const char> bytes) noexcept {
  constexpr std::size_t kPayloadAt = kMessageHead + kMessageNameMax + kMessageControlMax;
  Message out;
  if (bytes.size() < kPayloadAt) {
    out.truncated = true;
    return out;
  }
  std::uint32_t head[4];  // length of name, of control, of payload (all of it, if it was cut), flags
  std::memcpy(head, bytes.data(), sizeof(head));
  const auto least = [](std::size_t a, std::size_t b) { return a < b ? a : b; };
  out.name = bytes.subspan(kMessageHead, least(head[0], kMessageNameMax));
  out.control = bytes.subspan(kMessageHead + kMessageNameMax, least(head[1], kMessageControlMax));
  out.payload = bytes.subspan(kPayloadAt);
  out.truncated = (head[3] & MSG_TRUNC) != 0;
  return out;
}

/// The address in `name` (zero beyond it).
inline sockaddr_storage address_of(const Message& message) noexcept {
  static_assert(kMessageNameMax <= sizeof(sockaddr_storage));
  sockaddr_storage out{};
  if (!message.name.empty()) std::memcpy(&out, message.name.data(), message.name.size());
  return out;
}

/// Calls visit(level, type, data) for each control message.
template <typename Visit>
void for_each_control(std::span<const char> control, const Visit& visit) noexcept {
  while (control.size() >= sizeof(cmsghdr)) {
    cmsghdr head;
    std::memcpy(&head, control.data(), sizeof(head));
    if (head.cmsg_len < CMSG_LEN(0) || head.cmsg_len > control.size()) return;
    visit(head.cmsg_level, head.cmsg_type, control.subspan(CMSG_LEN(0), head.cmsg_len - CMSG_LEN(0)));
    const std::size_t step = CMSG_ALIGN(head.cmsg_len);
    if (step >= control.size()) return;
    control = control.subspan(step);
  }
}

}  // namespace router
