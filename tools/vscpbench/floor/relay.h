// The floor: the least that a server can do to bring events from producers to consumers with io_uring on one thread.
// What a router costs above it is the price of login, filters, pools, queues and of everything it has that this has
// not. Answers what a link client needs to get going, and any user may do anything.
//
// Text: parses SEND lines and formats event lines with the codecs of protocol/, once for all consumers. Binary (after
// BINARY): copies whole frames, of which it reads the size only, and confirms each as the protocol has it. A consumer
// is who sent RCVLOOP (or the command OPEN); consumers get the events of producers in their own form only. A consumer
// that falls behind by the size of the log stops the reading of the producers; so does a producer that does not read
// its replies.
//
// Thread rule: one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/event.h"
#include "protocol/event_line.h"
#include "tools/vscpbench/floor/event_log.h"
#include "tools/vscpbench/floor/floor_options.h"
#include "tools/vscpbench/floor/floor_ring.h"
#include "tools/vscpbench/link_session.h"

namespace bench::floor {

class Relay {
 public:
  explicit Relay(const FloorOptions& options) : options_(options) {}

  /// Listens. Empty, or a sentence that says what is wrong.
  std::string open();
  std::uint16_t port() const noexcept { return port_; }
  /// Serves until `signal_fd` (a signalfd, or anything else) becomes readable.
  void run(int signal_fd);

 private:
  /// What was received and not looked at yet.
  struct Piece {
    std::uint16_t buffer;
    std::uint32_t begin;
    std::uint32_t end;
  };
  struct Connection {
    std::uint32_t index = 0;
    Fd fd;
    bool binary = false;
    bool consumer = false;
    bool receiving = false;  ///< a receive is with the kernel
    bool leaving = false;    ///< closes when the replies are out
    bool closing = false;    ///< no more input; goes when nothing is with the kernel
    bool to_serve = false;   ///< in to_serve_
    bool waiting = false;    ///< in waiting_
    bool failed = false;     ///< a send of those under way
    unsigned sends = 0;      ///< completions to come
    std::size_t sent = 0;    ///< bytes of the sends under way that the kernel has taken
    enum class Sends : std::uint8_t { kReplies, kOks, kLog } kind = Sends::kReplies;
    std::uint64_t cursor = 0;  ///< in the log
    std::string tail;          ///< begin of a line or frame
    std::deque<Piece> input;   ///< what could not be taken at once
    std::uint64_t oks_owed = 0;
    std::size_t ok_offset = 0;  ///< into a reply that went out in part
    std::string replies;        ///< all but those to SEND
    std::string replies_sending;
  };

  void accepted(const Completion& completion);
  void received(const Completion& completion);
  void sent(const Completion& completion);
  void sends_done(Connection& connection);
  void take_buffer(Connection& connection, Piece piece);
  void take_waiting(Connection& connection);
  std::size_t take(Connection& connection, std::string_view bytes);
  std::size_t take_lines(Connection& connection, std::string_view bytes);
  std::size_t take_frames(Connection& connection, std::string_view bytes);
  const char* copy_frames(Connection& connection, const char* at, const char* end);
  static void confirm(Connection& connection, const char* begin, const char* end);
  void take_line(Connection& connection, std::string_view line);
  void take_command(Connection& connection, std::string_view line);
  void take_frame(Connection& connection, std::string_view frame);
  void become_consumer(Connection& connection);
  bool has_room(std::size_t bytes) noexcept;
  void commit(std::size_t bytes) noexcept;
  void restart_log();
  static void owe_ok(Connection& connection);
  void reply(Connection& connection, std::string_view text);
  void want_service(Connection& connection);
  void serve(Connection& connection);
  void send_log(Connection& connection);
  void close(Connection& connection);
  void drop_if_idle(Connection& connection);
  void release(std::uint16_t buffer);
  void end_turn();

  FloorOptions options_;
  std::uint16_t port_ = 0;
  Fd listener_;
  FloorRing ring_;
  EventLog log_;
  std::uint64_t log_limit_ = 0;      ///< head may grow up to here; raised when it is reached
  std::size_t consumers_ahead_ = 0;  ///< consumers that have got everything
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<std::uint32_t> free_indices_;
  std::vector<Connection*> consumers_;
  std::vector<Connection*> to_serve_;
  std::vector<Connection*> waiting_;
  std::vector<Connection*> starved_;  ///< whose receive ended for lack of a buffer
  std::vector<Completion> receives_;  ///< of this turn, after all others
  std::vector<std::uint16_t> bundle_;
  bool released_ = false;  ///< a buffer, in this turn
  std::string oks_;        ///< many replies to SEND in a row
  vscp::Event event_;
  vscp::DateCache dates_;
  std::uint64_t now_ns_ = 0;
};

}  // namespace bench::floor
