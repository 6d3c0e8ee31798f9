// What the payload tests share: events by hand, and payloads as text.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "drivers/mqtt/payload.h"

namespace drivers::mqtt::test {

inline constexpr std::uint64_t kNow = 1'795'000'000'000'000'123ULL;

inline vscp::Guid guid_of(std::string_view text) {
  return vscp::parse_guid(text).value();
}

/// 2025-12-02T03:04:05.123456000Z, with everything set.
inline vscp::Event full_event(std::initializer_list<std::uint8_t> data = {1, 2, 3}) {
  vscp::Event event;
  event.time_ns = 1'764'644'645'123'456'000ULL;
  event.timestamp_us = 1000;
  event.obid = 7;
  event.guid = guid_of("FF:FF:FF:FF:FF:FF:FF:FE:5C:CF:7F:C4:1E:7B:00:08");
  event.head = 0x60;
  event.vscp_class = 20;
  event.vscp_type = 3;
  event.data_size = static_cast<std::uint16_t>(data.size());
  std::ranges::copy(data, event.data.begin());
  return event;
}

inline std::string encoded(const vscp::Event& event, const PayloadStyle& style) {
  static char out[kPayloadWriteMax];
  vscp::DateCache dates;
  return {out, encode_payload(event, style, dates, out)};
}

inline std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

struct Read {
  vscp::Result<PayloadHints> hints;
  vscp::Event event;
  vscp::Errc error() const { return hints ? vscp::Errc{} : hints.error(); }
};

inline Read read(std::string_view payload, PayloadFormat format = PayloadFormat::kAuto,
                 const TopicDefaults& defaults = {}) {
  static PayloadDecoder decoder;
  Read result;
  result.hints = decoder.decode(bytes_of(payload), format, defaults, kNow, result.event);
  return result;
}

}  // namespace drivers::mqtt::test
