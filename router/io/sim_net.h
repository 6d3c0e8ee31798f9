// A network of stream sockets inside the process, for simulation: what the sockets of the system do, one thread, with
// every accident decided by one seeded generator. SimRing (sim_ring.h) runs workers on it; tests use its calls as their
// clients.
//
// Thread rule: one thread. Ownership: all memory is the network's; sockets are numbers that are never used twice, so
// that a call on a closed one is an assertion. Each socket has a bounded receive buffer; a sender sees it as its own
// full socket.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "router/base/clock.h"
#include "router/base/random.h"
#include "router/io/ring.h"

namespace router {

/// How often things happen, in so many of 1000 decisions, and how large they are.
struct SimFaults {
  std::uint32_t short_recv = 400;    ///< a receive brings only part of what is there
  std::uint32_t short_send = 200;    ///< a send takes fewer bytes than there is room for
  std::uint32_t multishot_end = 60;  ///< a multishot operation ends although all is well
  std::uint32_t delay = 300;         ///< a completion comes later
  std::uint64_t delay_max_ns = 1'500'000;
  std::uint32_t accept_error = 20;        ///< an accept ends with -ECONNABORTED or -EMFILE
  std::uint32_t cancel_loses = 500;       ///< an operation that can complete does so in spite of a cancel
  std::size_t socket_bytes = 64U << 10U;  ///< receive buffer of each socket
};

class SimNet {
 public:
  SimNet(std::uint64_t seed, ManualClock& clock, const SimFaults& faults);

  SeededRandom& random() noexcept { return random_; }
  ManualClock& clock() noexcept { return *clock_; }
  SimFaults& faults() noexcept { return faults_; }
  bool chance(std::uint32_t per_mille) noexcept { return random_.below(1000) < per_mille; }

  Socket listen();
  /// A new connection to the listener: the caller's end. It waits for its accept.
  Socket connect(Socket listener);
  /// Where a ring's connect finds this listener.
  sockaddr_storage address_of(Socket listener) const;
  /// A connect to a silent listener is never answered.
  void set_silent(Socket listener, bool on) { at(listener).silent = on; }
  /// An unconnected socket, and its connect: 0 or -ECONNREFUSED if nobody listens there.
  Socket open() { return add(false); }
  int connect(Socket socket, const sockaddr_storage& address);
  bool is_answered(const sockaddr_storage& address) const;
  /// The server's end of the oldest waiting connection, -EAGAIN if there is none.
  int accept(Socket listener);
  /// The same end under another number; the old one is closed to everybody who still has it.
  Socket rename(Socket socket);

  // As the system's non-blocking calls: a count of bytes or -errno.
  int send(Socket socket, std::span<const char> bytes);
  int recv(Socket socket, std::span<char> room);
  void shutdown_send(Socket socket);
  /// Ends the connection; with unread bytes it is a reset, as TCP has it.
  void close(Socket socket);
  /// Ends the connection at once: the other side loses what is still under way.
  void reset(Socket socket);

  /// A send would not give -EAGAIN.
  bool is_writable(Socket socket) const;
  std::size_t send_room(Socket socket) const;
  /// A recv or accept would not give -EAGAIN.
  bool is_readable(Socket socket) const;
  std::size_t bytes_readable(Socket socket) const { return at(socket).in.size(); }
  bool is_open(Socket socket) const;
  std::size_t open_sockets() const noexcept { return open_sockets_; }
  std::uint64_t bytes_moved() const noexcept { return bytes_moved_; }

  /// Adds to the trace; runs with the same seed have the same trace.
  void note(std::uint64_t value) noexcept { trace_ = (trace_ ^ value) * 0x9e3779b97f4a7c15ULL + (trace_ >> 29U); }
  std::uint64_t trace() const noexcept { return trace_; }

 private:
  static constexpr Socket kFirstSocket = 1 << 20;  ///< no descriptor of the process
  struct End {
    bool listener = false;
    bool open = true;
    bool end_coming = false;  ///< the peer will send no more
    bool shut = false;        ///< we will send no more
    bool broken = false;      ///< reset
    bool silent = false;      ///< a listener that answers nobody
    bool error_told = false;
    Socket peer = -1;
    std::string in;
    std::deque<Socket> backlog;
  };
  End& at(Socket socket);
  const End& at(Socket socket) const;
  Socket add(bool listener);
  void join(Socket client, Socket listener);
  void break_end(Socket socket);

  SeededRandom random_;
  ManualClock* clock_;
  SimFaults faults_;
  std::vector<End> ends_;
  std::size_t open_sockets_ = 0;
  std::uint64_t bytes_moved_ = 0;
  std::uint64_t trace_ = 0;
};

}  // namespace router
