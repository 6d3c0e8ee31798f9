// A link session that gets frames, whole, damaged, in pieces and between lines, while others listen.
//
// The input is a script (Step). Frames are made here, with their CRC, which chance would not find. As long as a client
// writes only what is right, each of its frames is answered once and in order; whatever it writes, what it gets are
// whole lines and whole frames, and in the end nothing is left.
#include <algorithm>
#include <array>
#include <deque>
#include <string>

#include "protocol/frame_stream.h"
#include "protocol/link_reply.h"
#include "router/base/check.h"
#include "tests/fuzz/promise.h"
#include "tests/fuzz/server_stream.h"
#include "tests/fuzz/session_rules.h"
#include "tests/unit/link/frames.h"

namespace fuzz {
namespace {

namespace reply = vscp::reply;
using link_test::LinkRig;
using link_test::RigSettings;
using vscp::BinaryCode;

/// Below kRaw: the command of that code; its argument is counted by the next byte.
enum Step : std::uint8_t {
  kRaw = 0x40,  ///< bytes as they are; how many says the next one
  kEvent1,      ///< class, size / 2 (255: the most there is)
  kEvent0,
  kSendCommand,
  kConfirm,
  kShortConfirm,  ///< as firmware sends it
  kOtherCode,     ///< two bytes of code
  kThroughText,   ///< TEXT, a line, BINARY
  kAgain,         ///< the last frame, so many times
  kDamage,        ///< where in what is not yet written, and how
  kCut = 0x60,    ///< writes what came up to here
  kByteByByte,    ///< likewise
  kOther,         ///< from here on the other client
  kSettle,
  kMoment,  ///< 60 ms pass
  kWhile,   ///< 3 s pass
  kHalfClose,
  kReset,
  kStopReading,  ///< all of them
  kRead,
  kDrain,
};

constexpr std::size_t kPieceMax = 16'384;

struct Client {
  router::Socket socket = -1;
  ServerStream stream;
  std::deque<std::uint16_t> expected;  ///< codes of the replies that must come, in order
  bool clean = true;                   ///< has written nothing wrong, and what it has written has gone out
  bool half_closed = false;
  bool open = true;
};

class Play {
 public:
  explicit Play(Bytes input) : rig_(settings_of(input)), confirms_(input.empty() || (input[0] & 8U) == 0) {
    clients_[0].socket = rig_.connect_logged_in();
    clients_[1].socket = rig_.connect();
    clients_[2].socket = rig_.connect_logged_in(static_cast<router::ThreadIndex>(rig_.router().worker_count() - 1));
    for (Client& client : clients_) {
      VR_ASSERT(rig_.send(client.socket, "BINARY\r\n"));
      settle();
      check(client.stream.is_binary(), "BINARY is answered");
    }
    clients_[2].clean = false;  // gets what others send
    VR_ASSERT(rig_.send(clients_[2].socket, link_test::command_frame(BinaryCode::kOpen)));
  }

  void run(Bytes script) {
    while (!script.empty()) {
      const std::uint8_t what = script[0];
      script = script.subspan(1);
      if (piece_.size() > kPieceMax) write(piece_.size());
      if (what < kRaw) {
        command(what, take(script, take_byte(script)));
      } else if (what < kCut) {
        add(what, script);
      } else {
        step(what);
      }
    }
    step(kCut);
    finish();
  }

 private:
  static RigSettings settings_of(Bytes input) {
    RigSettings settings = session_settings(input);
    settings.config.binary_confirm = settings.config.line_max > 64;
    settings.config.line_max = 4096;  // no shorter one can be configured, and a frame must fit
    return settings;
  }

  static std::uint8_t take_byte(Bytes& script) {
    if (script.empty()) return 0;
    const std::uint8_t byte = script[0];
    script = script.subspan(1);
    return byte;
  }
  static std::string_view take(Bytes& script, std::size_t size) {
    const Bytes part = script.first(std::min(size, script.size()));
    script = script.subspan(part.size());
    return as_text(part);
  }
  Client& current() { return clients_[current_]; }

