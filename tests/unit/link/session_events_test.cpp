// Events of a link session: polled, in the loop, with a peer that takes them slowly or not at all.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "protocol/event_line.h"
#include "protocol/link_reply.h"
#include "tests/unit/link/link_rig.h"

namespace link_test {
namespace {

namespace reply = vscp::reply;
using router::Socket;

const std::string kOk(reply::kOk);
const std::string kAlive(reply::kAlive);
const std::string kLoopEntered(reply::kLoopEntered);
const std::string kLoopLeft(reply::kLoopLeft);

/// The number that send_line() made the event with; nothing if the line is no such event.
std::optional<std::uint32_t> number_of(const std::string& line) {
  vscp::Event event;
  if (!vscp::decode_event_line(line, event) || event.data_size != 4) return std::nullopt;
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < 4; ++i) number = number << 8U | event.data[i];
  return number;
}

/// Events of these lines, in their order; everything else goes to `others`.
std::vector<std::uint32_t> numbers_of(const std::vector<std::string>& lines, std::vector<std::string>& others) {
  std::vector<std::uint32_t> numbers;
  for (const auto& line : lines) {
    if (const auto number = number_of(line)) {
      numbers.push_back(*number);
    } else {
      others.push_back(line + "\r\n");
    }
  }
  return numbers;
}

std::vector<std::uint32_t> count_up(std::uint32_t count, std::uint32_t first = 0) {
  std::vector<std::uint32_t> numbers(count);
  for (auto& number : numbers) number = first++;
  return numbers;
}

/// Reads a little at a time until nothing comes any more.
std::string read_slowly(LinkRig& rig, Socket client, std::size_t step) {
  std::string text;
  for (;;) {
    rig.settle();
    const std::string more = rig.read(client, step);
    if (more.empty()) return text;
    text += more;
  }
}

class SessionEvents : public ::testing::Test {
 protected:
  void begin(const RigSettings& settings = {}) {
    rig_ = std::make_unique<LinkRig>(settings);
    sender_ = rig_->connect_logged_in();
    client_ = rig_->connect_logged_in();
  }
  void send_events(std::uint32_t count, std::uint32_t first = 0) {
    for (std::uint32_t i = 0; i < count; ++i) ASSERT_EQ(rig_->ask(sender_, send_line(first + i)), kOk);
  }
  void TearDown() override { EXPECT_TRUE(rig_ == nullptr || rig_->end().empty()); }

