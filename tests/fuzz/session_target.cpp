// A link session that gets any bytes, in pieces, while a second client listens to what comes of it.
//
// The input is a script: bytes below 0xf0 are written to the current session, the rest are commands (Step). Everything
// else (delays, short sends and receives) follows from the input too, so that an input always does the same.
#include <algorithm>
#include <array>
#include <string>

#include "protocol/event_line.h"
#include "protocol/link_reply.h"
#include "router/base/check.h"
#include "tests/fuzz/promise.h"
#include "tests/fuzz/session_rules.h"

namespace fuzz {
namespace {

namespace reply = vscp::reply;
using link_test::LinkRig;

enum Step : std::uint8_t {
  kCut = 0xf0,    ///< what came up to here is a piece
  kOther = 0xf1,  ///< from here on to the other session
  kSettle = 0xf2,
  kMoment = 0xf3,  ///< 60 ms pass
  kWhile = 0xf4,   ///< 3 s pass
  kHalfClose = 0xf5,
  kReset = 0xf6,
  kStopReading = 0xf7,  ///< the listener takes nothing until kRead
  kRead = 0xf8,
  kDrain = 0xf9,
  kLiteral = 0xfa,  ///< the next byte is written, whatever it is
};

/// One client, what it has written and what it got.
struct Client {
  router::Socket socket = -1;
  std::string received;        ///< of the line that is not complete
  std::string line;            ///< written and not yet ended
  std::uint64_t commands = 0;  ///< lines written that must be answered
  std::uint64_t answers = 0;
  bool listens = false;  ///< gets events, signs of life and nothing else
  bool binary = false;   ///< what it gets from here on is binary_target.cpp's matter
  bool half_closed = false;
  bool open = true;  ///< on our side
};

class Play {
 public:
  explicit Play(Bytes input) : rig_(session_settings(input)) {
    clients_[0].socket = rig_.connect_logged_in();
    clients_[1].socket = rig_.connect();
    clients_[2].socket = rig_.connect_logged_in(static_cast<router::ThreadIndex>(rig_.router().worker_count() - 1));
    clients_[2].listens = true;
    clients_[2].commands = 1;
    take(clients_[1]);
    clients_[1].answers = 0;  // the greeting
    VR_ASSERT(rig_.send(clients_[2].socket, "RCVLOOP\r\n"));
  }

  void run(Bytes script) {
    for (std::size_t i = 0; i < script.size(); ++i) {
      if (script[i] < kCut) {
        piece_ += static_cast<char>(script[i]);
      } else if (script[i] == kLiteral && i + 1 < script.size()) {
        piece_ += static_cast<char>(script[++i]);
      } else {
        step(script[i]);
      }
    }
    step(kSettle);
    finish();
  }

 private:
  void step(std::uint8_t what) {
    write();
    Client& current = clients_[current_];
    switch (what) {
      case kOther:
        current_ = 1 - current_;
        break;
      case kMoment:
        rig_.pass_time(60 * link_test::kMillisecond);
        break;
      case kWhile:
        rig_.pass_time(3 * link_test::kSecond);
        break;
      case kHalfClose:
        if (current.open && !current.half_closed) rig_.half_close(current.socket);
        current.half_closed = true;
        break;
      case kReset:
        if (current.open) rig_.reset(current.socket);
        current.open = false;
        break;
      case kStopReading:
        reading_ = false;
        break;
      case kRead:
        reading_ = true;
        break;
      case kDrain:
        drain();
        break;
      case kSettle:
        settle();
        break;
      default:
        rig_.turn();
        break;
    }
  }

  void drain() {
    drained_ = true;
    for (router::ThreadIndex i = 0; i < rig_.router().worker_count(); ++i) {
      rig_.worker(i).for_each_session([](router::StreamSession& session) { session.drain(3 * link_test::kSecond); });
    }
  }

