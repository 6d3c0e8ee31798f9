// A connection to a router like this one after the command BINARY: frames both ways. Spec: vscp_over_binary.md;
// drivers/link/README.md.
#include <array>
#include <string>

#include "drivers/link_client/remote.h"
#include "drivers/link_client/remote_session.h"
#include "drivers/link_client/send_line.h"
#include "protocol/event_line.h"
#include "protocol/frame.h"
#include "protocol/vscp_error.h"
#include "router/base/log.h"

namespace drivers::link_client {
namespace {

constexpr std::size_t kCommandBytes = 5;  // a command without argument

bool is_all_zero(std::span<const std::uint8_t> bytes) noexcept {
  for (const std::uint8_t byte : bytes) {
    if (byte != 0) return false;
  }
  return true;
}

}  // namespace

std::size_t RemoteSession::take_frames(std::string_view bytes) noexcept {
  return frames_.read({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()},
                      [this](Frame frame) { return is_open() && !is_share_used() && take_frame(frame); });
}

// False: not now.
bool RemoteSession::take_frame(Frame frame) noexcept {
  const auto type = static_cast<vscp::FrameType>(frame[0] >> 4U);
  if (type == vscp::FrameType::kEvent0 || type == vscp::FrameType::kEvent1) return take_event_frame(frame);
  take_reply_frame(frame);
  return true;
}

bool RemoteSession::take_event_frame(Frame frame) noexcept {
  router::EventBuf* buffer = acquire_event();
  if (buffer == nullptr) return false;
  if (!vscp::decode_event_frame(frame, buffer->event)) {
    worker().pool().give_back(buffer);
    ++lane_->remote().figures().bad;
    return true;
  }
  if (buffer->event.guid.is_zero()) buffer->event.guid = lane_->remote().guid();
  publish(buffer);
  return true;
}

void RemoteSession::take_reply_frame(Frame frame) noexcept {
  const auto reply = vscp::decode_command_frame(frame);
  if (!reply || reply->type != vscp::FrameType::kReply) {
    fail(Ending::kLost, "the far side sends a frame that is neither an event nor a reply");
    return;
  }
  const bool positive = reply->error == 0;
  const std::string what = "error " + std::to_string(reply->error);
  if (reply->code != static_cast<std::uint16_t>(vscp::BinaryCode::kEventConfirm)) {
    if (step_ != Step::kNothing) take_answer(positive, what);
  } else if (!positive && is_all_zero(reply->argument)) {
    fail(Ending::kLost, "the far side says " + what);  // it closes, and says why
  } else if (unanswered_ > 0 && reply->error == static_cast<std::uint16_t>(vscp::VscpError::kTransmitFull)) {
    wait_for_room();
  } else if (unanswered_ > 0) {
    take_send_answer(positive, what);
  }
}

void RemoteSession::ask_frame(Step step, vscp::BinaryCode code) noexcept {
  say_frame(code);
  expect(step);
}

void RemoteSession::say_frame(vscp::BinaryCode code) noexcept {
  std::array<std::uint8_t, kCommandBytes> bytes;
  const auto size = vscp::encode_command_frame(
      {.type = vscp::FrameType::kCommand, .code = static_cast<std::uint16_t>(code), .error = 0, .argument = {}}, bytes);
  if (size) reply({reinterpret_cast<const char*>(bytes.data()), *size});
}

// The far side has no binary now: what waits as frames goes out as lines.
void RemoteSession::write_converted(std::string_view frame) noexcept {
  vscp::Event event;
  if (!vscp::decode_event_frame({reinterpret_cast<const std::uint8_t*>(frame.data()), frame.size()}, event)) return;
  std::array<char, vscp::kEventLineMax> line;
  std::array<char, kSendLineMax> text;
  vscp::DateCache dates;
  const std::size_t size = vscp::encode_event_line(event, vscp::LineFormat::kLegacy, dates, line.data());
  reply({text.data(), write_send({line.data(), size}, lane_->remote().far_channel(), text.data())});
}

}  // namespace drivers::link_client
