#include "tests/sim/sim_client.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "protocol/event_line.h"
#include "protocol/link_reply.h"

namespace sim {
namespace {

constexpr std::uint64_t kEpochNs = 1'767'323'045'000'000'000ULL;

std::uint64_t mix(std::uint64_t value) {
  value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27U)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31U);
}

}  // namespace

std::uint16_t Ledger::class_of(std::uint32_t source, std::uint32_t number) const {
  return static_cast<std::uint16_t>(10 + mix(seed_ + (std::uint64_t{source} << 32U | number) * 3) % 4);
}

vscp::Event Ledger::event_of(std::uint32_t source, std::uint32_t number) const {
  std::uint64_t state = mix(seed_ ^ mix((std::uint64_t{source} << 32U | number) + 1));
  const auto next = [&state] { return state = mix(state + 0x9e3779b97f4a7c15ULL); };
  vscp::Event event{};
  event.time_ns = kEpochNs + std::uint64_t{number} * 1'000'000'000;
  event.timestamp_us = static_cast<std::uint32_t>(event.time_ns / 1000);  // both line formats can say it
  event.head = static_cast<std::uint16_t>((next() % 8) << 5U);
  event.vscp_class = class_of(source, number);
  event.vscp_type = static_cast<std::uint16_t>(next());
  const std::uint64_t kind = next() % 20;
  event.data_size = static_cast<std::uint16_t>(kind == 0 ? 487 : kind < 4 ? next() % 488 : next() % 17);
  for (std::size_t i = 0; i < event.data_size; ++i) event.data[i] = static_cast<std::uint8_t>(next());
  // The top byte keeps it from being all zero, which means "fill in".
  event.guid.bytes[0] = 0xfe;
  for (std::size_t i = 0; i < 4; ++i) {
    event.guid.bytes[4 + i] = static_cast<std::uint8_t>(source >> (8 * i));
    event.guid.bytes[8 + i] = static_cast<std::uint8_t>(number >> (8 * i));
  }
  return event;
}

SimClient::SimClient(router::SimNet& net, Ledger& ledger, router::Socket listener, const ClientPlan& plan)
    : net_(&net), ledger_(&ledger), plan_(plan), socket_(net.connect(listener)), source_(ledger.add_source()) {
  pending_.push_back({Verb::kGreeting});
}

void SimClient::fail(const std::string& text) {
  ledger_->fail("client " + std::to_string(source_) + ": " + text + "; " + describe());
}

std::string SimClient::describe() const {
  return "channel " + std::to_string(channel_) + ", pending " + std::to_string(pending_.size()) + " (first " +
         std::to_string(pending_.empty() ? -1 : static_cast<int>(pending_.front().verb)) + "), to write " +
         std::to_string(outbox_.size()) + ", unread line " + std::to_string(inbox_.size()) +
         (in_loop_ ? ", in loop" : "") + (settling_ ? ", settling" : "") + (is_connected() ? "" : ", gone");
}

// ---- doing
// ------------------------------------------------------------------------------------------------------------------

bool SimClient::act() {
  if (!is_connected()) return false;
  if (plan_.stalls && logged_in_ && !leaving_) {
    if (!stalled_) stall();
    return write_some();
  }
  bool happened = make_commands();
  happened = write_some() || happened;
  if (settling_ || leaving_) {
    // A goodbye is waited for only so long.
    while (is_connected() && read_some()) happened = true;
    return happened;
  }
  const std::uint64_t now_ns = net_->clock().monotonic_ns();
  if (now_ns < stopped_until_ns_) return happened;
  if (net_->chance(plan_.stop)) stopped_until_ns_ = now_ns + below(plan_.stop_ns + 1);
  if (!net_->chance(plan_.idle) && is_connected()) happened = read_some() || happened;
  return happened;
}

// More answers than a session keeps, events that it does not read, and input behind them.
void SimClient::stall() {
  stalled_ = true;
  ledger_->sources[source_].gone = true;  // nobody waits for what it sends
  if (net_->chance(500)) command(Verb::kLoop, "RCVLOOP");
  for (int i = 0; i < 5000; ++i) command(Verb::kNoop, "NOOP");
}

bool SimClient::can_act() const {
  return is_connected() &&
         ((net_->is_readable(socket_) && !stalled_) || (!outbox_.empty() && net_->is_writable(socket_)));
}

