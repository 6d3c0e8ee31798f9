// Sessions that speak TLS, on the simulated network with its accidents; the test is their clients.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/io/tls_rig.h"
#include "tests/unit/link/link_rig.h"

namespace link_test {
namespace {

using drivers::link::TlsDoor;
using router::TlsStream;

RigSettings with_tls(std::uint64_t seed = 1, router::ThreadIndex workers = 1) {
  RigSettings settings;
  settings.seed = seed;
  settings.workers = workers;
  settings.tls = std::make_shared<TlsDoor>(*TlsDoor::make_contexts(tls_test::files().server(), workers));
  return settings;
}

class TlsClient {
 public:
  explicit TlsClient(LinkRig& rig, router::ThreadIndex worker = 0)
      : rig_(rig), socket_(rig.connect(worker)), stream_(tls_test::context(tls_test::files().client()), "far") {
    stream_.start();
  }
  TlsStream& stream() { return stream_; }
  router::Socket socket() const { return socket_; }
  /// Sends what there is to send; no turns if there is room.
  void push() {
    for (auto out = stream_.output(); !out.empty(); out = stream_.output()) {
      const int sent = rig_.net().send(socket_, {out.data(), out.size()});
      if (sent <= 0) return;
      stream_.consume_output(static_cast<std::size_t>(sent));
    }
  }
  void take(std::size_t limit = SIZE_MAX) {
    const std::string bytes = rig_.read(socket_, limit);
    std::size_t done = 0;
    while (done < bytes.size()) {
      done += stream_.feed({bytes.data() + done, bytes.size() - done});
      heard_.append(stream_.plain().data(), stream_.plain().size());
      stream_.consume_plain(stream_.plain().size());
    }
    quiet_ = bytes.empty();
  }
  void go_on() {
    do {
      push();
      rig_.settle();
      take();
    } while (!quiet_ || stream_.has_output());
  }
  void say(std::string_view text) {
    while (!text.empty()) {
      const iovec range{const_cast<char*>(text.data()), text.size()};
      text.remove_prefix(stream_.write({&range, 1}));
      push();
    }
  }
  std::string ask(std::string_view text) {
    go_on();
    say(text);
    go_on();
    return heard();
  }
  std::string heard() { return std::exchange(heard_, {}); }
  void log_in() {
    const std::string answer = ask("USER admin\r\nPASS secret\r\n");
    ASSERT_EQ(stream_.state(), TlsStream::State::kOpen) << stream_.problem();
    ASSERT_EQ(std::count(answer.begin(), answer.end(), '+'), 3) << answer;
  }

