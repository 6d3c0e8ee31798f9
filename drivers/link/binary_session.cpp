// Frames: taking them from the stream, the events in them, replies. Spec: vscp_over_binary.md.
#include <algorithm>
#include <array>
#include <cstring>

#include "drivers/link/answers.h"
#include "drivers/link/link_session.h"
#include "protocol/frame_stream.h"
#include "router/base/log.h"

namespace drivers::link {
namespace {

using vscp::Errc;
using vscp::VscpError;

constexpr std::uint8_t kCommandType = 0xe0;
constexpr std::uint8_t kReplyType = 0xf0;
constexpr auto kConfirmCode = static_cast<std::uint16_t>(vscp::BinaryCode::kEventConfirm);
constexpr std::size_t kReplyOverhead = 7;  // type, code, error, CRC

std::uint16_t load16(std::span<const std::uint8_t> bytes, std::size_t at) noexcept {
  return static_cast<std::uint16_t>(bytes[at] << 8U | bytes[at + 1]);
}

std::span<const std::uint8_t> as_bytes(std::string_view text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

std::size_t LinkSession::take_frames(std::string_view bytes) {
  std::size_t done = 0;
  while (done < bytes.size() && binary_ && is_open() && !is_busy() && !is_congested() && !is_share_used()) {
    if (!tail_.empty()) {
      std::size_t used = 0;
      const bool goes_on = take_tail_frame(bytes.substr(done), used);
      done += used;
      if (!goes_on) break;
      continue;
    }
    const Frame rest = as_bytes(bytes.substr(done));
    const auto size = vscp::first_frame_size(rest);
    if (!size) {
      refuse_frame(rest, size.error());
      break;
    }
    if (*size == 0) {
      if (store_tail(bytes.substr(done))) done = bytes.size();
      break;
    }
    if (handle_frame(rest.first(*size)) == Done::kNotYet) break;
    done += *size;
  }
  return done;
}

// The frame that began with what is in the tail. `used`: bytes that are done with. False: not now.
bool LinkSession::take_tail_frame(std::string_view bytes, std::size_t& used) {
  const std::size_t before = tail_.size();
  const std::string_view piece = bytes.substr(0, vscp::kFrameMax - std::min(before, vscp::kFrameMax));
  if (!store_tail(piece)) return false;
  const Frame whole = as_bytes(tail_.text());
  const auto size = vscp::first_frame_size(whole);
  if (!size || (*size == 0 && piece.empty())) {
    refuse_frame(whole, size ? Errc::kBadFrameType : size.error());
    return false;
  }
  if (*size == 0) {
    used = piece.size();
    return true;
  }
  if (handle_frame(whole.first(*size)) == Done::kNotYet) {
    tail_.shrink(before);
    return false;
  }
  if (*size < before) {  // more had to be seen to tell where it ends
    tail_.shrink(before);
    tail_.drop_front(*size);
  } else {
    used = *size - before;
    tail_.clear(worker().out_blocks());
  }
  return true;
}

LinkSession::Done LinkSession::handle_frame(Frame frame) {
  if (frame[0] == kCommandType) return handle_command(frame);
  // Clients confirm the events that they get; nothing depends on it.
  if (frame[0] == kReplyType) return Done::kYes;
  return handle_event(frame);
}

LinkSession::Done LinkSession::handle_event(Frame frame) {
  if (!is_logged_in()) {
    refuse_event(frame, answers::kLoginFirst, Errc::kLimit);
    return Done::kYes;
  }
  if (!user_->may_use(vscp::LinkVerb::kSend)) {
    refuse_event(frame, answers::kNoRights, Errc::kLimit);
    return Done::kYes;
  }
  router::EventBuf* event = acquire_event();
  if (event == nullptr) return Done::kNotYet;
  vscp::Event& value = event->event;
  if (const auto decoded = vscp::decode_event_frame(frame, value); !decoded) {
    worker().pool().give_back(event);
    worker().counters_mutable().bad_events.add();
    refuse_event(frame, {{}, vscp::to_vscp_error(decoded.error())}, decoded.error());
    return Done::kYes;
  }
  if (value.guid.is_zero()) value.guid = guid();
  const bool time_missing = value.time_ns == 0;
  const Published published = publish(event, time_missing, time_missing && value.timestamp_us == 0);
  if (published != Published::kYes) {
    refuse_event(frame, published == Published::kNoRoom ? answers::kBusy : answers::kEventNotAllowed, Errc::kLimit);
    if (published == Published::kNoRoom) refused_for_room();
  } else if (context_->config.binary_confirm) {
    confirm(load16(frame, 1), load16(frame, frame.size() - 2), VscpError::kSuccess);
  }
  return Done::kYes;
}

LinkSession::Done LinkSession::handle_command(Frame frame) {
  const auto command = vscp::decode_command_frame(frame);
  if (!command) {
    refuse_frame(frame, command.error());
    return Done::kYes;
  }
  code_ = command->code;
  const auto* info = vscp::find_binary_command(code_);
  if (info == nullptr) {
    refuse(answers::kUnknownCommand, Errc::kUnknownCommand);
    return Done::kYes;
  }
  const Done done = run_binary(*info, command->argument);
  if (done == Done::kYes) count_command();
  return done;
}

// A frame that cannot be told from what follows it: says why, and closes, for everything behind it would be guessed.
void LinkSession::refuse_frame(Frame bytes, Errc code) {
  last_error_ = code;
  worker().counters_mutable().bad_frames.add();
  if (bytes[0] == kCommandType && bytes.size() >= 3) {
    answer_frame(load16(bytes, 1), vscp::to_vscp_error(code));
  } else {
    confirm(0, 0, vscp::to_vscp_error(code));
  }
  close_after_flush();
}

// What is wrong is told whether confirms are on or not.
void LinkSession::refuse_event(Frame frame, const Answer& why, Errc code) {
  last_error_ = code;
  worker().counters_mutable().bad_commands.add();
  confirm(load16(frame, 1), load16(frame, frame.size() - 2), why.error);
}

void LinkSession::confirm(std::uint16_t head, std::uint16_t crc, VscpError error) {
  const std::array<std::uint8_t, 6> argument{0,
                                             0,
                                             static_cast<std::uint8_t>(head >> 8U),
                                             static_cast<std::uint8_t>(head),
                                             static_cast<std::uint8_t>(crc >> 8U),
                                             static_cast<std::uint8_t>(crc)};
  reply_frame(kConfirmCode, error, argument);
}

// A reply that carries nothing. One with the code of a confirm is as long as every confirm, for clients go by the code.
void LinkSession::answer_frame(std::uint16_t code, VscpError error) {
  if (code == kConfirmCode) {
    confirm(0, 0, error);
  } else {
    reply_frame(code, error, {});
  }
}

void LinkSession::reply_frame(std::uint16_t code, VscpError error, Frame argument) {
  std::array<std::uint8_t, vscp::kEventFrameMax + kReplyOverhead> bytes;
  const auto size =
      vscp::encode_command_frame({vscp::FrameType::kReply, code, static_cast<std::uint16_t>(error), argument}, bytes);
  VR_ASSERT(size.has_value());
  reply({reinterpret_cast<const char*>(bytes.data()), *size});
}

// RETR: the event as the argument of a reply, without the first byte and the CRC of its frame.
void LinkSession::reply_event(std::span<const char> frame) {
  const Frame bytes = as_bytes({frame.data(), frame.size()});
  reply_frame(code_, VscpError::kSuccess, bytes.subspan(1, bytes.size() - 3));
}

}  // namespace drivers::link
