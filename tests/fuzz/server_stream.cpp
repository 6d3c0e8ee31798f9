#include "tests/fuzz/server_stream.h"

#include "protocol/binary_command.h"
#include "protocol/event_line.h"
#include "protocol/frame.h"
#include "protocol/link_reply.h"
#include "tests/fuzz/promise.h"
#include "tests/fuzz/session_rules.h"

namespace fuzz {
namespace {

using vscp::BinaryCode;
using vscp::VscpError;

constexpr std::size_t kReplyHeader = 5;
constexpr std::size_t kCrc = 2;
constexpr std::size_t kConfirmArgument = 6;

Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

bool is_reply(std::string_view bytes, std::size_t argument) {
  const std::size_t size = kReplyHeader + argument + kCrc;
  return bytes.size() >= size && vscp::decode_command_frame(bytes_of(bytes.substr(0, size))).has_value();
}

/// Bytes of the argument of a good reply to this command: spec, "Reply" of each. 0 also if it is not all there.
std::size_t argument_of(const vscp::BinaryCommandInfo& info, std::string_view bytes) {
  switch (info.code) {
    case BinaryCode::kChallenge:
      return 32;
    case BinaryCode::kChkData:
    case BinaryCode::kGetChid:
    case BinaryCode::kTest:
      return 4;
    case BinaryCode::kStat:
      return 32;
    case BinaryCode::kGetGuid:
      return 16;
    case BinaryCode::kVersion:
      return 10;
    case BinaryCode::kWhatCanYouDo:
      return 8;
    case BinaryCode::kInfo: {
      const std::size_t end = bytes.find('\0', kReplyHeader + 12);
      return end == std::string_view::npos ? vscp::kEventFrameMax : end + 1 - kReplyHeader;
    }
    case BinaryCode::kInterface:
      return is_reply(bytes, 2) ? 2 : 84;
    case BinaryCode::kRetr: {
      if (is_reply(bytes, 0)) return 0;
      constexpr std::size_t kSizeAt = kReplyHeader + 33;
      if (bytes.size() < kSizeAt + 2) return vscp::kEventFrameMax;
      const Bytes size = bytes_of(bytes.substr(kSizeAt, 2));
      return 35 + (std::size_t{size[0]} << 8U) + size[1];
    }
    default:
      return 0;
  }
}

}  // namespace

std::vector<Heard> ServerStream::take(std::string_view bytes) {
  rest_ += bytes;
  std::vector<Heard> out;
  while (!rest_.empty()) {
    const std::size_t used = binary_ ? take_frame(out) : take_line(out);
    if (used == 0) break;
    rest_.erase(0, used);
  }
  return out;
}

std::size_t ServerStream::take_line(std::vector<Heard>& out) {
  const std::size_t end = rest_.find('\n');
  if (end == std::string::npos) return 0;
  const auto line = std::string_view(rest_).substr(0, end + 1);
  check(line.ends_with("\r\n"), "every line ends with CRLF");
  Heard heard;
  heard.text = line.substr(0, line.size() - 2);
  if (is_status(line)) {
    check(is_known_status(line), "a status line is one of ours");
    heard.kind = Heard::Kind::kStatus;
    binary_ = line == vscp::reply::kBinaryOn;
  }
  out.push_back(std::move(heard));
  return end + 1;
}

std::size_t ServerStream::take_frame(std::vector<Heard>& out) {
  const std::string_view bytes = rest_;
  Heard heard;
  if (bytes[0] == '\x10') {
    const auto size = vscp::event_frame_size(bytes_of(bytes));
    if (!size) {
      check(size.error() == vscp::Errc::kShortFrame, "an event frame from the server has a size that can be");
      return 0;
    }
    if (bytes.size() < *size) return 0;
    vscp::Event event;
    check(vscp::decode_event_frame(bytes_of(bytes.substr(0, *size)), event).has_value(), "a reader gets good events");
    heard.kind = Heard::Kind::kEvent;
    out.push_back(std::move(heard));
    return *size;
  }
  check(bytes[0] == '\xf0', "the server sends events and replies");
  if (bytes.size() < kReplyHeader + kCrc) return 0;
  heard.kind = Heard::Kind::kReply;
  const Bytes header = bytes_of(bytes.substr(0, kReplyHeader));
  heard.code = static_cast<std::uint16_t>(header[1] << 8U | header[2]);
  heard.error = static_cast<VscpError>(header[3] << 8U | header[4]);
  const auto* info = vscp::find_binary_command(heard.code);
  const bool good = heard.error == VscpError::kSuccess ||
                    (info != nullptr && info->code == BinaryCode::kTest && heard.error == VscpError::kOperationFailed);
  if (heard.code == static_cast<std::uint16_t>(BinaryCode::kEventConfirm)) {
    heard.argument_size = kConfirmArgument;
  } else if (good && info != nullptr) {
    heard.argument_size = argument_of(*info, bytes);
  }
  const std::size_t size = kReplyHeader + heard.argument_size + kCrc;
  if (bytes.size() < size) return 0;
  check(is_reply(bytes, heard.argument_size), "a reply has its length and its CRC");
  if (good && info != nullptr && info->code == BinaryCode::kText) binary_ = false;
  out.push_back(std::move(heard));
  return size;
}

}  // namespace fuzz
