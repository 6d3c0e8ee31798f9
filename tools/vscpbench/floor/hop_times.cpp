// How long one event takes from a socket to another: writes it, waits until a line about it comes, again and again.
// bench/can_bench.py gives it sockets that lead through the router, and a pipe from candump.
//
// usage: hop_times can|link FD_OUT FD_IN COUNT PERIOD_US        writes the times in nanoseconds, one a line
//   can: FD_OUT is a CAN_RAW socket; link: a session that may SEND. FD_IN gives one line for each event; lines that
//   begin with '+' are none.
#include <linux/can.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;
constexpr std::int64_t kWaitNs = 5 * kSecondNs;

std::int64_t now_ns() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * kSecondNs + time.tv_nsec;
}

/// Counts lines that are about events, wherever reads cut them.
class Lines {
 public:
  /// Reads once; false at the end or when nothing comes in time.
  bool read_some(int descriptor, std::int64_t wait_ns = kWaitNs) {
    pollfd waiting{.fd = descriptor, .events = POLLIN, .revents = 0};
    const timespec wait{.tv_sec = wait_ns / kSecondNs, .tv_nsec = wait_ns % kSecondNs};
    if (ppoll(&waiting, 1, &wait, nullptr) <= 0) return false;
    std::array<char, 4096> bytes;
    const ssize_t size = read(descriptor, bytes.data(), bytes.size());
    if (size <= 0) return false;
    for (const char byte : std::string_view(bytes.data(), static_cast<std::size_t>(size))) {
      if (byte == '\n') {
        ++(is_event_ ? events_ : replies_);
        begins_ = true;
      } else if (begins_) {
        is_event_ = byte != '+';
        begins_ = false;
      }
    }
    return true;
  }
  int events() const { return events_; }
  int replies() const { return replies_; }

 private:
  int events_ = 0;
  int replies_ = 0;
  bool begins_ = true;
  bool is_event_ = false;
};

bool send_event(bool can, int descriptor) {
  if (can) {
    can_frame frame{};
    frame.can_id = 0x0C140301U | CAN_EFF_FLAG;  // priority 3, class 20, type 3, nickname 1
    frame.can_dlc = 3;
    return write(descriptor, &frame, sizeof(frame)) == sizeof(frame);
  }
  static constexpr std::string_view kLine = "SEND 96,20,3,0,,,-,0,0,0\r\n";
  return send(descriptor, kLine.data(), kLine.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(kLine.size());
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 6) return 2;
  const bool can = std::strcmp(arguments[1], "can") == 0;
  const int out = std::atoi(arguments[2]);
  const int in = std::atoi(arguments[3]);
  const int events = std::atoi(arguments[4]);
  const std::int64_t period_ns = std::atoi(arguments[5]) * 1000LL;
  std::vector<std::int64_t> times;
  times.reserve(static_cast<std::size_t>(events));
  Lines lines;
  Lines replies;
  std::int64_t due_ns = now_ns();
  for (int i = 0; i < events; ++i) {
    while (now_ns() < due_ns)
      lines.read_some(in, std::max<std::int64_t>(due_ns - now_ns(), 0));  // signs of life at most
    const std::int64_t began_ns = now_ns();
    if (!send_event(can, out)) return 3;
    while (lines.events() <= i) {
      if (!lines.read_some(in)) return 4;
    }
    times.push_back(now_ns() - began_ns);
    while (!can && replies.replies() <= i) {
      if (!replies.read_some(out)) return 5;
    }
    due_ns = std::max(due_ns + period_ns, now_ns());
  }
  for (const std::int64_t time : times) std::printf("%lld\n", static_cast<long long>(time));
  return 0;
}