bool SimClient::write_some() {
  if (outbox_.empty() || !is_connected()) return false;
  const std::size_t size = settling_ || net_->chance(500) ? outbox_.size() : 1 + below(outbox_.size());
  const int result = net_->send(socket_, {outbox_.data(), size});
  if (result == -EAGAIN) return false;
  if (result < 0) {
    on_end(true);
    return true;
  }
  outbox_.erase(0, static_cast<std::size_t>(result));
  if (outbox_.empty() && leaving_ && plan_.fate == Fate::kHalfCloses) net_->shutdown_send(socket_);
  return true;
}

bool SimClient::read_some() {
  std::array<char, 65536> room;
  const std::size_t size = settling_ ? room.size() : std::min<std::size_t>(room.size(), 1 + below(plan_.read_max));
  const int result = net_->recv(socket_, {room.data(), size});
  if (result == -EAGAIN) return false;
  if (result <= 0) {
    on_end(result < 0);
    return true;
  }
  inbox_.append(room.data(), static_cast<std::size_t>(result));
  std::size_t done = 0;
  for (std::size_t end = 0; (end = inbox_.find("\r\n", done)) != std::string::npos && is_connected(); done = end + 2) {
    on_line(std::string_view(inbox_).substr(done, end - done));
  }
  inbox_.erase(0, done);
  return true;
}

void SimClient::on_end(bool reset) {
  const bool expected = leaving_ && (plan_.fate == Fate::kQuits || plan_.fate == Fate::kHalfCloses);
  // A session waits 5 s for its last replies to be taken, in a network that may take longer.
  const bool late = expected && net_->clock().monotonic_ns() - left_ns_ > 4'500'000'000;
  if (expected && !late && !plan_.may_be_closed && (!pending_.empty() || reset))
    fail(reset ? "reset in place of the last replies" : "commands unanswered");
  if (!expected && !plan_.may_be_closed) fail(reset ? "reset by the server" : "closed by the server");
  net_->close(socket_);
  socket_ = -1;
  ledger_->sources[source_].gone = true;
}

void SimClient::leave(Fate fate) {
  if (!is_connected() || leaving_) return;
  plan_.fate = fate;
  leaving_ = true;
  left_ns_ = net_->clock().monotonic_ns();
  switch (fate) {
    case Fate::kStays:
      leaving_ = false;
      break;
    case Fate::kQuits:
      command(Verb::kQuit, "QUIT");
      break;
    case Fate::kHalfCloses:
      if (outbox_.empty()) net_->shutdown_send(socket_);
      break;
    case Fate::kResets:
    case Fate::kCloses:
      fate == Fate::kResets ? net_->reset(socket_) : net_->close(socket_);
      socket_ = -1;
      ledger_->sources[source_].gone = true;
      break;
  }
}

