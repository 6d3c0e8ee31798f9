// What comes in: lines and frames.
#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "protocol/binary_command.h"
#include "protocol/crc.h"
#include "protocol/frame.h"
#include "protocol/frame_stream.h"
#include "protocol/limits.h"
#include "protocol/link_reply.h"
#include "tools/vscpbench/floor/relay.h"

namespace bench::floor {
namespace {

constexpr std::string_view kSend = "SEND ";
/// The encoder may write over what follows a line.
constexpr std::size_t kLineRoom = 2 * vscp::kEventLineMax;
/// A producer that lets more replies lie is not read.
constexpr std::uint64_t kOksOwedMax = 1U << 16U;
constexpr std::size_t kRepliesMax = 1U << 20U;
// An event confirm: reply, code, no error, 32 bits of the event's head, its CRC, and a CRC over these.
constexpr std::size_t kConfirmBytes = 13;
constexpr std::array<char, kConfirmBytes> kConfirm{'\xf0', '\xff', '\xff'};
constexpr std::size_t kConfirmHead = 7;
constexpr std::size_t kConfirmCrc = 9;

std::span<const std::uint8_t> octets(const char* begin, const char* end) {
  return {reinterpret_cast<const std::uint8_t*>(begin), reinterpret_cast<const std::uint8_t*>(end)};
}

/// Bytes of the frame that begins at `at`, 0 if more are needed to tell. Negative: no frame.
std::ptrdiff_t frame_bytes(const char* at, const char* end) {
  const auto size = vscp::first_frame_size(octets(at, end));
  return size ? static_cast<std::ptrdiff_t>(*size) : -1;
}

bool is_event(char first) {
  return static_cast<unsigned char>(first) >> 4U <= static_cast<unsigned>(vscp::FrameType::kEvent1);
}

}  // namespace

/// Returns how much it took; less than all if there is no room, or if the connection is closing.
std::size_t Relay::take(Connection& connection, std::string_view bytes) {
  std::size_t used = 0;
  for (;;) {
    const bool binary = connection.binary;
    const auto rest = bytes.substr(used);
    used += binary ? take_frames(connection, rest) : take_lines(connection, rest);
    if (connection.binary == binary) break;
  }
  if (connection.oks_owed != 0 && connection.sends == 0) want_service(connection);
  return used;
}

std::size_t Relay::take_lines(Connection& connection, std::string_view bytes) {
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  auto& tail = connection.tail;
  while (at < end && !connection.binary && !connection.closing) {
    if (!has_room(kLineRoom) || connection.oks_owed >= kOksOwedMax || connection.replies.size() >= kRepliesMax) break;
    const auto* newline = static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
    if (newline == nullptr) {
      tail.append(at, end);
      at = end;
      if (tail.size() > vscp::kCommandLineMax) close(connection);
      break;
    }
    if (tail.empty()) {
      take_line(connection, {at, newline});
    } else {
      tail.append(at, newline);
      take_line(connection, tail);
      tail.clear();
    }
    at = newline + 1;
  }
  return static_cast<std::size_t>(at - bytes.data());
}

void Relay::take_line(Connection& connection, std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (!line.starts_with(kSend)) return take_command(connection, line);
  const auto hints = vscp::decode_event_line(line.substr(kSend.size()), event_);
  if (!hints) return reply(connection, vscp::reply::kBadParameter);
  event_.obid = connection.index + 1;
  if (hints->time_missing) event_.time_ns = now_ns_;
  if (hints->timestamp_missing) event_.timestamp_us = static_cast<std::uint32_t>(event_.time_ns / 1000);
  if (!consumers_.empty()) commit(vscp::encode_event_line(event_, vscp::LineFormat::kLegacy, dates_, log_.end()));
  owe_ok(connection);
}

void Relay::owe_ok(Connection& connection) {
  if (connection.replies.empty()) {
    ++connection.oks_owed;
  } else {
    connection.replies += vscp::reply::kOk;
  }
}

/// Everything is allowed and nothing is done; it only has to look like a login.
void Relay::take_command(Connection& connection, std::string_view line) {
  if (line == "RCVLOOP") {
    reply(connection, vscp::reply::kLoopEntered);
    return become_consumer(connection);
  }
  if (line == "VERS") reply(connection, "floor of vscpbench " VSCPROUTER_VERSION "\r\n");
  reply(connection, vscp::reply::kOk);
  if (line == "BINARY") connection.binary = true;
  if (line == "QUIT") connection.leaving = true;
}

std::size_t Relay::take_frames(Connection& connection, std::string_view bytes) {
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  auto& tail = connection.tail;
  while (at < end && connection.binary && !connection.closing) {
    if (!has_room(vscp::kEventFrameMax) || connection.replies.size() >= kRepliesMax) break;
    if (tail.empty()) {
      at = copy_frames(connection, at, end);
      if (at == end || !has_room(vscp::kEventFrameMax) || connection.replies.size() >= kRepliesMax) break;
    }
    // A frame in parts, or a command.
    const auto before = tail.size();
    tail.append(at, std::min(vscp::kFrameMax - before, static_cast<std::size_t>(end - at)));
    const auto size = frame_bytes(tail.data(), tail.data() + tail.size());
    if (size < 0) {
      close(connection);
      break;
    }
    const auto frame = static_cast<std::size_t>(size);
    if (frame == 0 || frame > tail.size()) return bytes.size();
    at += frame - before;
    tail.resize(frame);
    take_frame(connection, tail);
    tail.clear();
  }
  return static_cast<std::size_t>(at - bytes.data());
}

/// All complete event frames from `at` on, as many as there is room for. Returns what follows them.
const char* Relay::copy_frames(Connection& connection, const char* at, const char* end) {
  const char* last = at;
  while (last < end && is_event(*last)) {
    const auto size = frame_bytes(last, end);
    if (size < 0) close(connection);
    if (size <= 0 || size > end - last || connection.replies.size() >= kRepliesMax) break;
    if (!has_room(static_cast<std::size_t>(last - at + size))) break;
    confirm(connection, last, last + size);
    last += size;
  }
  const auto size = static_cast<std::size_t>(last - at);
  if (size != 0 && !consumers_.empty()) {
    std::memcpy(log_.end(), at, size);
    commit(size);
  }
  if (size != 0) want_service(connection);
  return last;
}

void Relay::confirm(Connection& connection, const char* begin, const char* end) {
  auto confirm = kConfirm;
  std::memcpy(confirm.data() + kConfirmHead, begin + 1, 2);
  std::memcpy(confirm.data() + kConfirmCrc, end - 2, 2);
  const auto crc = vscp::crc16_ccitt(octets(confirm.data() + 1, confirm.data() + kConfirmBytes - 2));
  confirm[kConfirmBytes - 2] = static_cast<char>(crc >> 8U);
  confirm[kConfirmBytes - 1] = static_cast<char>(crc);
  connection.replies.append(confirm.data(), confirm.size());
}

void Relay::take_frame(Connection& connection, std::string_view frame) {
  if (is_event(frame.front())) {
    copy_frames(connection, frame.data(), frame.data() + frame.size());
    return;
  }
  const auto command = vscp::decode_command_frame(octets(frame.data(), frame.data() + frame.size()));
  if (!command) return close(connection);
  std::array<std::uint8_t, 16> answer;
  const auto size =
      vscp::encode_command_frame({vscp::FrameType::kReply, command->code, 0, {}}, std::span<std::uint8_t>(answer));
  if (size) reply(connection, {reinterpret_cast<const char*>(answer.data()), *size});
  if (command->code == static_cast<std::uint16_t>(vscp::BinaryCode::kOpen)) become_consumer(connection);
}

}  // namespace bench::floor
