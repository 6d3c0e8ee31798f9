#include "tests/unit/link/frames.h"

#include "protocol/crc.h"
#include "protocol/frame.h"

namespace link_test {
namespace {

using Bytes = std::span<const std::uint8_t>;

Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

std::string big(std::uint64_t number, std::size_t size) {
  std::string out;
  while (size-- > 0) out += static_cast<char>(number >> (8 * size) & 0xffU);
  return out;
}

std::string with_crc(std::string_view bytes) {
  return std::string(bytes) + big(vscp::crc16_ccitt(bytes_of(bytes).subspan(1)), 2);
}

std::string command_frame(std::uint16_t code, std::string_view argument) {
  return with_crc('\xe0' + big(code, 2) + std::string(argument));
}

std::string command_frame(vscp::BinaryCode code, std::string_view argument) {
  return command_frame(static_cast<std::uint16_t>(code), argument);
}

std::string event_frame(const vscp::Event& event, bool type0) {
  std::uint8_t out[vscp::kEventFrameMax];
  const auto type = type0 ? vscp::FrameType::kEvent0 : vscp::FrameType::kEvent1;
  return {reinterpret_cast<const char*>(out), vscp::encode_event_frame(event, type, out)};
}

std::string event_frame(std::uint32_t number) {
  vscp::Event event;
  event.vscp_class = 20;
  event.vscp_type = 3;
  event.data_size = 4;
  for (std::size_t i = 0; i < 4; ++i) event.data[i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
  return event_frame(event);
}

std::string confirm_frame() {
  return with_crc('\xf0' + big(0xffff, 2) + big(0, 2) + big(0x0160, 4) + big(0x1234, 2));
}

}  // namespace link_test
