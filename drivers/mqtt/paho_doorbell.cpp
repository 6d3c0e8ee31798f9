#include "drivers/mqtt/paho_doorbell.h"

#include <MQTTAsync.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>

#include "drivers/mqtt/hidden_socket.h"
#include "router/base/log.h"

namespace drivers::mqtt {
namespace {

constexpr int kConnectMs = 5'000;
constexpr int kAwakeMs = 900;  // less than the second that the receiving thread waits
constexpr std::array<std::uint8_t, 4> kConnack{0x20, 2, 0, 0};
constexpr std::array<std::uint8_t, 2> kPingresp{0xd0, 0};

std::mutex mutex;  ///< between the end of one and the making of the next
std::weak_ptr<PahoDoorbell> current;

/// On a free port of the loopback interface; none if there is no such thing.
router::UniqueFd listen_on_loopback(std::uint16_t& port) {
  router::UniqueFd out(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* plain = reinterpret_cast<sockaddr*>(&address);
  if (!out.valid() || ::bind(out.get(), plain, size) != 0 || ::listen(out.get(), 4) != 0 ||
      ::getsockname(out.get(), plain, &size) != 0)
    return {};
  port = ntohs(address.sin_port);
  return out;
}

}  // namespace

std::shared_ptr<PahoDoorbell> PahoDoorbell::shared() {
  const std::lock_guard lock(mutex);
  auto out = current.lock();
  if (out == nullptr) {
    out.reset(std::make_unique<PahoDoorbell>(Key{}).release(), [](PahoDoorbell* bell) {
      const std::lock_guard end_lock(mutex);
      const std::unique_ptr<PahoDoorbell> last(bell);
    });
    current = out;
  }
  return out;
}

PahoDoorbell::PahoDoorbell(Key)
    : listener_(listen_on_loopback(port_)), stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  MQTTAsync_createOptions options = MQTTAsync_createOptions_initializer;
  options.MQTTVersion = MQTTVERSION_3_1_1;
  // Without a connection it takes messages all the same, and keeps the newest.
  options.sendWhileDisconnected = 1;
  options.allowDisconnectedSendAtAnyTime = 1;
  options.maxBufferedMessages = 1;
  options.deleteOldestMessages = 1;
  const std::string uri = "tcp://127.0.0.1:" + std::to_string(port_);
  if (MQTTAsync_createWithOptions(&handle_, uri.c_str(), "doorbell", MQTTCLIENT_PERSISTENCE_NONE, nullptr, &options) !=
      MQTTASYNC_SUCCESS)
    handle_ = nullptr;
  if (handle_ != nullptr && listener_.valid() && stop_.valid()) thread_ = std::thread([this] { run(); });
}

PahoDoorbell::~PahoDoorbell() {
  if (thread_.joinable()) {
    ::eventfd_write(stop_.get(), 1);
    thread_.join();
  }
  if (handle_ != nullptr) MQTTAsync_destroy(&handle_);
}

bool PahoDoorbell::ring() noexcept {
  const bool rung = handle_ != nullptr && MQTTAsync_send(handle_, "x", 0, "", 0, 0, nullptr) == MQTTASYNC_SUCCESS;
  const std::lock_guard lock(mutex_);
  if (broker_end_.valid()) tell(broker_end_.get());
  return rung;
}

bool PahoDoorbell::is_connected() const {
  const std::lock_guard lock(mutex_);
  return broker_end_.valid();
}

void PahoDoorbell::run() {
  pthread_setname_np(pthread_self(), "vr-mqtt-bell");
  MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer;
  options.keepAliveInterval = 0;
  options.MQTTVersion = MQTTVERSION_3_1_1;
  options.connectTimeout = kConnectMs / 1000;
  router::UniqueFd ours;
  if (MQTTAsync_connect(handle_, &options) == MQTTASYNC_SUCCESS) ours = accept_ours();
  listener_.reset();
  // Whatever its CONNECT says.
  if (!ours.valid() || !wait_for(ours.get(), kConnectMs) ||
      ::send(ours.get(), kConnack.data(), kConnack.size(), MSG_NOSIGNAL) != ssize_t{kConnack.size()}) {
    if (!wait_for(stop_.get(), 0)) {
      router::log(router::LogLevel::kWarn, router::LogKind::kOnce,
                  "mqtt: no loopback connection to the MQTT library: messages may be up to a second late");
    }
    return;
  }
  const int fd = ours.get();
  {
    const std::lock_guard lock(mutex_);
    broker_end_ = std::move(ours);
  }
  while (!wait_for(stop_.get(), kAwakeMs)) tell(fd);
}

router::UniqueFd PahoDoorbell::accept_ours() const {
  for (;;) {
    if (!wait_for(listener_.get(), kConnectMs)) return {};
    router::UniqueFd out(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    sockaddr_in peer{};
    socklen_t size = sizeof(peer);
    if (!out.valid() || ::getpeername(out.get(), reinterpret_cast<sockaddr*>(&peer), &size) != 0) continue;
    HiddenSocket library_end;
    if (library_end.find(port_) && library_end.local_port() == ntohs(peer.sin_port)) return out;
  }
}

bool PahoDoorbell::wait_for(int fd, int timeout_ms) const noexcept {
  std::array<pollfd, 2> fds{{{fd, POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
  if (::poll(fds.data(), fds.size(), timeout_ms) <= 0) return false;
  return fds[0].revents != 0 && (fd == stop_.get() || fds[1].revents == 0);
}

void PahoDoorbell::tell(int fd) const noexcept {
  std::array<std::uint8_t, 1024> unread;
  while (::recv(fd, unread.data(), unread.size(), MSG_DONTWAIT) > 0) {
  }
  // Full: then the library has enough to look at.
  static_cast<void>(::send(fd, kPingresp.data(), kPingresp.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
}

}  // namespace drivers::mqtt
