#include "tools/vscpbench/crowd_member.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <limits>
#include <span>

#include "tools/vscpbench/server_stats.h"

namespace bench {
namespace {

constexpr std::size_t kReadBytes = 64U << 10U;
constexpr std::size_t kRestBytesMax = 64U << 10U;
constexpr std::uint64_t kTagControl = ~std::uint64_t{0};
constexpr std::uint32_t kWhenReading = EPOLLIN | EPOLLRDHUP;
constexpr std::uint32_t kWhenNot = EPOLLRDHUP;

void add(std::atomic<std::uint64_t>& counter, std::uint64_t count = 1) {
  counter.store(counter.load(std::memory_order_relaxed) + count, std::memory_order_release);
}

std::uint64_t private_bytes_of_this_process() {
  std::ifstream file("/proc/self/smaps_rollup");
  std::uint64_t sum = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("Private_")) sum += std::strtoull(line.c_str() + line.find(':') + 1, nullptr, 10) * 1024;
  }
  return sum;
}

void store(const Histogram& from, SharedHistogram& to) {
  std::copy(from.counts().begin(), from.counts().end(), to.counts.begin());
  to.max = from.max();
}

class CrowdMember {
 public:
  CrowdMember(const CrowdMemberPlan& plan, int control, CrowdShared& shared)
      : plan_(*plan.plan),
        first_(plan.first_session),
        at_once_(plan.at_once),
        source_(plan.source),
        address_(plan.address),
        address_size_(plan.address_size),
        control_(control),
        shared_(shared),
        sessions_(plan.sessions),
        buffer_(kRestBytesMax + kReadBytes),
        scanner_(plan_.wire != nullptr ? plan_.wire->make_scanner(plan_.shape, false, 1) : nullptr) {}

