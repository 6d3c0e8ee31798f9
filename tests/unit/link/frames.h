// Frames as a client of the binary protocol writes and reads them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/binary_command.h"
#include "protocol/event.h"
#include "protocol/vscp_error.h"

namespace link_test {

/// These bytes and their CRC.
std::string with_crc(std::string_view bytes);
std::string command_frame(std::uint16_t code, std::string_view argument = {});
std::string command_frame(vscp::BinaryCode code, std::string_view argument = {});
/// A frame of type 1 without time and GUID; class 20, type 3, this number as its data.
std::string event_frame(std::uint32_t number);
std::string event_frame(const vscp::Event& event, bool type0 = false);
/// The event confirm that a client sends for what it gets.
std::string confirm_frame();
/// Number of `size` bytes, most significant first.
std::string big(std::uint64_t number, std::size_t size);

/// One frame from the server.
struct Got {
  bool is_event = false;
  std::uint16_t code = 0;  ///< of a reply
  vscp::VscpError error{};
  std::string argument;
  vscp::Event event;

  bool is(vscp::BinaryCode of, vscp::VscpError with = vscp::VscpError::kSuccess) const {
    return !is_event && code == static_cast<std::uint16_t>(of) && error == with;
  }
  /// Of an argument: the number in these bytes.
  std::uint64_t number(std::size_t begin, std::size_t size) const;
  /// Of an event that event_frame(number) or send_line(number) made.
  std::uint32_t event_number() const;
};

/// Takes all frames apart; a test fails if there is anything else, or half a frame at the end.
std::vector<Got> frames_of(std::string_view bytes);

}  // namespace link_test
