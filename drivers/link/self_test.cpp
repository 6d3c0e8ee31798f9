#include "drivers/link/self_test.h"

#include <array>
#include <vector>

#include "protocol/crc.h"
#include "protocol/event_line.h"
#include "protocol/frame.h"
#include "router/base/random.h"

namespace drivers::link {
namespace {

vscp::Event sample_event() {
  vscp::Event event;
  event.time_ns = 1'767'323'045'000'000'000ULL;
  event.timestamp_us = 1000;
  event.guid.bytes[15] = 1;
  event.vscp_class = 10;
  event.vscp_type = 6;
  event.data_size = vscp::kEventDataSpec;
  for (std::size_t i = 0; i < event.data_size; ++i) event.data[i] = static_cast<std::uint8_t>(i);
  return event;
}

bool text_codec(router::Worker&) {
  const vscp::Event event = sample_event();
  std::vector<char> line(vscp::kEventLineMax);
  vscp::DateCache dates;
  const std::size_t size = vscp::encode_event_line(event, vscp::LineFormat::kLegacy, dates, line.data());
  vscp::Event back;
  return vscp::decode_event_line({line.data(), size - 2}, back).has_value() && back == event;
}

bool binary_codec(router::Worker&) {
  const vscp::Event event = sample_event();
  std::vector<std::uint8_t> frame(vscp::kEventFrameMax);
  const std::size_t size = vscp::encode_event_frame(event, vscp::FrameType::kEvent1, frame.data());
  vscp::Event back;
  if (!vscp::decode_event_frame({frame.data(), size}, back)) return false;
  back.timestamp_us = event.timestamp_us;  // a frame of type 1 carries nanoseconds only
  return back == event;
}

bool checksum(router::Worker&) {
  constexpr std::array<std::uint8_t, 9> kDigits{'1', '2', '3', '4', '5', '6', '7', '8', '9'};
  return vscp::crc16_ccitt(kDigits) == 0x29b1;
}

bool random_source(router::Worker&) {
  router::SystemRandom random;
  return random.next() != random.next();
}

bool event_pool(router::Worker& worker) {
  router::EventBuf* event = worker.pool().try_acquire();
  if (event == nullptr) return false;
  worker.pool().give_back(event);
  return worker.pool().in_use() <= worker.pool().capacity();
}

struct SelfTest {
  std::string_view name;
  bool (*run)(router::Worker&);
};

constexpr std::array<SelfTest, 5> kTests{{
    {"text-codec", &text_codec},
    {"binary-codec", &binary_codec},
    {"crc", &checksum},
    {"random", &random_source},
    {"event-pool", &event_pool},
}};

}  // namespace

bool run_self_tests(std::string_view which, router::Worker& worker, std::string& text, bool& good) {
  bool found = false;
  for (std::size_t i = 0; i < kTests.size(); ++i) {
    const std::string number = std::to_string(i + 1);
    if (!which.empty() && which != number && which != kTests[i].name) continue;
    found = true;
    const bool passed = kTests[i].run(worker);
    good = good && passed;
    ((text += number + " ") += kTests[i].name) += passed ? " passed\r\n" : " FAILED\r\n";
  }
  return found;
}

}  // namespace drivers::link