 private:
  LinkRig& rig_;
  router::Socket socket_;
  TlsStream stream_;
  std::string heard_;
  bool quiet_ = false;
};

TEST(SessionTls, EventsFromOneToTheOther) {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    RigSettings settings = with_tls(seed, 2);
    if (seed > 1) settings.faults = router::SimFaults{};
    LinkRig rig(settings);
    TlsClient reader(rig, 1);
    reader.log_in();
    reader.ask("RCVLOOP\r\n");
    rig.pass_time(100 * kMillisecond);
    TlsClient sender(rig, 0);
    sender.log_in();
    std::string text;
    std::string wanted;
    for (std::uint32_t number = 0; number < 3000; ++number) text += send_line(number);
    const std::string answers = sender.ask(text);
    EXPECT_EQ(std::count(answers.begin(), answers.end(), '+'), 3000);
    reader.go_on();
    std::uint32_t next = 0;
    for (const std::string& line : lines_of(reader.heard())) {
      if (line.starts_with("+OK")) continue;
      const std::string data = "," + std::to_string(next >> 8U & 0xffU) + "," + std::to_string(next & 0xffU);
      ASSERT_TRUE(line.ends_with(data)) << line << " instead of number " << next;
      ++next;
    }
    EXPECT_EQ(next, 3000U);
    EXPECT_EQ(sender.ask("QUIT\r\n"), "+OK - Connection closed by client.\r\n");
    EXPECT_EQ(sender.stream().state(), TlsStream::State::kEnded);
  }
}

TEST(SessionTls, PiecesOfAnySize) {
  for (const std::size_t size : {1U, 5U, 333U, 16384U}) {
    LinkRig rig(with_tls());
    TlsClient client(rig);
    client.go_on();
    // Records of this size.
    const std::string text = repeat("NOOP\r\n", 200);
    for (std::size_t at = 0; at < text.size(); at += size) client.say(std::string_view(text).substr(at, size));
    client.go_on();
    const std::string heard = client.heard();
    EXPECT_EQ(std::count(heard.begin(), heard.end(), '+'), 201) << size;
  }
}

// Its input is not taken while its answers are not: then what waits is encrypted, and goes on where it stopped.
TEST(SessionTls, ClientThatDoesNotReadWaits) {
  LinkRig rig(with_tls());
  TlsClient client(rig);
  client.log_in();
  const std::string many = repeat("NOOP\r\n", 4000);
  for (int i = 0; i < 40 && !client.stream().has_output(); ++i) client.say(many);
  EXPECT_TRUE(client.stream().has_output());
  client.go_on();
  const std::string heard = client.heard();
  const auto answers = std::count(heard.begin(), heard.end(), '+');
  EXPECT_GT(answers, 4000);
  EXPECT_EQ(answers % 4000, 0);
}

TEST(SessionTls, ReaderThatIsStuckLosesAndGoesOn) {
  RigSettings settings = with_tls();
  settings.config.max_out_queue = 100;
  settings.config.hold_producers_ms = 0;
  LinkRig rig(settings);
  TlsClient reader(rig);
  reader.log_in();
  reader.ask("RCVLOOP\r\n");
  rig.pass_time(100 * kMillisecond);
  TlsClient sender(rig);
  sender.log_in();
  std::uint32_t number = 0;
  for (int round = 0; round < 40; ++round) {
    std::string text;
    for (int i = 0; i < 500; ++i) text += send_line(number++);
    sender.ask(text);
  }
  router::SessionInfo info;
  rig.session(reader.socket())->describe(info);
  EXPECT_GT(info.dropped, 0U);
  EXPECT_EQ(info.listener, "rig TLSv1.3");
  reader.go_on();
  const auto lines = lines_of(reader.heard());
  const auto events = static_cast<std::uint64_t>(
      std::count_if(lines.begin(), lines.end(), [](const std::string& line) { return !line.starts_with("+OK"); }));
  rig.session(reader.socket())->describe(info);
  EXPECT_EQ(events + info.dropped, number);
  EXPECT_EQ(info.figures.events_out, events);
}

TEST(SessionTls, WrongKindOfClient) {
  LinkRig rig(with_tls());
  const auto plain = rig.connect();
  rig.ask(plain, "USER admin\r\n");
  EXPECT_EQ(rig.worker().counters().tls_failures.value(), 1U);
  rig.pass_time(2 * kSecond);
  EXPECT_EQ(rig.session(plain), nullptr);
  // One that says nothing goes when the time for its login is over.
  const auto silent = rig.connect();
  rig.pass_time(31 * kSecond);
  rig.pass_time(2 * kSecond);
  EXPECT_EQ(rig.session(silent), nullptr);
  EXPECT_EQ(rig.worker().counters().tls_failures.value(), 2U);
  EXPECT_EQ(rig.worker().counters().tls_handshakes.value(), 0U);

  LinkRig without;
  const auto hello = without.connect();
  without.ask(hello, std::string_view("\x16\x03\x01\x02\x00\x01", 6));
  without.pass_time(2 * kSecond);
  EXPECT_EQ(without.session(hello), nullptr);
  EXPECT_EQ(without.worker().counters().tls_failures.value(), 1U);
}

// Who is there already waits for a few handshakes, not for all of them.
TEST(SessionTls, FloodOfHandshakes) {
  RigSettings settings = with_tls();
  settings.ring.buffer_count = 64;  // as a worker has
  LinkRig rig(settings);
  TlsClient there(rig);
  there.log_in();
  std::vector<std::unique_ptr<TlsClient>> flood;
  for (int i = 0; i < 200; ++i) flood.push_back(std::make_unique<TlsClient>(rig));
  for (auto& client : flood) client->push();
  there.say("NOOP\r\n");
  const auto begun = [&] {
    return std::count_if(flood.begin(), flood.end(), [](auto& client) {
      client->take();
      return client->stream().has_output();
    });
  };
  std::string answer;
  std::ptrdiff_t before = 0;
  for (int turns = 0; answer.empty() && turns < 8; ++turns) {
    rig.turn();
    const std::ptrdiff_t now = begun();
    EXPECT_LE(now - before, 6);
    before = now;
    there.take();
    answer = there.heard();
  }
  EXPECT_EQ(answer, "+OK - Success.\r\n");
  for (auto& client : flood) client->go_on();
  for (auto& client : flood) EXPECT_EQ(client->stream().state(), TlsStream::State::kOpen);
  EXPECT_EQ(rig.worker().counters().tls_handshakes.value(), 201U);
}

// A byte is enough to hold memory for a handshake.
TEST(SessionTls, HandshakesThatAreNeverFinishedAreBounded) {
  LinkRig rig(with_tls());
  constexpr std::size_t kMore = 20;
  std::vector<router::Socket> clients;
  for (std::size_t i = 0; i < TlsDoor::kHandshakesMax + kMore; ++i) {
    clients.push_back(rig.connect());
    rig.ask(clients.back(), "\x16");
  }
  EXPECT_EQ(rig.session_count(), TlsDoor::kHandshakesMax);
  EXPECT_EQ(rig.session(clients[kMore - 1]), nullptr);
  EXPECT_NE(rig.session(clients[kMore]), nullptr);
}

TEST(TlsDoor, TheOldestGivesWay) {
  LinkRig rig(with_tls());
  const auto first = rig.connect();
  const auto second = rig.connect();
  auto contexts = TlsDoor::make_contexts(tls_test::files().server(), 1);
  ASSERT_TRUE(contexts.has_value());
  TlsDoor door(*contexts);
  std::vector<std::unique_ptr<drivers::link::TlsGuest>> guests;
  for (std::size_t i = 0; i < TlsDoor::kHandshakesMax; ++i) {
    auto& whose = *rig.session(i == 0 ? first : second);
    guests.push_back(std::make_unique<drivers::link::TlsGuest>(door.context(0), whose));
    EXPECT_EQ(door.begin(0, *guests.back()), nullptr);
    EXPECT_EQ(door.begin(0, *guests.back()), nullptr);  // counts once
  }
  drivers::link::TlsGuest next(door.context(0), *rig.session(second));
  EXPECT_EQ(door.begin(0, next), rig.session(first));
  door.end(0, *guests[0]);
  door.end(0, *guests[0]);
  drivers::link::TlsGuest after(door.context(0), *rig.session(second));
  EXPECT_EQ(door.begin(0, after), rig.session(second));
  for (auto& guest : guests) door.end(0, *guest);
  door.end(0, next);
  door.end(0, after);
}

}  // namespace
}  // namespace link_test
