// Of frames.h what checks: apart from frames.cpp, which fuzz targets use without GoogleTest.
#include <gtest/gtest.h>

#include "protocol/frame.h"
#include "tests/unit/link/frames.h"

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
