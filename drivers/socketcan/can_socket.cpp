#include "drivers/socketcan/can_socket.h"

#include <linux/can/error.h>
#include <linux/can/raw.h>
#include <linux/ethtool.h>
#include <linux/net_tstamp.h>
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "router/base/fd.h"

namespace drivers::socketcan {
namespace {

// A few frames in the kernel keep the bus busy; all others wait here, where a more urgent one still comes before them.
// The kernel rounds it up to what it needs at least: 5 or 6 frames.
constexpr int kSendBuffer = 1;

template <typename Value>
bool set(int socket, int level, int option, const Value& value) noexcept {
  return ::setsockopt(socket, level, option, &value, sizeof(value)) == 0;
}

std::string problem(const std::string& what) {
  return what + ": " + std::strerror(errno);
}

constexpr unsigned kHardwareStamps = SOF_TIMESTAMPING_RX_HARDWARE | SOF_TIMESTAMPING_RAW_HARDWARE;

/// Whether the controller stamps what it receives by a clock of its own.
bool has_clock(int socket, const std::string& device) noexcept {
  ethtool_ts_info info{};
  info.cmd = ETHTOOL_GET_TS_INFO;
  ifreq request{};
  device.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_data = reinterpret_cast<char*>(&info);
  return ::ioctl(socket, SIOCETHTOOL, &request) == 0 && (info.so_timestamping & kHardwareStamps) == kHardwareStamps;
}

std::string set_options(int socket, const SocketSettings& settings) {
  const can_filter filter = settings.filter.value_or(can_filter{});
  if (::setsockopt(socket, SOL_CAN_RAW, CAN_RAW_FILTER, &filter, settings.filter ? sizeof(filter) : 0) != 0)
    return problem("its filter cannot be set");
  if (!set(socket, SOL_CAN_RAW, CAN_RAW_ERR_FILTER, can_err_mask_t{CAN_ERR_MASK}))
    return problem("error frames cannot be had");
  if (settings.fd && !set(socket, SOL_CAN_RAW, CAN_RAW_FD_FRAMES, 1)) return problem("FD frames cannot be had");
  const int bytes = static_cast<int>(settings.receive_buffer);
  // Beyond net.core.rmem_max with CAP_NET_ADMIN only.
  if (!set(socket, SOL_SOCKET, SO_RCVBUFFORCE, bytes)) set(socket, SOL_SOCKET, SO_RCVBUF, bytes);
  set(socket, SOL_SOCKET, SO_SNDBUF, kSendBuffer);
  set(socket, SOL_SOCKET, SO_RXQ_OVFL, 1);
  // The kernel's own time costs less alone.
  constexpr unsigned kStamps = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE | kHardwareStamps;
  if (!has_clock(socket, settings.device) || !set(socket, SOL_SOCKET, SO_TIMESTAMPING, kStamps)) {
    set(socket, SOL_SOCKET, SO_TIMESTAMPNS, 1);
  }
  return {};
}

}  // namespace

std::expected<int, std::string> open_can_socket(const SocketSettings& settings, const LinkInfo& link) {
  router::UniqueFd socket(::socket(AF_CAN, SOCK_RAW | SOCK_CLOEXEC, CAN_RAW));
  if (socket.get() < 0) return std::unexpected(problem("there are no CAN sockets (modprobe can-raw)"));
  if (std::string wrong = set_options(socket.get(), settings); !wrong.empty()) return std::unexpected(std::move(wrong));
  sockaddr_can address{};
  address.can_family = AF_CAN;
  address.can_ifindex = link.index;
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    return std::unexpected(problem("a socket cannot be bound to it"));
  return socket.release();
}

int SocketSender::send(int socket, std::span<const WaitingFrame* const> frames) noexcept {
  std::array<iovec, kSendBatch> ranges;
  std::array<mmsghdr, kSendBatch> messages;
  const std::size_t count = std::min(frames.size(), kSendBatch);
  for (std::size_t i = 0; i < count; ++i) {
    ranges[i] = {const_cast<std::uint8_t*>(frames[i]->bytes.data()), frames[i]->size};
    messages[i] = {};
    messages[i].msg_hdr.msg_iov = &ranges[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  const int sent = ::sendmmsg(socket, messages.data(), static_cast<unsigned>(count), MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent < 0 ? -errno : sent;
}

std::optional<std::uint32_t> lost_frames(int socket) noexcept {
  std::array<std::uint32_t, SK_MEMINFO_VARS> memory{};
  socklen_t size = sizeof(memory);
  if (::getsockopt(socket, SOL_SOCKET, SO_MEMINFO, memory.data(), &size) != 0) return std::nullopt;
  if (size <= SK_MEMINFO_DROPS * sizeof(memory[0])) return std::nullopt;
  return memory[SK_MEMINFO_DROPS];
}

}  // namespace drivers::socketcan