  std::unique_ptr<LinkRig> rig_;
  Socket sender_ = -1;
  Socket client_ = -1;
};

// ---- polled ---------------------------------------------------------------------------------------------------------

TEST_F(SessionEvents, RetrOfManyForASlowPeer) {
  RigSettings settings;
  settings.faults.socket_bytes = 3000;
  begin(settings);
  constexpr std::uint32_t kEvents = 3000;
  send_events(kEvents);
  ASSERT_TRUE(rig_->send(client_, "RETR 2990\r\nCDTA\r\nRETR 11\r\nNOOP\r\n"));
  std::vector<std::string> others;
  const auto numbers = numbers_of(lines_of(read_slowly(*rig_, client_, 777)), others);
  EXPECT_EQ(numbers, count_up(kEvents));
  EXPECT_EQ(others, (std::vector<std::string>{kOk, "10\r\n", kOk, std::string(reply::kNoEvents), kOk}));
  EXPECT_EQ(rig_->session(client_)->figures().events_out, kEvents);
}

TEST_F(SessionEvents, EventsThatComeDuringALongRetr) {
  RigSettings settings;
  settings.faults.socket_bytes = 3000;
  begin(settings);
  send_events(2000);
  ASSERT_TRUE(rig_->send(client_, "RETR 2500\r\nRETR 1000\r\n"));
  rig_->settle();
  send_events(700, 2000);
  std::vector<std::string> others;
  EXPECT_EQ(numbers_of(lines_of(read_slowly(*rig_, client_, 1500)), others), count_up(2700));
  EXPECT_EQ(others, (std::vector<std::string>{kOk, std::string(reply::kNoEvents)}));
}

TEST_F(SessionEvents, RetrCutOffByTheEnd) {
  RigSettings settings;
  settings.faults.socket_bytes = 3000;
  for (const bool by_reset : {false, true}) {
    begin(settings);
    send_events(2000);
    ASSERT_TRUE(rig_->send(client_, "RETR 2000\r\nNOOP\r\n"));
    rig_->settle();
    std::string text = rig_->read(client_, 1000);
    if (by_reset) {
      rig_->reset(client_);
    } else {
      // What a peer asked for before it closed its side is still given to it.
      rig_->half_close(client_);
      text += read_slowly(*rig_, client_, 3000);
      std::vector<std::string> others;
      EXPECT_EQ(numbers_of(lines_of(text), others), count_up(2000));
      EXPECT_EQ(others, (std::vector<std::string>{kOk, kOk}));
    }
    EXPECT_EQ(rig_->end(), "");
    rig_.reset();
  }
}

// ---- loop -----------------------------------------------------------------------------------------------------------

// Sends take their time here, so that commands that move the queue come while one is under way.
TEST_F(SessionEvents, QueueIsNotTouchedWhileASendIsInFlight) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    RigSettings settings;
    settings.seed = seed;
    settings.faults.socket_bytes = 2000;
    settings.faults.delay = 700;
    settings.faults.delay_max_ns = 20 * kMillisecond;
    begin(settings);
    EXPECT_EQ(rig_->ask(client_, "RCVLOOP\r\n"), kLoopEntered);
    std::uint32_t sent = 0;
    std::string text;
    for (int i = 0; i < 10; ++i) {
      for (int j = 0; j < 5; ++j) ASSERT_TRUE(rig_->send(sender_, send_line(sent++)));
      for (int j = 0; j < 8; ++j) {
        rig_->advance(kMillisecond);
        rig_->turn();
      }
      // A mask over nothing changes nothing of what comes.
      constexpr std::string_view kCommands[] = {"SFLT 0,99,0,-\r\n", "SMSK 0,0,0,-\r\n", "QUITLOOP\r\nRCVLOOP\r\n"};
      ASSERT_TRUE(rig_->send(client_, kCommands[static_cast<std::size_t>(i) % 3]));
      for (int j = 0; j < 8; ++j) {
        rig_->advance(kMillisecond);
        rig_->turn();
      }
      text += rig_->read(client_, 300);
    }
    text += read_slowly(*rig_, client_, 500);
    std::vector<std::string> others;
    ASSERT_EQ(numbers_of(lines_of(text), others), count_up(sent)) << "seed " << seed;
    // Four SFLT, three SMSK, three times QUITLOOP and RCVLOOP.
    EXPECT_EQ(others.size(), 4U + 3U + 2U * 3U) << "seed " << seed;
    ASSERT_EQ(rig_->end(), "");
    rig_.reset();
  }
}

TEST_F(SessionEvents, FilterHoldsFromItsAnswerOn) {
  RigSettings settings;
  settings.faults.socket_bytes = 1000;
  begin(settings);
  EXPECT_EQ(rig_->ask(client_, "RCVLOOP\r\n"), kLoopEntered);
  send_events(100);
  // The peer has a full socket: the session is in the middle of its events.
  ASSERT_TRUE(rig_->send(client_, "SFLT 0,99,0,-\r\nSMSK 0,0xffff,0,-\r\nNOOP\r\n"));
  rig_->settle();
  send_events(100, 100);
  std::vector<std::string> others;
  const auto numbers = numbers_of(lines_of(read_slowly(*rig_, client_, 100)), others);
  EXPECT_EQ(others, (std::vector<std::string>{kOk, kOk, kOk}));
  // What was there before the mask came comes; nothing of what was sent after it.
  EXPECT_EQ(numbers, count_up(100));
}

