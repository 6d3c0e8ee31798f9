#include "tests/unit/link_client/remote_rig.h"

#include <array>

#include "router/base/check.h"

namespace link_client_test {

using drivers::link_client::Remote;
using drivers::link_client::RemoteConfig;

router::SimFaults RemoteRig::no_faults() {
  router::SimFaults faults;
  faults.short_recv = 0;
  faults.short_send = 0;
  faults.multishot_end = 0;
  faults.delay = 0;
  faults.accept_error = 0;
  faults.cancel_loses = 0;
  return faults;
}

RemoteRig::RemoteRig(const std::function<void(RemoteConfig&)>& set_up, const router::SimFaults& faults,
                     std::uint64_t seed)
    : net_(seed, clock_, faults) {
  router::RouterSettings settings;
  settings.worker.fanout.log_bytes = 8U << 20U;
  settings.worker.out_blocks = 4096;
  settings.worker.held_inputs = 64;
  settings.guid.bytes[0] = 0xff;
  std::string error;
  router_ = router::Router::make(
      settings, clock_,
      [this](std::string&) {
        auto ring = std::make_unique<router::SimRing>(net_, router::SimRingSettings{}, nullptr);
        ring_ = ring.get();
        return ring;
      },
      error);
  VR_ASSERT(router_ != nullptr);
  listener_ = net_.listen();
  addresses_.addresses = {net_.address_of(listener_)};
  RemoteConfig config;
  config.name = "far";
  config.host = "far";
  if (set_up) set_up(config);
  remote_ = std::make_unique<Remote>(*router_, worker(), config, addresses_, seed);
  VR_ASSERT(remote_->open());
  if (config.tls) remote_->set_tls(*router::TlsContext::make(*config.tls));
}

// As the daemon ends: drain, then what is left is closed.
RemoteRig::~RemoteRig() {
  remote_->drain(kSecond / 10);
  VR_ASSERT(pass_until([this] { return remote_->is_ending(); }, kSecond));
  pass_time(200 * kMillisecond);
  remote_->abort();
  VR_ASSERT(pass_until([this] { return remote_->channel == router::kNoChannel; }, kSecond));
  VR_ASSERT(worker().pool().in_use() == 0 && worker().out_blocks().taken() == 0 && ring_->operation_count() == 0);
}

void RemoteRig::start() {
  remote_->start();
  settle();
  pass_time(2 * kMillisecond);  // of the timer that begins
}

void RemoteRig::turn() {
  worker().run_once(false);
}

void RemoteRig::settle() {
  int quiet = 0;
  for (int turns = 0; quiet < 3; ++turns) {
    VR_ASSERT(turns < 100'000);
    const std::uint64_t before = net_.trace();
    turn();
    const std::uint64_t next_ns = ring_->next_progress_ns();
    const std::uint64_t now_ns = clock_.monotonic_ns();
    const bool waits = next_ns != ~std::uint64_t{0} && next_ns > now_ns;
    if (waits) clock_.advance(next_ns - now_ns);
    quiet = before == net_.trace() && !waits && !worker().inbox().has_more() ? quiet + 1 : 0;
  }
}

void RemoteRig::pass_time(std::uint64_t nanoseconds) {
  clock_.advance(nanoseconds);
  settle();
}

bool RemoteRig::pass_until(const std::function<bool()>& done, std::uint64_t patience_ns) {
  const std::uint64_t end_ns = clock_.monotonic_ns() + patience_ns;
  settle();
  while (!done()) {
    if (clock_.monotonic_ns() >= end_ns) return false;
    pass_time(10 * kMillisecond);
  }
  return true;
}

router::Socket RemoteRig::accept(std::uint64_t patience_ns) {
  router::Socket far = -1;
  pass_until(
      [&] {
        const int found = net_.accept(listener_);
        if (found >= 0) far = found;
        return far >= 0;
      },
      patience_ns);
  return far;
}

void RemoteRig::say(router::Socket far, std::string_view text) {
  while (!text.empty()) {
    const int sent = net_.send(far, text);
    VR_ASSERT(sent > 0 || sent == -EAGAIN);
    if (sent > 0) text.remove_prefix(static_cast<std::size_t>(sent));
    settle();
  }
}

std::string RemoteRig::heard(router::Socket far) {
  settle();
  std::string text;
  std::array<char, 4096> room;
  for (int got = net_.recv(far, room); got > 0; got = net_.recv(far, room)) {
    text.append(room.data(), static_cast<std::size_t>(got));
    settle();
  }
  return text;
}

router::Socket RemoteRig::accept_receiver(std::string_view channel) {
  const router::Socket far = accept();
  VR_ASSERT(far >= 0);
  VR_ASSERT(talk(far, "Hello\r\n+OK\r\n") == "CHID\r\n");
  VR_ASSERT(talk(far, std::string(channel) + "\r\n+OK\r\n") == "RCVLOOP\r\n");
  say(far, "+OK\r\n");
  return far;
}

router::Socket RemoteRig::accept_sender(std::string_view greeting) {
  const router::Socket far = accept();
  VR_ASSERT(far >= 0);
  say(far, greeting);
  return far;
}

void RemoteRig::publish(std::uint16_t vscp_type, std::uint8_t data, std::uint8_t priority) {
  router::EventBuf* buffer = worker().publisher().try_acquire();
  VR_ASSERT(buffer != nullptr);
  vscp::Event& event = buffer->event;
  event = {};
  event.head = static_cast<std::uint16_t>(priority << 5U);
  event.vscp_class = 20;
  event.vscp_type = vscp_type;
  event.obid = 99;
  event.guid.bytes[15] = 1;
  event.data_size = 1;
  event.data[0] = data;
  event.time_ns = 1'767'323'045 * kSecond;
  event.timestamp_us = data;
  buffer->skip_channel = router::kNoChannel;
  buffer->only_channel = router::kNoChannel;
  worker().publish(buffer);
}

std::string event_line(std::uint32_t number, std::uint32_t obid) {
  return "0,20,3," + std::to_string(obid) + ",2026-01-02T03:04:05Z," + std::to_string(number) +
         ",01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10," + std::to_string(number >> 8U & 0xffU) + ',' +
         std::to_string(number & 0xffU) + "\r\n";
}

}  // namespace link_client_test
