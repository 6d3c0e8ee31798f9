// The scenario overload: one consumer that takes less than one producer sends, events of all priorities in turn. What
// arrives of each priority shows what the server gives up first.
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include "tools/vscpbench/link_session.h"
#include "tools/vscpbench/scenario.h"
#include "tools/vscpbench/server_stats.h"

namespace bench {
namespace {

constexpr double kRate = 100000;
constexpr double kSeconds = 5;
constexpr double kTaken = 0.4;  ///< the consumer's share of what is sent
constexpr std::size_t kPriorities = 8;
/// Little waits in the kernel, where nobody can give it up; with less than some segments of loopback TCP waits for its
/// timers.
constexpr int kReceiveBuffer = 256 << 10;
constexpr std::size_t kReadBytes = 4096;  ///< at a time
constexpr std::size_t kUnsentBytesMax = 1 << 18;
constexpr std::uint64_t kQuietNs = 1'000'000'000;  ///< nothing came for so long: that was all
constexpr unsigned kPriorityShift = 5;
constexpr std::uint16_t kPriorityBits = 7U << kPriorityShift;

/// The producer's side: sends event i at start + i / rate, as far as the server takes it.
class Source {
 public:
  Source(const Wire& wire, const EventShape& shape, OpenSession session)
      : wire_(wire), session_(std::move(session)), run_(shape.run) {
    for (std::uint32_t i = 0; i < kVariants; ++i) {
      auto of_priority = shape;
      const auto priority = static_cast<std::uint16_t>(i % kPriorities << kPriorityShift);
      of_priority.head = static_cast<std::uint16_t>((shape.head & ~kPriorityBits) | priority);
      events_[i] = wire.make_event(of_priority, i);
      id_at_[i] = wire.id_offset(of_priority);
    }
  }

  int fd() const { return session_.fd.get(); }
  std::uint64_t sent() const { return made_; }
  bool has_unsent() const { return !unsent_.empty(); }
  const Replies& replies() const { return replies_; }