TEST_F(SessionEvents, QuitLoopInsideALine) {
  for (std::size_t taken = 0; taken < 140; taken += 3) {
    RigSettings settings;
    settings.faults.socket_bytes = 500;
    begin(settings);
    EXPECT_EQ(rig_->ask(client_, "RCVLOOP\r\n"), kLoopEntered);
    send_events(40);
    std::string text = rig_->read(client_, taken);
    rig_->settle();
    ASSERT_TRUE(rig_->send(client_, "QUITLOOP\r\nNOOP\r\n"));
    text += read_slowly(*rig_, client_, 64);
    std::vector<std::string> others;
    auto numbers = numbers_of(lines_of(text), others);
    EXPECT_EQ(others, (std::vector<std::string>{kLoopLeft, kOk})) << taken;
    EXPECT_LT(numbers.size(), 40U);
    // What was not yet out can be polled, whole and once.
    const auto rest = numbers_of(lines_of(rig_->ask(client_, "RETR 100\r\n")), others);
    numbers.insert(numbers.end(), rest.begin(), rest.end());
    EXPECT_EQ(numbers, count_up(40)) << taken;
    EXPECT_EQ(rig_->end(), "");
    rig_.reset();
  }
}

TEST_F(SessionEvents, LoopLeftAndPolledLosesNothing) {
  RigSettings settings;
  settings.faults.socket_bytes = 700;
  begin(settings);
  constexpr std::uint32_t kEvents = 300;
  EXPECT_EQ(rig_->ask(client_, "RCVLOOP\r\n"), kLoopEntered);
  send_events(kEvents);
  std::string text;
  for (int i = 0; i < 12; ++i) {
    ASSERT_TRUE(rig_->send(client_, "QUITLOOP\r\nRETR 3\r\nRCVLOOP\r\n"));
    rig_->settle();
    text += rig_->read(client_, 333);
  }
  text += read_slowly(*rig_, client_, 500);
  std::vector<std::string> others;
  EXPECT_EQ(numbers_of(lines_of(text), others), count_up(kEvents));
  EXPECT_EQ(std::count(others.begin(), others.end(), kLoopLeft), 12);
}

TEST_F(SessionEvents, GapBeforeTheFirstEvent) {
  RigSettings settings;
  settings.config.rcvloop_gap_ms = 50;
  begin(settings);
  send_events(3);
  EXPECT_EQ(rig_->ask(client_, "RCVLOOP\r\n"), kLoopEntered);
  rig_->pass_time(45 * kMillisecond);
  EXPECT_EQ(rig_->ask(client_, "NOOP\r\n"), kOk);
  rig_->pass_time(10 * kMillisecond);
  std::vector<std::string> others;
  EXPECT_EQ(numbers_of(lines_of(rig_->read_all(client_)), others), count_up(3));
  // Out and in again: a new gap.
  EXPECT_EQ(rig_->ask(client_, "QUITLOOP\r\nRCVLOOP\r\nQUITLOOP\r\n"), kLoopLeft + kLoopEntered + kLoopLeft);
  send_events(1, 3);
  rig_->pass_time(100 * kMillisecond);
  EXPECT_EQ(rig_->read_all(client_), "");
}

TEST_F(SessionEvents, SignsOfLife) {
  begin();
  EXPECT_EQ(rig_->ask(client_, "RCVLOOP\r\n"), kLoopEntered);
  std::string expected;
  for (int i = 0; i < 10; ++i) {
    rig_->pass_time(2001 * kMillisecond);
    expected += kAlive;
  }
  EXPECT_EQ(rig_->read_all(client_), expected);
  EXPECT_EQ(rig_->ask(client_, "QUITLOOP\r\n"), kLoopLeft);
  rig_->pass_time(10 * kSecond);
  EXPECT_EQ(rig_->read_all(client_), "");
}

