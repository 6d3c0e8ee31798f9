// A million random events, sent without waiting for replies by four producers to four consumers across two workers of a
// real daemon: no event may be lost, come twice, change its place in its producer's stream, or differ in one byte.
//
// Environment: VSCPROUTERD = the daemon; MILLION_EVENTS = how many (sanitizer builds take fewer); MILLION_SEED =
// replay. A producer keeps at most kWindow events on their way, so that the daemon's bounded queues with their default
// policies have nothing to drop; it never waits for a reply.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <optional>
#include <random>
#include <thread>

#include "tests/stress/event_stream.h"
#include "tools/vscpbench/link_session.h"
#include "tools/vscpbench/server_stats.h"
#include "tools/vscpbench/spawn.h"

namespace stress {
namespace {

constexpr unsigned kProducers = 4;
constexpr unsigned kConsumers = 4;
/// Events of one producer that some consumer does not have yet; four times that stays below a session's default queue.
constexpr std::uint64_t kWindow = 6000;
constexpr std::size_t kChunkBytes = 64U << 10U;
constexpr std::size_t kReadBytes = 64U << 10U;
/// Without any progress for so long the test fails; it is no measure of speed.
constexpr int kStallSeconds = 30;

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr && *text != '\0' ? std::strtoull(text, nullptr, 10) : otherwise;
}

/// One run: who sends what to whom, and the first thing that went wrong.
class Exchange {
 public:
  Exchange(bench::Target target, std::uint64_t seed, std::uint64_t events, bool shared, OutFormat format)
      : target_(std::move(target)), seed_(seed), per_producer_(events / kProducers), shared_(shared), format_(format) {}

  /// Returns the seconds from the first SEND to the last delivery.
  double run();
  std::uint64_t deliveries() const { return deliveries_; }

 private:
  struct Producer {
    std::optional<bench::LinkSession> session;
    std::string channel;  ///< CHID, the obid of everything it sends
    bench::Fd wake{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    std::atomic<bool> waiting{false};
  };
  struct Consumer {
    std::optional<bench::LinkSession> session;
    std::uint64_t expected = 0;  ///< events in its share
    std::uint64_t received = 0;
    /// Per producer: the next event that this consumer must get; all before it are there or not its own.
    std::array<std::atomic<std::uint64_t>, kProducers> next{};
  };

  bool connect();
  bool takes(unsigned consumer, std::uint16_t vscp_class) const {
    return !shared_ || vscp_class % kConsumers == consumer;
  }
  std::uint64_t next_of_share(unsigned consumer, unsigned producer, std::uint64_t from) const;
  void fail(const std::string& text);
  void produce(unsigned index);
  bool room(unsigned producer, std::uint64_t next) const;
  bool read_replies(unsigned index, std::string& rest, std::uint64_t& replies);
  void consume(unsigned index);
  bool check(unsigned index, std::string_view line, StreamEvent& event, std::string& expected);
  bool check_nothing_follows(unsigned index, std::string rest);
  void wake_producers();