  /// Sends what is due, `due` events in all. Empty, or why it cannot go on.
  std::string send_until(std::uint64_t due) {
    for (; made_ < due && unsent_.size() < kUnsentBytesMax; ++made_) {
      const auto sequence = static_cast<std::uint32_t>(made_);
      const auto variant = sequence % kVariants;
      unsent_ += events_[variant];
      wire_.write_id({.time_ns = 0, .sequence = sequence, .producer = 0, .run = run_},
                     unsent_.data() + unsent_.size() - events_[variant].size() + id_at_[variant]);
    }
    if (!unsent_.empty()) {
      const auto done = send(fd(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
      if (done < 0 && errno != EAGAIN) return "the server closed the producer's connection";
      if (done > 0) unsent_.erase(0, static_cast<std::size_t>(done));
    }
    return read_replies();
  }

 private:
  std::string read_replies() {
    std::array<char, 65536> bytes;
    const auto got = recv(fd(), bytes.data(), bytes.size(), 0);
    if (got == 0 || (got < 0 && errno != EAGAIN)) return "the server closed the producer's connection";
    if (got > 0) session_.rest.append(bytes.data(), static_cast<std::size_t>(got));
    session_.rest.erase(0, wire_.scan_replies(session_.rest, replies_));
    if (replies_.refused != 0) return "the server refused an event: " + replies_.first_refusal;
    return {};
  }

  const Wire& wire_;
  OpenSession session_;
  std::uint8_t run_;
  std::array<std::string, kVariants> events_;
  std::array<std::size_t, kVariants> id_at_{};
  std::string unsent_;
  std::uint64_t made_ = 0;
  Replies replies_;
};

/// The consumer's side: takes only so many events.
class Sink {
 public:
  Sink(const Wire& wire, EventShape shape, OpenSession session) : session_(std::move(session)) {
    shape.any_priority = true;
    scanner_ = wire.make_scanner(shape, true, 1);
  }

  int fd() const { return session_.fd.get(); }
  std::uint64_t taken() const { return taken_; }
  std::uint64_t of_priority(std::size_t priority) const { return of_priority_[priority]; }
  bool is_closed() const { return closed_; }
  const Faults& faults() const { return faults_; }

  /// Reads until `most` events have been taken or nothing is there. True if something was.
  bool take_until(std::uint64_t most) {
    bool some = false;
    while (taken_ < most && !closed_) {
      std::array<char, kReadBytes> bytes;
      const auto got = recv(fd(), bytes.data(), bytes.size(), 0);
      if (got == 0 || (got < 0 && errno != EAGAIN)) closed_ = true;
      if (got <= 0) break;
      some = true;
      session_.rest.append(bytes.data(), static_cast<std::size_t>(got));
      session_.rest.erase(0, scanner_->scan(session_.rest, seen_));
      for (const auto& one : seen_) count(one);
    }
    return some;
  }

 private:
  void count(const Seen& one) {
    if (one.kind == SeenKind::kForeign) return;
    if (one.kind == SeenKind::kCorrupted) {
      ++faults_.corrupted;
      return;
    }
    if (one.id.sequence + 1U == next_) {
      ++faults_.duplicated;
    } else if (one.id.sequence < next_) {
      ++faults_.reordered;
    }
    next_ = std::max<std::uint64_t>(next_, one.id.sequence + std::uint64_t{1});
    ++taken_;
    ++of_priority_[one.id.sequence % kPriorities];
  }

  OpenSession session_;
  std::unique_ptr<Scanner> scanner_;
  std::vector<Seen> seen_;
  std::array<std::uint64_t, kPriorities> of_priority_{};
  std::uint64_t next_ = 0;
  std::uint64_t taken_ = 0;
  Faults faults_;
  bool closed_ = false;
};

class Overload {
 public:
  Overload(Context& context, Result& result) : context_(context), result_(result) {
    rate_ = context.settings.load.rate > 0 ? context.settings.load.rate : kRate;
    seconds_ = context.seconds(kSeconds);
    result.parameters = {{"rate", rate_}, {"seconds", seconds_}, {"taken_share", kTaken}};
  }

  std::string run_once() {
    const auto& target = context_.server.target();
    auto consumer = context_.wire.open(target, Role::kConsumer, {});
    if (!consumer) return consumer.error();
    setsockopt(consumer->fd.get(), SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof kReceiveBuffer);
    auto producer = context_.wire.open(target, Role::kProducer, {});
    if (!producer) return producer.error();
    const auto shape = context_.shape();
    Source source(context_.wire, shape, std::move(*producer));
    Sink sink(context_.wire, shape, std::move(*consumer));
    if (auto error = overload(source, sink); !error.empty()) return error;
    if (const auto death = context_.server.death(); !death.empty()) return death;
    add(source, sink);
    return {};
  }

 private:
  std::string overload(Source& source, Sink& sink) {
    const auto begin = monotonic_ns();
    auto last_came = begin;
    bool sending = true;
    while (!context_.stop && !sink.is_closed()) {
      const auto now = monotonic_ns();
      const double passed = static_cast<double>(now - begin) / 1e9;
      const auto due = static_cast<std::uint64_t>(std::min(passed, seconds_) * rate_);
      if (auto error = source.send_until(due); !error.empty()) return error;
      sending = passed < seconds_ || source.sent() < due || source.has_unsent();
      const auto most = static_cast<std::uint64_t>(passed * rate_ * kTaken);
      if (sink.take_until(most) || sending) last_came = now;
      if (now - last_came > kQuietNs) break;
      context_.progress.show(std::to_string(source.sent()) + " sent, " + std::to_string(sink.taken()) + " taken");
      poll(nullptr, 0, 1);
    }
    if (sink.is_closed()) result_.faults.closed += 1;
    return context_.stop ? "interrupted" : "";
  }

  void add(const Source& source, const Sink& sink) {
    const auto& faults = sink.faults();
    result_.faults.corrupted += faults.corrupted;
    result_.faults.duplicated += faults.duplicated;
    result_.faults.reordered += faults.reordered;
    result_.add("overload_sent", static_cast<double>(source.sent()));
    result_.add("overload_delivered_percent", percent(sink.taken(), source.sent()));
    for (std::size_t priority = 0; priority < kPriorities; ++priority) {
      const auto sent = (source.sent() + kPriorities - 1 - priority) / kPriorities;
      result_.add("delivered_p" + std::to_string(priority) + "_percent", percent(sink.of_priority(priority), sent));
    }
  }

  static double percent(std::uint64_t part, std::uint64_t of) {
    return of == 0 ? 0 : 100 * static_cast<double>(part) / static_cast<double>(of);
  }

  Context& context_;
  Result& result_;
  double rate_ = 0;
  double seconds_ = 0;
};

}  // namespace

std::string run_overload(Context& context) {
  auto result = context.result();
  Overload overload(context, result);
  std::string error;
  for (unsigned i = 0; i < context.settings.repeat && error.empty() && !context.stop; ++i) {
    context.begin_part(result, i);
    if (error = context.server.restart(); !error.empty()) break;
    error = overload.run_once();
  }
  if (!result.figures.empty()) context.results.push_back(std::move(result));
  return error;
}

}  // namespace bench