  // Hashes of unknown users are dear: after a few the checks are left waiting.
  /// Whether anybody got anything.
  bool settle() {
    rig_.settle();
    if (rig_.worker().counters().login_failures.value() > 1) {
      logins_stopped_ = true;
      rig_.run_logins(false);
    }
    std::size_t got = 0;
    for (Client& client : clients_) got += take(client);
    return got > 0;
  }

  void read_all() {
    while (settle()) {
    }
  }

  void write() {
    Client& current = clients_[current_];
    std::string_view rest = piece_;
    while (!rest.empty() && current.open && !current.half_closed && rig_.session(current.socket) != nullptr) {
      const int sent = rig_.net().send(current.socket, rest);
      if (sent < 0) {
        if (sent != -EAGAIN || !make_room()) break;
        continue;
      }
      note_written(current, rest.substr(0, static_cast<std::size_t>(sent)));
      rest.remove_prefix(static_cast<std::size_t>(sent));
    }
    piece_.clear();
  }

  bool make_room() {
    settle();
    return rig_.net().send_room(clients_[current_].socket) > 0;
  }

  static void note_written(Client& client, std::string_view text) {
    for (const char c : text) {
      if (c != '\n') {
        client.line += c;
        continue;
      }
      if (client.line.find_first_not_of(" \t\r") != std::string::npos) ++client.commands;
      client.line.clear();
    }
  }

  std::size_t take(Client& client) {
    if (!client.open || (client.listens && !reading_)) return 0;
    const std::string more = rig_.read(client.socket);
    client.received += more;
    for (;;) {
      if (client.binary) client.received.clear();
      const std::size_t end = client.received.find('\n');
      if (end == std::string::npos) return more.size();
      on_line(client, std::string_view(client.received).substr(0, end + 1));
      client.received.erase(0, end + 1);
    }
  }

  static void on_line(Client& client, std::string_view line) {
    check(line.ends_with("\r\n"), "every line ends with CRLF");
    if (is_status(line)) {
      check(is_known_status(line), "a status line is one of ours");
      if (line != reply::kAlive) ++client.answers;
      client.binary = line == reply::kBinaryOn;
      return;
    }
    if (!client.listens) return;
    vscp::Event event;
    check(vscp::decode_event_line(line.substr(0, line.size() - 2), event).has_value(), "a listener gets whole events");
    check(event.obid != 0, "an event names its sender");
  }

  void finish() {
    reading_ = true;
    for (int i = 0; i < 8; ++i) {
      read_all();
      rig_.pass_time(2500 * link_test::kMillisecond);
    }
    read_all();
    for (Client& client : clients_) {
      if (!client.open || client.binary || drained_) continue;
      const auto* session = rig_.session(client.socket);
      const bool stands = session != nullptr && session->is_open();
      // Whoever was closed got at most one line more than he asked for: why.
      check(client.answers <= client.commands + 1, "no command is answered twice");
      const bool answered = !stands || logins_stopped_ || client.answers == client.commands;
      if (!answered) {
        std::fprintf(stderr, "client %d: %llu commands, %llu answers\n", static_cast<int>(&client - clients_.data()),
                     static_cast<unsigned long long>(client.commands), static_cast<unsigned long long>(client.answers));
      }
      check(answered, "every command is answered");
      check(!stands || client.received.empty(), "no line stays unfinished");
    }
    const std::string left = rig_.end();
    if (!left.empty()) std::fprintf(stderr, "%s\n", left.c_str());
    check(left.empty(), "nothing is left when all have gone");
  }

  LinkRig rig_;
  std::array<Client, 3> clients_;  ///< logged in, not logged in, in the loop
  std::string piece_;
  std::size_t current_ = 0;
  bool reading_ = true;
  bool drained_ = false;
  bool logins_stopped_ = false;
};

}  // namespace

void link_session(Bytes input) {
  const ExactCopy copy(input.first(std::min<std::size_t>(input.size(), 4096)));
  Play play(copy.bytes());
  play.run(copy.bytes().subspan(std::min<std::size_t>(1, copy.bytes().size())));
}

}  // namespace fuzz