  bench::Target target_;
  std::uint64_t seed_;
  std::uint64_t per_producer_;
  bool shared_;  ///< each consumer takes the classes whose two lowest bits are its number; otherwise all take all
  OutFormat format_;
  std::array<Producer, kProducers> producers_;
  std::array<Consumer, kConsumers> consumers_;
  std::uint64_t deliveries_ = 0;
  std::atomic<bool> failed_{false};
  std::mutex error_lock_;
  std::string error_;
};

bool Exchange::connect() {
  for (unsigned i = 0; i < kConsumers; ++i) {
    auto session = bench::LinkSession::open(target_, kStallSeconds);
    if (!session) return fail("consumer: " + session.error()), false;
    std::vector<std::string> commands;
    if (shared_) {
      const std::string zero = ",0,00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00";
      std::string filter = "SFLT 0,";
      commands = {filter.append(std::to_string(i)).append(zero), "SMSK 0,3" + zero};
    }
    commands.emplace_back("RCVLOOP");
    for (const auto& command : commands) {
      if (auto reply = session->command(command); !reply) return fail(reply.error()), false;
    }
    auto& consumer = consumers_[i];
    consumer.session.emplace(std::move(*session));
    for (unsigned p = 0; p < kProducers; ++p) {
      for (std::uint64_t n = next_of_share(i, p, 0); n < per_producer_; n = next_of_share(i, p, n + 1))
        ++consumer.expected;
      consumer.next[p] = next_of_share(i, p, 0);
    }
    deliveries_ += consumer.expected;
  }
  for (auto& producer : producers_) {
    auto session = bench::LinkSession::open(target_, kStallSeconds);
    if (!session) return fail("producer: " + session.error()), false;
    auto channel = session->command("CHID");
    if (!channel || channel->size() != 2) return fail("CHID: no channel id"), false;
    producer.channel = channel->front();
    producer.session.emplace(std::move(*session));
  }
  return true;
}

std::uint64_t Exchange::next_of_share(unsigned consumer, unsigned producer, std::uint64_t from) const {
  while (from < per_producer_ && !takes(consumer, class_of(seed_, producer, from))) ++from;
  return from;
}

/// Keeps the first text and ends every wait.
void Exchange::fail(const std::string& text) {
  const std::lock_guard lock(error_lock_);
  if (error_.empty()) error_ = text;
  failed_ = true;
  for (const auto& consumer : consumers_) {
    if (consumer.session) shutdown(consumer.session->fd(), SHUT_RDWR);
  }
  for (const auto& producer : producers_) {
    if (producer.session) shutdown(producer.session->fd(), SHUT_RDWR);
  }
}

void Exchange::wake_producers() {
  for (auto& producer : producers_) {
    const std::uint64_t one = 1;
    if (producer.waiting.exchange(false) && write(producer.wake.get(), &one, sizeof one) < 0) fail("eventfd");
  }
}

bool Exchange::room(unsigned producer, std::uint64_t next) const {
  for (const auto& consumer : consumers_) {
    if (next - std::min(next, consumer.next[producer].load()) >= kWindow) return false;
  }
  return true;
}

/// Reads what is there. Every reply must be positive.
bool Exchange::read_replies(unsigned index, std::string& rest, std::uint64_t& replies) {
  std::array<char, 16384> bytes;
  const auto got = recv(producers_[index].session->fd(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (got <= 0) return fail("the server closed a producer's connection"), false;
  rest.append(bytes.data(), static_cast<std::size_t>(got));
  std::size_t at = 0;
  for (auto end = rest.find('\n', at); end != std::string::npos; end = rest.find('\n', at)) {
    const auto line = std::string_view(rest).substr(at, end - at);
    if (!line.starts_with("+OK")) return fail("a SEND was answered by " + std::string(line)), false;
    ++replies;
    at = end + 1;
  }
  rest.erase(0, at);
  return true;
}

void Exchange::produce(unsigned index) {
  auto& producer = producers_[index];
  StreamEvent event;
  std::string chunk;
  std::string rest;
  std::size_t written = 0;
  std::uint64_t next = 0;
  std::uint64_t replies = 0;
  while (!failed_ && (replies < per_producer_ || written < chunk.size())) {
    if (written == chunk.size()) {
      chunk.clear();
      written = 0;
      // Said before looking: a consumer that moves on after the look sees it and wakes us.
      producer.waiting = true;
      while (next < per_producer_ && chunk.size() < kChunkBytes && room(index, next)) {
        make_event(seed_, index, next++, event);
        append_send(event, chunk);
      }
    }
    const bool writing = written < chunk.size();
    std::array<pollfd, 2> polled{{{producer.session->fd(), static_cast<short>(writing ? POLLIN | POLLOUT : POLLIN), 0},
                                  {producer.wake.get(), POLLIN, 0}}};
    if (poll(polled.data(), polled.size(), kStallSeconds * 1000) == 0) {
      return fail("producer " + std::to_string(index) + " waits in vain after " + std::to_string(next) +
                  " events and " + std::to_string(replies) + " replies");
    }
    std::uint64_t count = 0;
    if (polled[1].revents != 0 && read(producer.wake.get(), &count, sizeof count) < 0 && errno != EAGAIN)
      return fail("eventfd");
    if ((polled[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0 && !read_replies(index, rest, replies)) return;
    if ((polled[0].revents & POLLOUT) == 0) continue;
    const auto sent =
        send(producer.session->fd(), chunk.data() + written, chunk.size() - written, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) written += static_cast<std::size_t>(sent);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return fail(std::string("send: ") + std::strerror(errno));
  }
  if (!failed_ && replies != per_producer_) fail("more replies than SENDs");
}

/// `line` has its line end. Compares with what must come next from that producer.
bool Exchange::check(unsigned index, std::string_view line, StreamEvent& event, std::string& expected) {
  std::size_t begin = 0;
  for (int i = 0; i < 3; ++i) begin = line.find(',', begin) + 1;  // npos + 1 is 0: then the obid is not found below
  const auto channel = line.substr(begin, line.find(',', begin) - begin);
  unsigned producer = 0;
  while (producer < kProducers && producers_[producer].channel != channel) ++producer;
  if (producer == kProducers) return fail("an event that nobody sent: " + std::string(line)), false;
  auto& consumer = consumers_[index];
  const auto next = consumer.next[producer].load();
  const auto where = [&] {
    return "consumer " + std::to_string(index) + ", producer " + std::to_string(producer) + ", event " +
           std::to_string(next);
  };
  if (next >= per_producer_) return fail(where().append(": more events than sent: ").append(line)), false;
  make_event(seed_, producer, next, event);
  expected.clear();
  append_expected(event, producers_[producer].channel, format_, expected);
  if (line != expected) {
    return fail(where().append(" lost, moved or changed\nexpected ").append(expected).append("got      ").append(line)),
           false;
  }
  consumer.next[producer] = next_of_share(index, producer, next + 1);
  ++consumer.received;
  return true;
}

void Exchange::consume(unsigned index) {
  auto& consumer = consumers_[index];
  StreamEvent event;
  std::string expected;
  std::string bytes = consumer.session->take_rest();
  std::size_t at = 0;
  while (!failed_ && consumer.received < consumer.expected) {
    for (auto end = bytes.find('\n', at); end != std::string::npos; end = bytes.find('\n', at)) {
      const auto line = std::string_view(bytes).substr(at, end + 1 - at);
      at = end + 1;
      if (line != "+OK\r\n" && !check(index, line, event, expected)) break;
    }
    bytes.erase(0, at);
    at = 0;
    wake_producers();
    if (failed_ || consumer.received == consumer.expected) break;
    const auto rest = bytes.size();
    bytes.resize(rest + kReadBytes);
    const auto got = recv(consumer.session->fd(), bytes.data() + rest, kReadBytes, 0);
    bytes.resize(rest + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got <= 0) {
      const auto counts = std::to_string(consumer.received) + " of " + std::to_string(consumer.expected);
      fail("consumer " + std::to_string(index) + (got == 0 ? " was closed after " : " waits in vain after ") + counts);
    }
  }
  if (!failed_) check_nothing_follows(index, std::move(bytes));
  wake_producers();
}

/// Leaves the loop: until its reply comes, no event may come.
bool Exchange::check_nothing_follows(unsigned index, std::string rest) {
  for (const char* command = "QUITLOOP";; command = "NOOP") {
    const auto lines = consumers_[index].session->command(command);
    if (!lines) return fail("QUITLOOP: " + lines.error()), false;
    for (const auto& line : *lines) rest.append(line).append("\n");
    if (lines->back() != "+OK") break;  // otherwise a sign of life came first: the reply is still to come
  }
  for (std::size_t at = 0; at < rest.size(); at = rest.find('\n', at) + 1) {
    if (rest[at] != '+') return fail("an event too many: " + rest.substr(at, 200)), false;
  }
  return true;
}

double Exchange::run() {
  double seconds = 0;
  if (connect()) {
    const auto begin = bench::monotonic_ns();
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < kConsumers; ++i) threads.emplace_back([this, i] { consume(i); });
    for (unsigned i = 0; i < kProducers; ++i) threads.emplace_back([this, i] { produce(i); });
    for (auto& thread : threads) thread.join();
    seconds = static_cast<double>(bench::monotonic_ns() - begin) / 1e9;
  }
  if (!error_.empty()) ADD_FAILURE() << "seed " << seed_ << ": " << error_;
  for (unsigned i = 0; i < kConsumers && error_.empty(); ++i) EXPECT_EQ(consumers_[i].received, consumers_[i].expected);
  return seconds;
}

class MillionEvents : public testing::Test {
 protected:
  void run(std::uint64_t events, bool shared, OutFormat format) {
    const char* program = std::getenv("VSCPROUTERD");
    ASSERT_NE(program, nullptr) << "VSCPROUTERD names the daemon to test";
    const auto seed = number_from_environment("MILLION_SEED", std::random_device{}());
    bench::SpawnOptions options;
    options.program = program;
    options.workers = 2;
    if (format == OutFormat::kNanoseconds) options.server_options.emplace_back("line-format=nanoseconds");
    auto server = bench::SpawnedServer::start(options);
    ASSERT_TRUE(server.has_value()) << server.error();
    Exchange exchange(server->target(), seed, events, shared, format);
    const auto before = bench::read_process(server->pid());
    const double seconds = exchange.run();
    const auto after = bench::read_process(server->pid());
    if (HasFailure()) return;
    ASSERT_TRUE(before.has_value() && after.has_value()) << "the daemon is gone";
    const auto cpu_us = static_cast<double>(after->cpu_ns - before->cpu_ns) / 1000;
    std::printf(
        "seed %llu: %llu events, %llu deliveries in %.2f s, %.0f events/s, %.0f deliveries/s, daemon %.2f us CPU per "
        "delivery\n",
        static_cast<unsigned long long>(seed), static_cast<unsigned long long>(events),
        static_cast<unsigned long long>(exchange.deliveries()), seconds, static_cast<double>(events) / seconds,
        static_cast<double>(exchange.deliveries()) / seconds, cpu_us / static_cast<double>(exchange.deliveries()));
    EXPECT_EQ(server->stop(), "");
  }

  const std::uint64_t events_ = number_from_environment("MILLION_EVENTS", 1'000'000);
};

TEST_F(MillionEvents, EveryEventReachesTheOneConsumerWhoseFilterItPasses) {
  run(events_, true, OutFormat::kLegacy);
}

TEST_F(MillionEvents, EveryEventReachesEveryConsumer) {
  run(events_ / 10, false, OutFormat::kNanoseconds);
}

}  // namespace
}  // namespace stress