  /// Returns when the control socket ends or nothing can be done.
  void serve() {
    epoll_ = Fd(epoll_create1(EPOLL_CLOEXEC));
    if (epoll_.get() < 0 || !watch(control_, EPOLLIN, kTagControl, EPOLL_CTL_ADD)) return;
    std::array<epoll_event, 512> events;
    while (!finished_) {
      const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), wait_ms());
      if (count < 0 && errno != EINTR) return;
      for (const auto& event : std::span(events.data(), static_cast<std::size_t>(std::max(0, count)))) {
        if (event.data.u64 == kTagControl) {
          obey();
        } else {
          handle(static_cast<std::size_t>(event.data.u64), event.events);
        }
      }
      if (opening_) open_more();
      if (reading_ == Reading::kTrickle) trickle();
    }
  }

 private:
  struct Session {
    int fd = -1;
    std::uint16_t step = 0;  ///< the one whose answer is awaited
    bool to_send = false;    ///< its text waits for the connection
    bool ready = false;
    std::uint32_t next = 0;  ///< sequence number of the next event
    std::uint64_t started_ns = 0;
    std::string rest;
  };

  bool watch(int fd, std::uint32_t events, std::uint64_t tag, int operation) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = tag;
    return epoll_ctl(epoll_.get(), operation, fd, &event) == 0;
  }

  int wait_ms() const {
    if (reading_ != Reading::kTrickle) return -1;
    return static_cast<int>(std::clamp<std::size_t>(1000 / std::max<std::size_t>(1, sessions_.size()), 1, 1000));
  }

  void obey() {
    char what = 0;
    const auto got = ::read(control_, &what, 1);
    if (got <= 0) {
      finished_ = got == 0 || errno != EINTR;
      return;
    }
    switch (what) {
      case kCrowdOpen:
        opening_ = true;
        return;  // answered by open_more()
      case kCrowdReadAll:
        set_reading(Reading::kAll);
        break;
      case kCrowdReadNothing:
        set_reading(Reading::kNothing);
        break;
      case kCrowdTrickle:
        set_reading(Reading::kTrickle);
        break;
      case kCrowdMark:
        shared_.first_arrival_ns.store(0);
        shared_.last_arrival_ns.store(0);
        break;
      case kCrowdRefresh:
        shared_.cpu_ns = own_cpu_ns();
        shared_.private_bytes = private_bytes_of_this_process();
        store(opening_times_, shared_.opening);
        store(arrivals_, shared_.arrivals);
        break;
      case kCrowdClose:
        for (auto& session : sessions_) drop(session);
        break;
      default:
        break;
    }
    answer(what);
  }

  void answer(char what) {
    while (send(control_, &what, 1, MSG_NOSIGNAL) < 0 && errno == EINTR) {
    }
  }

  void set_reading(Reading reading) {
    reading_ = reading;
    trickle_from_ns_ = monotonic_ns();
    trickled_ = 0;
    for (std::size_t i = 0; i < sessions_.size(); ++i) {
      if (sessions_[i].fd < 0) continue;
      watch(sessions_[i].fd, reading == Reading::kAll ? kWhenReading : kWhenNot, i, EPOLL_CTL_MOD);
    }
  }

  /// One byte per session and second, in turn.
  void trickle() {
    const double passed = static_cast<double>(monotonic_ns() - trickle_from_ns_) / 1e9;
    const auto due = static_cast<std::uint64_t>(passed * static_cast<double>(sessions_.size()));
    // After a pause of more than a second nobody gets two bytes at once.
    if (due > trickled_ + sessions_.size()) trickled_ = due - sessions_.size();
    for (; trickled_ < due; ++trickled_) {
      const auto index = static_cast<std::size_t>(trickled_ % sessions_.size());
      if (sessions_[index].fd >= 0) receive(sessions_[index], 1);
    }
  }

  void open_more() {
    while (started_ < sessions_.size() && under_way_ < at_once_) {
      ++under_way_;
      start(started_++);
    }
    if (shared_.ready + shared_.failed < sessions_.size()) return;
    opening_ = false;
    answer(kCrowdOpen);
  }

  void start(std::size_t index) {
    auto& session = sessions_[index];
    session.started_ns = monotonic_ns();
    session.fd = socket(address_.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (session.fd < 0) return fail(session, system_text("cannot make a socket"));
    set_up_socket(session.fd);
    if (connect(session.fd, reinterpret_cast<const sockaddr*>(&address_), address_size_) != 0 && errno != EINPROGRESS) {
      return fail(session, system_text("cannot connect"));
    }
    session.to_send = !plan_.steps.empty() && plan_.steps.front().send != nullptr;
    if (!watch(session.fd, kWhenReading | (session.to_send ? EPOLLOUT : 0U), index, EPOLL_CTL_ADD)) {
      fail(session, system_text("cannot watch a socket"));
    }
  }

  void set_up_socket(int fd) const {
    const int one = 1;
    if (plan_.receive_buffer > 0) {
      setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &plan_.receive_buffer, sizeof plan_.receive_buffer);
    }
    if (address_.ss_family == AF_UNIX) return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (source_ == 0) return;
    // The port is chosen by connect(), by what the pair of addresses leaves free.
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    sockaddr_in from{};
    from.sin_family = AF_INET;
    from.sin_addr.s_addr = htonl(source_);
    // If this fails, the kernel chooses the address, and connect() says what does not work.
    [[maybe_unused]] const int bound = bind(fd, reinterpret_cast<const sockaddr*>(&from), sizeof from);
  }

  static std::string system_text(const std::string& what) {
    return what + ": " + std::strerror(errno) +
           (errno == EADDRNOTAVAIL ? " (no local port is left for this address)" : "");
  }

  void drop(Session& session) {
    if (session.fd >= 0) ::close(session.fd);
    session.fd = -1;
    session.rest = {};
  }

  /// The session will not be ready, or was and is no more.
  void fail(Session& session, const std::string& why) {
    drop(session);
    if (session.ready) return add(shared_.closed);
    --under_way_;
    if (shared_.failure[0] == 0) {
      const auto size = std::min(why.size(), shared_.failure.size() - 1);
      std::copy_n(why.begin(), size, shared_.failure.begin());
    }
    add(shared_.failed);
  }

  void handle(std::size_t index, std::uint32_t events) {
    auto& session = sessions_[index];
    if (session.fd < 0) return;
    if (session.to_send && (events & (EPOLLOUT | EPOLLERR)) == EPOLLOUT) {
      session.to_send = false;
      watch(session.fd, kWhenReading, index, EPOLL_CTL_MOD);
      if (!send_step(session, index)) return;
    }
    const bool reads = !session.ready || reading_ == Reading::kAll;
    if (reads && (events & (EPOLLIN | EPOLLERR | EPOLLHUP | EPOLLRDHUP)) != 0) {
      receive(session, kReadBytes);
    } else if ((events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) != 0) {
      fail(session, "the server closed the connection");
    }
  }

  void receive(Session& session, std::size_t bytes_max) {
    const auto rest = session.rest.size();
    std::memcpy(buffer_.data(), session.rest.data(), rest);
    const auto got = recv(session.fd, buffer_.data() + rest, bytes_max, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
      const std::string why = got == 0 ? "the server closed the connection" : std::strerror(errno);
      return fail(session, session.ready ? why : "no answer: " + why);
    }
    const std::string_view bytes(buffer_.data(), rest + static_cast<std::size_t>(got));
    std::size_t used = 0;
    if (!session.ready && !take_answers(session, bytes, used)) return;
    if (session.ready && scanner_) used += take_events(session, bytes.substr(used));
    if (session.ready && !scanner_) used = bytes.size();
    if (bytes.size() - used > kRestBytesMax) return fail(session, "a line of the server has no end");
    session.rest.assign(bytes.substr(used));
  }

  /// False if the session failed.
  bool take_answers(Session& session, std::string_view bytes, std::size_t& used) {
    while (!session.ready) {
      const auto newline = bytes.find('\n', used);
      if (newline == std::string_view::npos) return true;
      auto line = bytes.substr(used, newline - used);
      used = newline + 1;
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (!plan_.refuse.empty() && line.starts_with(plan_.refuse)) {
        fail(session, "the server answers \"" + std::string(line.substr(0, 100)) + "\"");
        return false;
      }
      if (!line.starts_with(plan_.steps[session.step].await)) continue;
      ++session.step;
      const auto index = static_cast<std::size_t>(&session - sessions_.data());
      if (session.step < plan_.steps.size()) {
        if (!send_step(session, index)) return false;
        continue;
      }
      session.ready = true;
      --under_way_;
      opening_times_.record(monotonic_ns() - session.started_ns);
      add(shared_.ready);
    }
    return true;
  }

  /// A step is short and the socket's buffer empty: it goes at once or not at all.
  bool send_step(Session& session, std::size_t index) {
    const auto& step = plan_.steps[session.step];
    if (step.send == nullptr) return true;
    const auto text = step.send(first_ + index);
    if (send(session.fd, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size())) return true;
    fail(session, system_text("cannot send"));
    return false;
  }

  std::size_t take_events(Session& session, std::string_view bytes) {
    const auto used = scanner_->scan(bytes, seen_);
    if (!scanner_->answers.empty()) {
      // Short, like a step: a server that does not take it is one that does not read.
      const auto& answers = scanner_->answers;
      [[maybe_unused]] const auto sent = send(session.fd, answers.data(), answers.size(), MSG_NOSIGNAL);
      scanner_->answers.clear();
    }
    if (seen_.empty()) return used;
    const auto now = monotonic_ns();
    std::uint64_t arrived = 0;
    for (const auto& one : seen_) {
      if (one.kind == SeenKind::kForeign) continue;
      if (one.kind == SeenKind::kCorrupted || !one.id_valid) {
        add(shared_.corrupted);
        continue;
      }
      if (one.id.sequence < session.next) {
        add(shared_.repeated);
        continue;
      }
      if (one.id.sequence > session.next) add(shared_.missed, one.id.sequence - session.next);
      session.next = one.id.sequence + 1;
      ++arrived;
      if (one.id.time_ns != 0) arrivals_.record(now - std::min(now, one.id.time_ns));
    }
    if (arrived == 0) return used;
    if (shared_.first_arrival_ns.load(std::memory_order_relaxed) == 0) shared_.first_arrival_ns.store(now);
    shared_.last_arrival_ns.store(now, std::memory_order_relaxed);
    add(shared_.deliveries, arrived);
    return used;
  }

  const CrowdPlan& plan_;
  std::size_t first_;
  unsigned at_once_;
  std::uint32_t source_;
  sockaddr_storage address_;
  unsigned address_size_;
  int control_;
  CrowdShared& shared_;
  std::vector<Session> sessions_;
  std::vector<char> buffer_;
  std::unique_ptr<Scanner> scanner_;  // between two events it knows nothing of the connection, so one does for all
  std::vector<Seen> seen_;
  Fd epoll_;
  bool opening_ = false;
  bool finished_ = false;
  std::size_t started_ = 0;
  unsigned under_way_ = 0;
  Reading reading_ = Reading::kAll;
  std::uint64_t trickle_from_ns_ = 0;
  std::uint64_t trickled_ = 0;
  Histogram opening_times_;
  Histogram arrivals_;
};

}  // namespace

void run_crowd_member(const CrowdMemberPlan& plan, int control, CrowdShared& shared) {
  // Ctrl-C goes to the whole group; the parent ends this process by closing the control socket.
  signal(SIGINT, SIG_IGN);
  signal(SIGTERM, SIG_DFL);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_NAME, "vscpbench-crowd");
  // The parent's other descriptors: a copy here would keep its connections open.
  const auto own = static_cast<unsigned>(control);
  if (own > 3) close_range(3, own - 1, 0);
  close_range(own + 1, std::numeric_limits<unsigned>::max(), 0);
  CrowdMember(plan, control, shared).serve();
  _exit(0);
}

}  // namespace bench
