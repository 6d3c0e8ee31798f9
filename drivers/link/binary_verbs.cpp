// The commands of the binary protocol: their arguments and results as bytes. Spec: vscp_over_binary.md, "Commands".
#include <algorithm>
#include <array>
#include <charconv>

#include "drivers/link/answers.h"
#include "drivers/link/link_session.h"
#include "drivers/link/self_test.h"
#include "protocol/frame.h"

namespace drivers::link {
namespace {

using vscp::BinaryCode;
using vscp::Errc;
using vscp::VscpError;
using Bytes = std::span<const std::uint8_t>;

std::uint16_t load16(Bytes bytes, std::size_t at) noexcept {
  return static_cast<std::uint16_t>(bytes[at] << 8U | bytes[at + 1]);
}

// Numbers one behind the other, most significant byte first.
class Writer {
 public:
  void put(std::uint64_t number, std::size_t size) noexcept {
    for (std::size_t i = size; i-- > 0;) bytes_[size_++] = static_cast<std::uint8_t>(number >> (8 * i));
  }
  void put(Bytes bytes) noexcept {
    size_ = static_cast<std::size_t>(std::ranges::copy(bytes, &bytes_[size_]).out - bytes_.data());
  }
  void put_text(std::string_view text) noexcept {
    put({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  }
  Bytes bytes() const noexcept { return {bytes_.data(), size_}; }

 private:
  std::array<std::uint8_t, 128> bytes_;
  std::size_t size_ = 0;
};

// Text arguments may come with a NUL at their end.
std::string_view text_of(Bytes argument) noexcept {
  std::string_view text(reinterpret_cast<const char*>(argument.data()), argument.size());
  return text.substr(0, text.find('\0'));
}

// The spec's one page has it as MSB first, as events have it.
vscp::FilterHalf half_of(Bytes bytes) noexcept {
  vscp::FilterHalf half;
  half.priority = bytes[0];
  half.vscp_class = load16(bytes, 1);
  half.vscp_type = load16(bytes, 3);
  std::copy_n(&bytes[5], half.guid.bytes.size(), half.guid.bytes.begin());
  return half;
}

// Spec: 80 and 64 bytes with the NUL.
constexpr std::size_t kInfoTextMax = 79;
constexpr std::size_t kInterfaceNameMax = 63;

// "1,2,3,4" as numbers.
void put_version(std::string_view text, Writer& out) noexcept {
  const char* at = text.data();
  const char* const end = at + text.size();
  for (const std::size_t size : {2U, 2U, 2U, 4U}) {
    unsigned number = 0;
    at = std::from_chars(at, end, number).ptr;
    if (at != end) ++at;  // the comma
    out.put(number, size);
  }
}

// Spec: vscp_over_binary.md#interface.
enum class InterfaceQuery : std::uint8_t { kCount = 0, kInfo = 1, kClose = 2, kOpen = 3 };

}  // namespace

LinkSession::Done LinkSession::run_binary(const vscp::BinaryCommandInfo& info, Frame argument) {
  const Gate open = gate(vscp::link_command(info.verb));
  if (open != Gate::kOpen) return open == Gate::kNotYet ? Done::kNotYet : Done::kYes;
  switch (info.code) {
    case BinaryCode::kQuit:
      quit();
      break;
    case BinaryCode::kUser:
      binary_user(text_of(argument));
      break;
    case BinaryCode::kPass:
      pass(text_of(argument));
      break;
    case BinaryCode::kSend:
      return binary_send(argument);
    case BinaryCode::kRetr:
      binary_retr(argument);
      break;
    case BinaryCode::kOpen:
      enter_loop();
      break;
    case BinaryCode::kClose:
      leave_loop();
      answer(answers::kLoopLeft);
      break;
    case BinaryCode::kClear:
      if (!in_loop) worker().fanout().clear(*this);
      answer(answers::kCleared);
      break;
    case BinaryCode::kSetGuid: {
      vscp::Guid guid;
      std::ranges::copy(argument, guid.bytes.begin());
      install_guid(guid);
      break;
    }
    case BinaryCode::kSetFilter:
    case BinaryCode::kSetMask:
      binary_filter(argument, info.code == BinaryCode::kSetMask);
      break;
    case BinaryCode::kShutdown:
      shutdown();
      break;
    case BinaryCode::kRestart:
      refuse(answers::kNotSupported, Errc::kUnknownCommand);
      break;
    case BinaryCode::kText:
      return switch_dialect(false) ? Done::kYes : Done::kNotYet;
    default:
      ask_binary(info.code, argument);
      break;
  }
  return Done::kYes;
}

// The commands that change nothing.
void LinkSession::ask_binary(BinaryCode code, Frame argument) {
  Writer out;
  switch (code) {
    case BinaryCode::kChallenge:
      out.put_text(challenge());
      break;
    case BinaryCode::kChkData:
      out.put(in_loop ? 0 : worker().fanout().count_waiting(*this).events, 4);
      break;
    case BinaryCode::kStat:
      // Numbers of 32 bits: they begin again at 0 after the largest.
      for (const std::uint64_t number :
           {std::uint64_t{0}, std::uint64_t{0}, std::uint64_t{0}, figures().bytes_in, figures().events_in,
            figures().bytes_out, figures().events_out, events_dropped()}) {
        out.put(number, 4);
      }
      break;
    case BinaryCode::kInfo:
      out.put(status(), 4);
      out.put(static_cast<unsigned>(last_error_), 4);
      out.put(0, 4);
      out.put_text(last_error_text().substr(0, kInfoTextMax));
      out.put(0, 1);
      break;
    case BinaryCode::kGetChid:
      out.put(channel, 4);
      break;
    case BinaryCode::kGetGuid:
      out.put(guid().bytes);
      break;
    case BinaryCode::kVersion:
      put_version(context_->version_reply, out);
      break;
    case BinaryCode::kWhatCanYouDo:
      out.put(context_->capabilities, 8);
      break;
    case BinaryCode::kInterface:
      binary_interface(argument);
      return;
    case BinaryCode::kTest:
      binary_test(argument);
      return;
    default:  // NOOP
      break;
  }
  reply_frame(code_, VscpError::kSuccess, out.bytes());
}

// "name", or "name:password", which is a login in one command.
void LinkSession::binary_user(std::string_view argument) {
  const std::size_t colon = argument.find(':');
  if (colon == std::string_view::npos || is_logged_in()) {
    user(argument);
  } else if (take_user_name(argument.substr(0, colon))) {
    pass(argument.substr(colon + 1));
  }
}

LinkSession::Done LinkSession::binary_send(Frame argument) {
  router::EventBuf* event = acquire_event();
  if (event == nullptr) return Done::kNotYet;
  if (const auto decoded = vscp::decode_event_argument(argument, event->event); !decoded) {
    worker().pool().give_back(event);
    worker().counters_mutable().bad_events.add();
    refuse({{}, vscp::to_vscp_error(decoded.error())}, decoded.error());
    return Done::kYes;
  }
  if (event->event.guid.is_zero()) event->event.guid = guid();
  const bool time_missing = event->event.time_ns == 0;
  answer_publish(publish(event, time_missing, time_missing));
  return Done::kYes;
}

void LinkSession::binary_retr(Frame argument) {
  if (in_loop) {
    refuse(answers::kNotSupported, Errc::kLimit);
    return;
  }
  const std::uint64_t count = argument.empty() ? 0 : load16(argument, 0);
  start_retr(std::max<std::uint64_t>(count, 1));
}

void LinkSession::binary_filter(Frame argument, bool mask) {
  take_filter_half(half_of(argument.first(vscp::kFilterHalfBytes)), mask);
  if (argument.size() > vscp::kFilterHalfBytes)
    take_filter_half(half_of(argument.subspan(vscp::kFilterHalfBytes)), true);
  install_filter();
}

void LinkSession::binary_interface(Frame argument) {
  const auto query = static_cast<InterfaceQuery>(argument[0]);
  const bool is_count = query == InterfaceQuery::kCount;
  if (!is_count && (query > InterfaceQuery::kOpen || argument.size() != 3)) {
    refuse(answers::kBadParameter, Errc::kNumberRange);
    return;
  }
  if (query == InterfaceQuery::kClose || query == InterfaceQuery::kOpen) {
    refuse(answers::kNotSupported, Errc::kUnknownCommand);
    return;
  }
  struct Found {
    std::uint32_t count = 0;
    Writer info;
  };
  auto found = std::make_shared<Found>();
  const std::uint16_t index = is_count ? std::uint16_t{0} : load16(argument, 1);
  visit_interfaces(
      [found, index](const InterfaceEntry& entry) {
        if (found->count++ != index) return;
        // The index stands there twice: the spec's offsets leave a gap, which firmware fills so.
        found->info.put(index, 2);
        found->info.put(index, 2);
        found->info.put(entry.guid.bytes);
        const auto name = std::string_view(entry.name).substr(0, kInterfaceNameMax);
        found->info.put_text(name);
        for (std::size_t i = name.size(); i <= kInterfaceNameMax; ++i) found->info.put(0, 1);
      },
      [found, index, is_count](LinkSession& session) {
        if (is_count) {
          Writer out;
          out.put(std::min<std::uint32_t>(found->count, 0xffff), 2);
          session.reply_frame(session.code_, VscpError::kSuccess, out.bytes());
        } else if (index >= found->count) {
          session.refuse(answers::kInterfaceNotFound, Errc::kNumberRange);
        } else {
          session.reply_frame(session.code_, VscpError::kSuccess, found->info.bytes());
        }
        session.set_busy(false);
      });
}

void LinkSession::binary_test(Frame argument) {
  const unsigned number = argument.empty() ? 0U : load16(argument, 0);
  std::string text;
  bool good = true;
  charge(kTestCost);
  if (!run_self_tests(number == 0 ? std::string() : std::to_string(number), worker(), text, good)) {
    refuse(answers::kBadParameter, Errc::kBadNumber);
    return;
  }
  Writer out;
  out.put(good ? 0 : 1, 4);
  reply_frame(code_, (good ? answers::kOk : answers::kTestFailed).error, out.bytes());
}

}  // namespace drivers::link