  // ---- making frames ----

  void command(std::uint16_t code, std::string_view argument) {
    const std::string frame = link_test::command_frame(code, argument);
    const auto* info = vscp::find_binary_command(code);
    const bool goes_on = info == nullptr || (info->code != BinaryCode::kText && info->code != BinaryCode::kQuit);
    put(frame, code, goes_on);
  }

  /// `good`: a frame that is answered and after which frames may follow.
  void put(const std::string& frame, std::uint16_t answer, bool good) {
    last_ = frame;
    last_answer_ = answer;
    // Where a frame ends is in part told by its CRC: some look as if they ended earlier, and that is no fault.
    const Bytes bytes{reinterpret_cast<const std::uint8_t*>(frame.data()), frame.size()};
    last_good_ = good && vscp::first_frame_size(bytes) == frame.size();
    put_last();
  }

  void put_last() {
    piece_ += last_;
    if (!last_good_) current().clean = false;
    if (current().clean && last_answer_ != 0xffff) current().expected.push_back(last_answer_);
    if (current().clean && last_answer_ == 0xffff && confirms_) current().expected.push_back(0xffff);
  }

  vscp::Event take_event(Bytes& script) {
    vscp::Event event;
    event.vscp_class = take_byte(script);
    event.vscp_type = static_cast<std::uint16_t>(event.vscp_class * 257U);
    event.head = static_cast<std::uint16_t>((event.vscp_class & 7U) << 5U);
    const unsigned half = take_byte(script);
    event.data_size = static_cast<std::uint16_t>(half == 0xff ? vscp::kEventDataMax : 2 * half);
    event.data.fill(static_cast<std::uint8_t>(event.vscp_class));
    return event;
  }

  void add(std::uint8_t what, Bytes& script) {
    switch (what) {
      case kRaw: {
        const auto raw = take(script, take_byte(script));
        piece_ += raw;
        if (!raw.empty()) current().clean = false;
        break;
      }
      case kEvent1:
      case kEvent0:
        put(link_test::event_frame(take_event(script), what == kEvent0), 0xffff, true);
        break;
      case kSendCommand: {
        const std::string frame = link_test::event_frame(take_event(script));
        command(static_cast<std::uint16_t>(BinaryCode::kSend), std::string_view(frame).substr(1, frame.size() - 3));
        break;
      }
      case kConfirm:
        piece_ += link_test::confirm_frame();
        break;
      case kShortConfirm:  // its length is told by what follows, which in rare cases looks like its end
        piece_ += link_test::with_crc('\xf0' + link_test::big(0xffff, 2) + link_test::big(0, 6));
        current().clean = false;
        break;
      case kOtherCode: {
        const unsigned high = take_byte(script);
        command(static_cast<std::uint16_t>(high << 8U | take_byte(script)), {});
        break;
      }
      case kThroughText:
        put(link_test::command_frame(BinaryCode::kText), static_cast<std::uint16_t>(BinaryCode::kText), true);
        piece_ += "NOOP\r\nBINARY\r\n";
        last_good_ = false;  // not again without its lines
        break;
      case kAgain:
        for (unsigned n = take_byte(script) % 64U; n > 0 && piece_.size() < kPieceMax; --n) put_last();
        break;
      case kDamage: {
        const std::size_t at = take_byte(script);
        const auto with = static_cast<char>(take_byte(script));
        if (at < piece_.size() && with != 0) {
          piece_[at] = static_cast<char>(piece_[at] ^ with);
          current().clean = false;
        }
        break;
      }
      default:
        break;
    }
  }

  // ---- what happens ----

