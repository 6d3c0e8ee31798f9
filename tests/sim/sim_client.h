// One simulated client of the link protocol, with a model of what it must get: every command answered once, in order
// and with an answer that fits; every event as it was sent, in the order of its source, none twice, none missing but
// those that were dropped and counted.
//
// Events carry source and sequence number in their GUID; everything else of an event follows from these two, so that a
// receiver can make the event again and compare.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/event.h"
#include "protocol/filter.h"
#include "router/io/sim_net.h"

namespace sim {

/// What all clients of one world know of each other.
class Ledger {
 public:
  struct Source {
    std::uint32_t created = 0;   ///< SEND lines made
    std::uint32_t answered = 0;  ///< of these, with a positive answer
    bool gone = false;           ///< no longer connected: what is not answered may be lost
  };
  explicit Ledger(std::uint64_t seed) : seed_(seed) {}

  vscp::Event event_of(std::uint32_t source, std::uint32_t number) const;
  std::uint16_t class_of(std::uint32_t source, std::uint32_t number) const;
  std::uint32_t add_source() {
    sources.emplace_back();
    return static_cast<std::uint32_t>(sources.size()) - 1;
  }
  /// The first failure is the one to look at.
  void fail(const std::string& text) {
    if (failure.empty()) failure = text;
  }

  std::vector<Source> sources;
  std::string failure;
  std::uint64_t deliveries = 0;
  std::uint64_t answers = 0;

 private:
  std::uint64_t seed_;
};

enum class Fate : std::uint8_t { kStays, kQuits, kHalfCloses, kResets, kCloses };

struct ClientPlan {
  std::uint32_t events = 0;     ///< to send
  std::uint32_t commands = 40;  ///< others
  Fate fate = Fate::kStays;
  std::uint32_t fate_after = 100;  ///< commands
  std::uint32_t idle = 300;        ///< of 1000 turns, those in which it does not read
  std::uint32_t stop = 5;          ///< of 1000 turns, those in which it stops reading for a while
  std::uint64_t stop_ns = 50'000'000;
  std::uint32_t read_max = 4096;  ///< bytes per turn
  bool long_replies = true;       ///< sometimes asks for one
  std::uint32_t help_lines = 0;   ///< of the answer to HELP, 0 = any number
  bool stalls = false;            ///< after its login it asks for much and never reads again
  bool may_be_closed = false;     ///< slow readers are closed in this world
};

class SimClient {
 public:
  SimClient(router::SimNet& net, Ledger& ledger, router::Socket listener, const ClientPlan& plan);

  /// One turn; whether anything happened.
  bool act();
  /// Whether act() would do something.
  bool can_act() const;
  /// From now on: reads all it can, sends no new commands but the one that enters the loop.
  void settle() { settling_ = true; }
  /// Nothing to send and nothing to wait for but events.
  bool is_settled() const;
  bool is_connected() const { return socket_ >= 0; }
  bool is_logged_in() const { return logged_in_; }
  std::uint32_t channel() const { return channel_; }
  router::Socket socket() const { return socket_; }
  std::uint32_t source() const { return source_; }
  bool is_stalled() const { return stalled_; }
  /// Events that it should have got and did not.
  std::uint64_t count_missing() const;
  void leave(Fate fate);
  std::string describe() const;

 private:
  enum class Verb : std::uint8_t {
    kGreeting,
    kUser,
    kPass,
    kChid,
    kNoop,
    kSend,
    kBadSend,
    kRetr,
    kCdta,
    kClra,
    kLoop,
    kQuitLoop,
    kFilter,
    kMask,
    kHelp,
    kQuit
  };
  struct Asked {
    Verb verb = Verb::kNoop;
    std::uint16_t value = 0;  ///< of kFilter and kMask
  };
  struct Seen {
    std::uint32_t next = 0;       ///< first number that may still come
    std::uint32_t must_from = 0;  ///< from here on everything that passes the filter must come
    std::uint64_t missing = 0;
  };

  bool read_some();
  bool write_some();
  bool make_commands();
  void command(Verb verb, std::string_view text, std::uint16_t value = 0);
  static bool changes_what_comes(Verb verb) {
    return verb == Verb::kFilter || verb == Verb::kMask || verb == Verb::kClra;
  }
  void random_command();
  void stall();
  void on_line(std::string_view line);
  void on_event(std::string_view line);
  void on_answer(std::string_view line);
  void on_end(bool reset);
  void reached(const Asked& asked);
  void require_from_now_on();
  std::uint64_t missing_between(std::uint32_t source, std::uint32_t begin, std::uint32_t end) const;
  bool passes(std::uint16_t vscp_class) const { return filter_.may_match_class(vscp_class); }
  void fail(const std::string& text);
  std::uint64_t below(std::uint64_t bound) { return net_->random().below(bound); }

  router::SimNet* net_;
  Ledger* ledger_;
  ClientPlan plan_;
  router::Socket socket_;
  std::uint32_t source_;
  std::uint32_t channel_ = 0;
  std::string outbox_;
  std::string inbox_;
  std::deque<Asked> pending_;
  std::map<std::uint32_t, Seen> seen_;
  vscp::Filter filter_;
  std::uint64_t stopped_until_ns_ = 0;
  std::uint64_t left_ns_ = 0;
  std::uint32_t commands_made_ = 0;
  std::uint32_t uncertain_ = 0;  ///< commands under way that change which events come
  std::uint32_t data_lines_ = 0;
  bool logged_in_ = false;
  bool loop_wanted_ = false;
  bool in_loop_ = false;
  bool settling_ = false;
  bool leaving_ = false;
  bool stalled_ = false;
};

}  // namespace sim