TEST_F(SessionEvents, SignsOfLifeDoNotPileUp) {
  RigSettings settings;
  settings.faults.socket_bytes = 200;
  begin(settings);
  EXPECT_EQ(rig_->ask(client_, "RCVLOOP\r\n"), kLoopEntered);
  send_events(10);
  for (int i = 0; i < 5000; ++i) rig_->pass_time(2001 * kMillisecond);
  EXPECT_LE(rig_->worker().out_blocks().taken(), 1U);
  std::vector<std::string> others;
  EXPECT_EQ(numbers_of(lines_of(rig_->read_all(client_)), others), count_up(10));
  EXPECT_LE(others.size(), 2U);
  EXPECT_TRUE(std::all_of(others.begin(), others.end(), [](const auto& each) { return each == kAlive; }));
  // And they come again when the peer reads again.
  rig_->pass_time(2001 * kMillisecond);
  rig_->pass_time(2001 * kMillisecond);
  EXPECT_EQ(rig_->read_all(client_), kAlive + kAlive);
}

// ---- hold -----------------------------------------------------------------------------------------------------------

// The limit is well above what one turn can bring in: a hold begins between turns.
TEST_F(SessionEvents, SenderIsHeldForASlowReaderAndReleased) {
  constexpr std::uint32_t kEvents = 12'000;
  RigSettings settings;
  settings.faults.socket_bytes = 20'000;
  settings.config.max_out_queue = 4000;
  settings.config.hold_producers_ms = 500;
  begin(settings);
  EXPECT_EQ(rig_->ask(client_, "RCVLOOP\r\n"), kLoopEntered);
  std::string lines;
  for (std::uint32_t i = 0; i < kEvents; ++i) lines += send_line(i);
  std::string text;
  std::string answers;
  std::string_view rest = lines;
  std::uint64_t held_turns = 0;
  for (int i = 0; i < 2000; ++i) {
    const std::size_t size = std::min<std::size_t>({rest.size(), rig_->net().send_room(sender_), 8000});
    if (size > 0) {
      ASSERT_TRUE(rig_->send(sender_, rest.substr(0, size)));
      rest.remove_prefix(size);
    }
    rig_->pass_time(kMillisecond);
    answers += rig_->read(sender_);
    text += rig_->read(client_, 6000);
    held_turns += rig_->worker().hold().is_on() ? 1U : 0U;
  }
  EXPECT_EQ(answers, repeat(kOk, kEvents));
  std::vector<std::string> others;
  EXPECT_EQ(numbers_of(lines_of(text), others), count_up(kEvents));
  EXPECT_GT(held_turns, 0U);
  EXPECT_EQ(rig_->session(client_)->events_dropped(), 0U);
  EXPECT_FALSE(rig_->worker().hold().is_on());
}

TEST_F(SessionEvents, HoldEndsWhenTheReaderGoes) {
  RigSettings settings;
  settings.faults.socket_bytes = 500;
  settings.config.max_out_queue = 20;
  settings.config.hold_producers_ms = 60'000;
  begin(settings);
  EXPECT_EQ(rig_->ask(client_, "RCVLOOP\r\n"), kLoopEntered);
  std::string answers;
  for (std::uint32_t i = 0; i < 100 && !rig_->worker().hold().is_on(); ++i) answers += rig_->ask(sender_, send_line(i));
  ASSERT_TRUE(rig_->worker().hold().is_on());
  EXPECT_EQ(rig_->ask(sender_, send_line(1000)), "");
  rig_->reset(client_);
  EXPECT_FALSE(rig_->worker().hold().is_on());
  EXPECT_EQ(rig_->read_all(sender_), kOk);
}

// ---- drain ----------------------------------------------------------------------------------------------------------

