// A far side that says anything to the link client: the reader of its lines, and a remote on the simulated network.
//
// The input: its first byte says how the remote is set up. The rest are pieces, each behind a control byte: 1 and 2 say
// it on the first or second connection, 3 lets 20 s pass, 4 resets the connections, 5 publishes an event. Text in front
// of the first control byte is said on the first one.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "drivers/link_client/reply_reader.h"
#include "protocol/event_line.h"
#include "tests/fuzz/promise.h"
#include "tests/fuzz/targets.h"
#include "tests/unit/link_client/remote_rig.h"

namespace fuzz {
namespace {

using drivers::link_client::ReplyReader;
using link_client_test::RemoteRig;

constexpr std::size_t kPiecesMax = 64;

std::vector<std::string> lines_of(std::string_view text, std::size_t piece) {
  ReplyReader reader;
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, piece);
    const std::size_t done = reader.read(part, [&](std::string_view line) {
      check(!line.empty() && line.size() <= ReplyReader::kLineMax, "a line that is too long");
      lines.emplace_back(line);
      return true;
    });
    check(done == part.size(), "everything is taken");
    text.remove_prefix(part.size());
  }
  check(reader.unfinished() <= ReplyReader::kLineMax + 1, "what is kept is bounded");
  return lines;
}

/// Everything that the remote says is whole lines of these commands.
void check_commands(std::string_view text) {
  constexpr std::array<std::string_view, 12> kVerbs{"USER ",   "PASS ", "BRIDGE", "CHID", "SFLT ", "SMSK ",
                                                    "RCVLOOP", "CDTA",  "RETR",   "NOOP", "SEND ", "QUIT"};
  while (!text.empty()) {
    const auto end = text.find("\r\n");
    check(end != std::string_view::npos, "a command has an end");
    const std::string_view line = text.substr(0, end);
    check(std::any_of(kVerbs.begin(), kVerbs.end(), [&](std::string_view verb) { return line.starts_with(verb); }),
          "a known command");
    vscp::Event event;
    if (line.starts_with("SEND "))
      check(vscp::decode_event_line(line.substr(5), event).has_value(), "an event that can be read");
    text.remove_prefix(end + 2);
  }
}

class FarSide {
 public:
  explicit FarSide(unsigned mode)
      : binary_((mode & 128U) != 0 && (mode & 1U) == 0), rig_([mode, this](drivers::link_client::RemoteConfig& config) {
          if ((mode & 1U) != 0) config.mode = drivers::link_client::Mode::kInterval;
          if ((mode & 2U) != 0) config.user = config.password = "site";
          config.send = (mode & 4U) == 0;
          config.filter_remote = (mode & 8U) != 0;
          config.send_window = mode >> 4U & 7U;
          config.binary = binary_;
        }) {
    rig_.start();
  }

  void act(char what, std::string_view text) {
    take_new();
    switch (what) {
      case 3:
        rig_.pass_time(20 * link_client_test::kSecond);
        break;
      case 4:
        for (auto& far : ends_) reset(far);
        break;
      case 5:
        rig_.publish(5, static_cast<std::uint8_t>(text.size()));
        rig_.settle();
        break;
      default:
        say(ends_[what == 2 ? 1 : 0], text);
        break;
    }
    for (const auto far : ends_) {
      if (far >= 0) heard_ += rig_.heard(far);
    }
    take_new();
    rig_.pass_time(20 * link_client_test::kMillisecond);
  }
  void end() {
    for (const auto far : ends_) {
      if (far >= 0) heard_ += rig_.heard(far);
    }
    // The last line may be cut by the end of its connection.
    heard_.resize(heard_.rfind('\n') == std::string::npos ? 0 : heard_.rfind('\n') + 1);
    if (!binary_) check_commands(heard_);
    const auto status = rig_.status();
    check(status.figures.events_in + status.figures.bad <= said_, "no more events than bytes");
  }

 private:
  void take_new() {
    for (int got = rig_.net().accept(rig_.listener()); got >= 0; got = rig_.net().accept(rig_.listener())) {
      auto& place = ends_[0] < 0 || (ends_[1] >= 0 && next_++ % 2 == 0) ? ends_[0] : ends_[1];
      reset(place);
      place = got;
    }
  }
  void reset(router::Socket& far) {
    if (far >= 0) rig_.net().reset(far);
    far = -1;
  }
  void say(router::Socket far, std::string_view text) {
    if (far < 0 || text.empty()) return;
    const int sent = rig_.net().send(far, text);
    if (sent > 0) said_ += static_cast<std::size_t>(sent);
    rig_.settle();
  }

  bool binary_;
  RemoteRig rig_;
  std::array<router::Socket, 2> ends_{-1, -1};
  unsigned next_ = 0;
  std::size_t said_ = 0;
  std::string heard_;
};

}  // namespace

void link_client(Bytes input) {
  const std::string_view text(reinterpret_cast<const char*>(input.data()), input.size());
  const auto whole = lines_of(text, std::max<std::size_t>(text.size(), 1));
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}}) {
    check(lines_of(text, piece) == whole, "the same lines however the bytes are cut");
  }
  if (text.empty()) return;
  FarSide far(static_cast<unsigned char>(text[0]));
  std::string_view rest = text.substr(1);
  char what = 1;
  for (std::size_t pieces = 0; pieces < kPiecesMax && !rest.empty(); ++pieces) {
    const auto is_control = [](char c) { return c >= 1 && c <= 5; };
    const auto end = static_cast<std::size_t>(std::find_if(rest.begin(), rest.end(), is_control) - rest.begin());
    far.act(what, rest.substr(0, end));
    if (end == rest.size()) break;
    what = rest[end];
    rest.remove_prefix(end + 1);
  }
  far.end();
}

}  // namespace fuzz