bool SimClient::make_commands() {
  if (leaving_) return false;
  if (!logged_in_) return false;
  if (commands_made_ >= plan_.fate_after && plan_.fate != Fate::kStays) {
    leave(plan_.fate);
    return true;
  }
  if (settling_) {
    if (loop_wanted_) return false;
    command(Verb::kLoop, "RCVLOOP");
    return true;
  }
  if (outbox_.size() > 20'000 || !net_->chance(300)) return false;
  const std::uint64_t burst = net_->chance(200) ? 1 + below(40) : 1;
  for (std::uint64_t i = 0; i < burst; ++i) random_command();
  return true;
}

void SimClient::command(Verb verb, std::string_view text, std::uint16_t value) {
  outbox_.append(text);
  outbox_.append(net_->chance(500) ? "\r\n" : "\n");
  pending_.push_back({verb, value});
  if (changes_what_comes(verb)) ++uncertain_;
  if (verb == Verb::kLoop) loop_wanted_ = true;
  if (verb == Verb::kQuitLoop) loop_wanted_ = false;
}

void SimClient::random_command() {
  const std::uint32_t created = ledger_->sources[source_].created;
  ++commands_made_;
  if (created < plan_.events && net_->chance(800)) {
    char line[vscp::kEventLineMax];
    vscp::DateCache dates;
    const auto format = net_->chance(500) ? vscp::LineFormat::kLegacy : vscp::LineFormat::kNanoseconds;
    const std::size_t size = vscp::encode_event_line(ledger_->event_of(source_, created), format, dates, line);
    ++ledger_->sources[source_].created;
    command(Verb::kSend, "SEND " + std::string(line, size - 2));
    return;
  }
  if (plan_.commands == 0) return;
  --plan_.commands;
  const auto digit = static_cast<std::uint16_t>(below(4));
  switch (below(13)) {
    case 0:
      command(Verb::kCdta, "CDTA");
      break;
    case 1:
    case 2:
      command(Verb::kRetr, "RETR " + std::to_string(1 + below(400)));
      break;
    case 3:
    case 4:
    case 5:
      command(Verb::kLoop, "RCVLOOP");
      break;
    case 6:
      command(Verb::kQuitLoop, "QUITLOOP");
      break;
    case 7:
      if (net_->chance(200)) command(Verb::kClra, "CLRA");
      break;
    case 8:
      if (net_->chance(500)) {
        command(Verb::kMask, "SMSK 0,0,0,-");
      } else {
        command(Verb::kMask, "SMSK 0,3,0,-", 3);
      }
      break;
    case 9:
      command(Verb::kFilter, "SFLT 0," + std::to_string(digit) + ",0,-", digit);
      break;
    case 10:
      if (plan_.long_replies && net_->chance(200)) command(Verb::kHelp, "HELP");
      break;
    case 11:
      command(Verb::kBadSend, "SEND 0,70000,1,0,,,-,1");
      break;
    default:
      command(Verb::kNoop, "NOOP");
      break;
  }
}

// ---- judging
// ----------------------------------------------------------------------------------------------------------------

void SimClient::on_line(std::string_view line) {
  if (line == "+OK" && (in_loop_ || loop_wanted_)) return;  // sign of life
  if (line.starts_with("+OK") || line.starts_with("-OK")) {
    on_answer(line);
  } else if (!line.empty() && line[0] >= '0' && line[0] <= '9' && line.find(',') != std::string_view::npos) {
    on_event(line);
  } else {
    const Verb verb = pending_.empty() ? Verb::kNoop : pending_.front().verb;
    const bool fits = verb == Verb::kGreeting || verb == Verb::kChid || verb == Verb::kCdta || verb == Verb::kHelp;
    if (!fits) fail("unexpected line: " + std::string(line));
    if (verb == Verb::kChid) std::from_chars(line.data(), line.data() + line.size(), channel_);
    ++data_lines_;
  }
}

void SimClient::on_answer(std::string_view line) {
  // The last line that a slow reader gets is an answer to nothing.
  if (plan_.may_be_closed && vscp::reply::kTooSlow.starts_with(line)) return;
  if (pending_.empty()) {
    fail("an answer to nothing: " + std::string(line));
    return;
  }
  const Asked asked = pending_.front();
  const Verb verb = asked.verb;
  pending_.pop_front();
  ++ledger_->answers;
  net_->note(source_ * 64U + static_cast<std::uint64_t>(verb));
  std::string_view expected = vscp::reply::kOk;
  std::uint32_t lines = 0;
  if (verb == Verb::kUser) expected = vscp::reply::kUserOk;
  if (verb == Verb::kLoop) expected = vscp::reply::kLoopEntered;
  if (verb == Verb::kQuitLoop) expected = vscp::reply::kLoopLeft;
  if (verb == Verb::kClra) expected = vscp::reply::kCleared;
  if (verb == Verb::kQuit) expected = vscp::reply::kBye;
  if (verb == Verb::kBadSend) expected = vscp::reply::kBadParameter;
  if (verb == Verb::kRetr && line.starts_with("-")) expected = vscp::reply::kNoEvents;
  if (verb == Verb::kGreeting || verb == Verb::kChid || verb == Verb::kCdta) lines = 1;
  if (verb == Verb::kHelp) lines = plan_.help_lines == 0 ? data_lines_ : plan_.help_lines;
  if (line != expected.substr(0, expected.size() - 2)) {
    fail("command " + std::to_string(static_cast<int>(verb)) + " answered: " + std::string(line));
  }
  if (data_lines_ != lines) fail("lines of data before the answer: " + std::to_string(data_lines_));
  data_lines_ = 0;
  reached(asked);
}

void SimClient::reached(const Asked& asked) {
  if (changes_what_comes(asked.verb)) --uncertain_;
  switch (asked.verb) {
    case Verb::kGreeting:
      command(Verb::kUser, "USER admin");
      command(Verb::kPass, "PASS secret");
      break;
    case Verb::kPass:
      require_from_now_on();
      command(Verb::kChid, "CHID");
      break;
    case Verb::kChid:
      logged_in_ = true;
      break;
    case Verb::kSend:
      ++ledger_->sources[source_].answered;
      break;
    case Verb::kLoop:
      in_loop_ = true;
      break;
    case Verb::kQuitLoop:
      in_loop_ = false;
      break;
    case Verb::kFilter:
    case Verb::kMask:
      (asked.verb == Verb::kMask ? filter_.mask_class : filter_.filter_class) = asked.value;
      require_from_now_on();
      break;
    case Verb::kClra:
      require_from_now_on();
      break;
    default:
      break;
  }
}

// What others make from now on must come, if it passes the filter; what they made before may.
void SimClient::require_from_now_on() {
  for (std::uint32_t source = 0; source < ledger_->sources.size(); ++source) {
    seen_[source].must_from = ledger_->sources[source].created;
  }
}

std::uint64_t SimClient::missing_between(std::uint32_t source, std::uint32_t begin, std::uint32_t end) const {
  std::uint64_t missing = 0;
  for (std::uint32_t number = begin; number < end; ++number) missing += passes(ledger_->class_of(source, number));
  return missing;
}

void SimClient::on_event(std::string_view line) {
  vscp::Event event;
  const auto hints = vscp::decode_event_line(line, event);
  if (!hints) {
    fail("not an event: " + std::string(line.substr(0, 200)));
    return;
  }
  const bool leaves_loop =
      std::any_of(pending_.begin(), pending_.end(), [](const Asked& each) { return each.verb == Verb::kQuitLoop; });
  const bool retrieves = !pending_.empty() && pending_.front().verb == Verb::kRetr;
  const bool asked = in_loop_ || loop_wanted_ || leaves_loop || retrieves;
  if (!asked) fail("an event that was not asked for");
  std::uint32_t source = 0;
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    source |= std::uint32_t{event.guid.bytes[4 + i]} << (8 * i);
    number |= std::uint32_t{event.guid.bytes[8 + i]} << (8 * i);
  }
  if (source >= ledger_->sources.size() || number >= ledger_->sources[source].created) {
    fail("an event that nobody sent: " + std::string(line.substr(0, 200)));
    return;
  }
  vscp::Event sent = ledger_->event_of(source, number);
  sent.obid = event.obid;
  if (!(sent == event)) fail("a changed event: " + std::string(line.substr(0, 200)));
  if (source == source_) fail("its own event came back");
  Seen& seen = seen_[source];
  if (number < seen.next) {
    fail("event " + std::to_string(number) + " of source " + std::to_string(source) + " after " +
         std::to_string(seen.next - 1));
  }
  if (uncertain_ == 0 && number >= seen.must_from && !passes(sent.vscp_class)) fail("an event that the filter forbids");
  if (uncertain_ == 0) seen.missing += missing_between(source, std::max(seen.next, seen.must_from), number);
  seen.next = number + 1;
  ++ledger_->deliveries;
  net_->note(std::uint64_t{source_} << 48U ^ std::uint64_t{source} << 32U ^ number);
}

std::uint64_t SimClient::count_missing() const {
  std::uint64_t missing = 0;
  for (std::uint32_t source = 0; source < ledger_->sources.size(); ++source) {
    if (source == source_) continue;
    const auto& other = ledger_->sources[source];
    const auto found = seen_.find(source);
    const Seen seen = found == seen_.end() ? Seen{} : found->second;
    const std::uint32_t end = other.gone ? other.answered : other.created;
    missing += seen.missing + missing_between(source, std::max(seen.next, seen.must_from), end);
  }
  return missing;
}

bool SimClient::is_settled() const {
  if (!is_connected() || stalled_) return true;
  // Signs of life never end, so half of one may be there.
  const bool between_lines = vscp::reply::kAlive.starts_with(inbox_);
  // Who says goodbye is to be let go.
  return logged_in_ && pending_.empty() && outbox_.empty() && between_lines && in_loop_ && !leaving_;
}

}  // namespace sim
