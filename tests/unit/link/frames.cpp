#include "tests/unit/link/frames.h"

#include <gtest/gtest.h>

#include "protocol/crc.h"
#include "protocol/frame.h"

namespace link_test {
namespace {

using Bytes = std::span<const std::uint8_t>;

Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

bool begins_frame(char first) {
  return first == '\x10' || first == '\xf0';
}

/// The shortest reply at the front whose CRC fits and behind which something can follow; 0 if there is none.
std::size_t reply_size(std::string_view bytes) {
  for (std::size_t size = 7; size <= bytes.size(); ++size) {
    const bool ends = size == bytes.size() || begins_frame(bytes[size]);
    if (ends && vscp::decode_command_frame(bytes_of(bytes.substr(0, size)))) return size;
  }
  return 0;
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

std::uint64_t Got::number(std::size_t begin, std::size_t size) const {
  std::uint64_t value = 0;
  for (std::size_t i = begin; i < begin + size; ++i) {
    value = value << 8U | (i < argument.size() ? static_cast<unsigned char>(argument[i]) : 0xffU);
  }
  return value;
}

std::uint32_t Got::event_number() const {
  std::uint32_t value = 0;
  for (const auto byte : event.payload()) value = value << 8U | byte;
  return value;
}

std::vector<Got> frames_of(std::string_view bytes) {
  std::vector<Got> frames;
  while (!bytes.empty()) {
    Got got;
    std::size_t size = 0;
    if (bytes[0] == '\x10') {
      size = vscp::event_frame_size(bytes_of(bytes)).value_or(0);
      got.is_event = true;
      if (size > bytes.size() || !vscp::decode_event_frame(bytes_of(bytes.substr(0, size)), got.event)) size = 0;
    } else if (bytes[0] == '\xf0') {
      size = reply_size(bytes);
      if (size != 0) {
        const auto reply = vscp::decode_command_frame(bytes_of(bytes.substr(0, size))).value();
        got.code = reply.code;
        got.error = static_cast<vscp::VscpError>(reply.error);
        got.argument.assign(reply.argument.begin(), reply.argument.end());
      }
    }
    if (size == 0) {
      ADD_FAILURE() << "no frame after " << frames.size() << ": " << ::testing::PrintToString(std::string(bytes));
      break;
    }
    frames.push_back(std::move(got));
    bytes.remove_prefix(size);
  }
  return frames;
}

}  // namespace link_test