TEST_F(SessionEvents, DrainInEveryState) {
  const auto drain = [this] {
    rig_->worker().for_each_session([](router::StreamSession& session) { session.drain(3 * kSecond); });
    rig_->settle();
  };
  RigSettings settings;
  settings.faults.socket_bytes = 2000;
  settings.config.rcvloop_gap_ms = 50;
  begin(settings);
  rig_->run_logins(false);
  const Socket greeted = rig_->connect();
  const Socket checking = rig_->connect();
  rig_->ask(checking, "USER admin\r\nPASS secret\r\nNOOP\r\n");
  rig_->run_logins(true);
  const Socket refused = rig_->connect();
  rig_->read(refused);
  rig_->ask(refused, "USER admin\r\nPASS wrong\r\n");
  const Socket half_line = rig_->connect_logged_in();
  EXPECT_EQ(rig_->ask(half_line, "NO"), "");
  const Socket in_gap = rig_->connect_logged_in();
  const Socket in_loop = rig_->connect_logged_in();
  const Socket stuck = rig_->connect_logged_in();
  rig_->ask(in_loop, "RCVLOOP\r\n");
  rig_->ask(stuck, "RCVLOOP\r\n");
  rig_->pass_time(60 * kMillisecond);
  EXPECT_EQ(rig_->ask(in_gap, "RCVLOOP\r\n"), kLoopEntered);
  send_events(200);
  ASSERT_TRUE(rig_->send(client_, "RETR 200\r\n"));
  rig_->settle();
  drain();

  std::vector<std::string> others;
  EXPECT_EQ(rig_->read_all(greeted), "Welcome\r\n" + kOk);
  for (const Socket each : {greeted, refused, half_line}) {
    EXPECT_EQ(rig_->read_all(each), "");
    EXPECT_TRUE(rig_->is_closed(each));
  }
  // Those in the loop get what is there; what a poller has not asked for is not pushed at it.
  for (const Socket each : {in_gap, in_loop}) {
    EXPECT_EQ(numbers_of(lines_of(read_slowly(*rig_, each, 2000)), others), count_up(200));
    EXPECT_TRUE(rig_->is_closed(each));
  }
  EXPECT_TRUE(others.empty());
  const auto polled = numbers_of(lines_of(read_slowly(*rig_, client_, 2000)), others);
  EXPECT_EQ(polled, count_up(static_cast<std::uint32_t>(polled.size())));
  // A peer that takes nothing is not waited for longer than the drain's patience.
  EXPECT_NE(rig_->session(stuck), nullptr);
  rig_->pass_time(3100 * kMillisecond);
  EXPECT_EQ(rig_->session(stuck), nullptr);
}

// ---- limits ---------------------------------------------------------------------------------------------------------

TEST_F(SessionEvents, TheUsersLimitsGoBeforeTheListeners) {
  RigSettings settings;
  settings.config.max_out_queue = 1000;
  settings.config.slow_consumer = router::SlowConsumer::kDisconnect;
  settings.users.push_back(make_user("admin", "secret"));
  settings.users[0].overrides.queue = {
      .max_out_queue = 20, .max_out_bytes = 0, .slow_consumer = router::SlowConsumer::kDropOldest, .hold_producers_ms = 7};
  begin(settings);
  send_events(21);
  EXPECT_EQ(rig_->session(client_)->limit(), (router::Amount{20, router::kNoLimit}));
  EXPECT_EQ(rig_->session(client_)->events_dropped(), 6U);
  router::SessionInfo info;
  rig_->session(client_)->describe(info);
  EXPECT_EQ(info.slow_consumer, router::SlowConsumer::kDropOldest);
  EXPECT_EQ(info.queued, 15U);
  EXPECT_GT(info.queued_bytes, 15U * 60);
}

TEST_F(SessionEvents, BytesLimitAReaderOfBigEvents) {
  RigSettings settings;
  settings.config.max_out_bytes = 65'536;
  begin(settings);
  const std::string big = "SEND 0,1024,1,0,,,-" + repeat(",255", 487) + "\r\n";
  for (int i = 0; i < 40; ++i) ASSERT_EQ(rig_->ask(sender_, big), kOk);
  router::SessionInfo info;
  rig_->session(client_)->describe(info);
  EXPECT_GT(info.dropped, 0U);
  EXPECT_EQ(info.queued + info.dropped, 40U);
  EXPECT_LE(info.queued_bytes, 65'536U);
  EXPECT_GT(info.queued_bytes, 65'536U / 2);
}

// By default one reader may have a quarter of the log.
TEST_F(SessionEvents, TheDefaultLimitInBytesIsAPartOfTheLog) {
  begin();
  EXPECT_EQ(rig_->session(client_)->limit().bytes, rig_->router().settings().worker.fanout.log_bytes / 4);
}

}  // namespace
}  // namespace link_test