  void step(std::uint8_t what) {
    write(what == kByteByByte ? 1 : piece_.size());
    switch (what) {
      case kOther:
        current_ = 1 - current_;
        break;
      case kSettle:
        settle();
        break;
      case kMoment:
        rig_.pass_time(60 * link_test::kMillisecond);
        break;
      case kWhile:
        rig_.pass_time(3 * link_test::kSecond);
        break;
      case kHalfClose:
        if (current().open && !current().half_closed) rig_.half_close(current().socket);
        current().half_closed = true;
        break;
      case kReset:
        if (current().open) rig_.reset(current().socket);
        current().open = false;
        break;
      case kStopReading:
        reading_ = false;
        break;
      case kRead:
        reading_ = true;
        break;
      case kDrain:
        drained_ = true;
        for (router::ThreadIndex i = 0; i < rig_.router().worker_count(); ++i) {
          rig_.worker(i).for_each_session(
              [](router::StreamSession& session) { session.drain(3 * link_test::kSecond); });
        }
        break;
      default:
        rig_.turn();
        break;
    }
  }

  void write(std::size_t at_once) {
    Client& client = current();
    std::string_view rest = piece_;
    while (!rest.empty() && client.open && !client.half_closed && rig_.session(client.socket) != nullptr) {
      const int sent = rig_.net().send(client.socket, rest.substr(0, at_once));
      if (sent > 0) {
        rest.remove_prefix(static_cast<std::size_t>(sent));
        if (at_once == 1) rig_.turn();
        continue;
      }
      if (sent != -EAGAIN) break;
      settle();
      if (rig_.net().send_room(client.socket) == 0) break;
    }
    if (!rest.empty()) client.clean = false;
    piece_.clear();
  }

  /// Whether anybody got anything.
  bool settle() {
    rig_.settle();
    if (rig_.worker().counters().login_failures.value() > 1) {  // hashes of unknown users are dear
      logins_stopped_ = true;
      rig_.run_logins(false);
    }
    bool got = false;
    for (Client& client : clients_) {
      if (!client.open || !reading_) continue;
      const std::string more = rig_.read(client.socket);
      got = got || !more.empty();
      for (const Heard& heard : client.stream.take(more)) note(client, heard);
    }
    return got;
  }

  void note(Client& client, const Heard& heard) const {
    if (!client.clean || heard.kind != Heard::Kind::kReply) return;
    constexpr std::uint16_t kConfirmCode = 0xffff;
    const bool told_anyway = heard.code == kConfirmCode &&
                             (heard.error == vscp::VscpError::kTimeout || heard.error == vscp::VscpError::kOverrun ||
                              (!confirms_ && heard.error != vscp::VscpError::kSuccess));
    if (told_anyway) return;
    check(!client.expected.empty(), "nothing is answered that was not asked");
    check(client.expected.front() == heard.code, "answers come in the order of the frames");
    const bool more_of_retr = heard.code == static_cast<std::uint16_t>(BinaryCode::kRetr) && heard.argument_size > 0;
    if (!more_of_retr) client.expected.pop_front();
  }

  void finish() {
    reading_ = true;
    for (int i = 0; i < 8; ++i) {
      while (settle()) {
      }
      rig_.pass_time(2500 * link_test::kMillisecond);
    }
    while (settle()) {
    }
    for (const Client& client : clients_) {
      if (!client.open || drained_) continue;
      const auto* session = rig_.session(client.socket);
      if (session == nullptr || !session->is_open()) continue;
      check(!client.stream.has_rest(), "no line and no frame stays unfinished");
      check(!client.clean || logins_stopped_ || client.expected.empty(), "every frame is answered");
    }
    const std::string left = rig_.end();
    if (!left.empty()) std::fprintf(stderr, "%s\n", left.c_str());
    check(left.empty(), "nothing is left when all have gone");
  }

  LinkRig rig_;
  std::array<Client, 3> clients_;  ///< logged in, not logged in, with its channel open
  std::string piece_;
  std::string last_;
  std::uint16_t last_answer_ = 0xffff;
  bool last_good_ = false;
  std::size_t current_ = 0;
  bool confirms_;
  bool reading_ = true;
  bool drained_ = false;
  bool logins_stopped_ = false;
};

}  // namespace

void binary_session(Bytes input) {
  const ExactCopy copy(input.first(std::min<std::size_t>(input.size(), 4096)));
  Play play(copy.bytes());
  play.run(copy.bytes().subspan(std::min<std::size_t>(1, copy.bytes().size())));
}

}  // namespace fuzz
