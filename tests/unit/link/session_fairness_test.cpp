// What one client does must not keep the others waiting: shares of a worker's turn.
#include <gtest/gtest.h>

#include <algorithm>

#include "protocol/link_reply.h"
#include "tests/unit/link/link_rig.h"

namespace link_test {
namespace {

using router::Socket;

constexpr std::size_t kTurnBytes = 16U << 10U;
constexpr std::size_t kRoundBytes = 4U << 10U;

RigSettings small_turns() {
  RigSettings settings;
  settings.worker.input_per_turn = kTurnBytes;
  settings.worker.input_per_round = kRoundBytes;
  settings.ring = {.buffer_count = 64, .buffer_bytes = 4096};
  settings.faults.socket_bytes = 512U << 10U;
  return settings;
}

/// A producer that always has more to send than it is allowed, and reads every answer.
class Flooder {
 public:
  explicit Flooder(LinkRig& rig) : rig_(&rig), socket_(rig.connect_logged_in()) {}
  void fill() {
    while (rig_->net().send_room(socket_) > text_.size()) rig_->net().send(socket_, text_);
    answers_ += static_cast<std::uint64_t>(std::ranges::count(rig_->read(socket_), '\n'));
  }
  std::uint64_t answers() const { return answers_; }
  std::size_t line_bytes() const { return send_line(1).size(); }

 private:
  LinkRig* rig_;
  Socket socket_;
  std::string text_ = repeat(send_line(1), 100);
  std::uint64_t answers_ = 0;
};

struct Crowd {
  Crowd(LinkRig& rig, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) flooders.push_back(std::make_unique<Flooder>(rig));
  }
  void fill() {
    for (auto& flooder : flooders) flooder->fill();
  }
  std::vector<std::unique_ptr<Flooder>> flooders;
};

/// Turns until the client has its answer, with the flood going on.
int turns_until_answer(LinkRig& rig, Crowd& crowd, Socket client, std::string_view question) {
  rig.net().send(client, question);
  for (int turns = 1; turns <= 1000; ++turns) {
    crowd.fill();
    rig.turn();
    if (!rig.read(client).empty()) return turns;
  }
  return -1;
}

class SessionFairness : public testing::TestWithParam<std::size_t> {};

TEST_P(SessionFairness, AClientInLockStepIsAnsweredAtOnce) {
  LinkRig rig(small_turns());
  Crowd crowd(rig, GetParam());
  const Socket client = rig.connect_logged_in();
  for (int warm_up = 0; warm_up < 50; ++warm_up) {
    crowd.fill();
    rig.turn();
  }
  for (int i = 0; i < 50; ++i) {
    // Handed to the ring in one turn, received and answered in the next, sent with that.
    EXPECT_LE(turns_until_answer(rig, crowd, client, "NOOP\r\n"), 4);
    EXPECT_LE(turns_until_answer(rig, crowd, client, send_line(7)), 4);
  }
}

TEST_P(SessionFairness, ATurnIsBounded) {
  LinkRig rig(small_turns());
  Crowd crowd(rig, GetParam());
  const std::size_t line = crowd.flooders.front()->line_bytes();
  std::uint64_t most = 0;
  for (int turn = 0; turn < 200; ++turn) {
    crowd.fill();
    const std::uint64_t before = rig.worker().counters().events_in.value();
    rig.turn();
    most = std::max(most, rig.worker().counters().events_in.value() - before);
  }
  EXPECT_LE(most, kTurnBytes / line + GetParam() + 1);
  EXPECT_GE(most, std::min(kTurnBytes, GetParam() * kRoundBytes) / line / 2) << "the turn is not used";
}

TEST_P(SessionFairness, AllGetTheSame) {
  LinkRig rig(small_turns());
  Crowd crowd(rig, GetParam());
  for (int turn = 0; turn < 400; ++turn) {
    crowd.fill();
    rig.turn();
  }
  std::uint64_t least = ~std::uint64_t{0};
  std::uint64_t most = 0;
  for (const auto& flooder : crowd.flooders) {
    least = std::min(least, flooder->answers());
    most = std::max(most, flooder->answers());
  }
  EXPECT_GT(least, 100U);
  EXPECT_LE(most, least + least / 4 + 4 * kRoundBytes / crowd.flooders.front()->line_bytes()) << least << " at least";
}

INSTANTIATE_TEST_SUITE_P(Flooders, SessionFairness, testing::Values(1, 3, 40));

// One that floods, and fifty that send one event each in every tenth turn: all of theirs reach a reader within two
// turns, and turns are short, though there is much more to receive.
TEST(SessionFairnessOfOne, AFlooderDoesNotDelayTheOthersEvents) {
  RigSettings settings = small_turns();
  settings.ring.buffer_bytes = 64U << 10U;
  LinkRig rig(settings);
  const Socket reader = rig.connect_logged_in();
  ASSERT_EQ(rig.ask(reader, "SETMASK 0,0,0xffff,00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00\r\n"),
            vscp::reply::kOk);
  ASSERT_EQ(rig.ask(reader, "SETFILTER 0,0,4,00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00\r\n"), vscp::reply::kOk);
  ASSERT_EQ(rig.ask(reader, "RCVLOOP\r\n"), vscp::reply::kLoopEntered);
  std::vector<Socket> senders;
  for (int i = 0; i < 50; ++i) senders.push_back(rig.connect_logged_in());
  Crowd crowd(rig, 1);

  constexpr std::string_view line = "SEND 0,20,4,,,,0:1:2:3:4:5:6:7:8:9:10:11:12:13:14:15,1\r\n";
  constexpr int kTurns = 500;
  constexpr int kMost = 2;  // turns between sending and the last byte at the reader
  std::vector<int> sent_by(kTurns + 1);
  int sent = 0;
  int read = 0;
  for (int turn = 0; turn < kTurns; ++turn) {
    crowd.fill();
    for (std::size_t i = static_cast<std::size_t>(turn) % 10; i < senders.size(); i += 10) {
      sent += rig.net().send(senders[i], line) > 0 ? 1 : 0;
      rig.read(senders[i]);
    }
    sent_by[static_cast<std::size_t>(turn)] = sent;
    const std::uint64_t before = rig.worker().counters().events_in.value();
    rig.turn();
    ASSERT_LE(rig.worker().counters().events_in.value() - before,
              kTurnBytes / crowd.flooders.front()->line_bytes() + 10);
    const std::string text = rig.read(reader);
    read += static_cast<int>(std::ranges::count(text, '\n'));
    if (turn >= kMost) {
      ASSERT_GE(read, sent_by[static_cast<std::size_t>(turn - kMost)]) << "turn " << turn;
    }
  }
  EXPECT_EQ(sent, kTurns * 5);
  EXPECT_GT(crowd.flooders.front()->answers(), kTurns * kRoundBytes / 2 / crowd.flooders.front()->line_bytes());
}

// Commands cost more than their bytes.
TEST(SessionFairnessOfCommands, AFloodOfCommandsIsBoundedToo) {
  RigSettings settings = small_turns();
  LinkRig rig(settings);
  const Socket flooder = rig.connect_logged_in();
  ASSERT_TRUE(rig.net().send(flooder, repeat("NOOP\r\n", 20'000)) > 0);
  std::uint64_t most = 0;
  for (int turn = 0; turn < 100; ++turn) {
    const std::uint64_t before = rig.worker().counters().commands.value();
    rig.turn();
    rig.read(flooder);
    most = std::max(most, rig.worker().counters().commands.value() - before);
  }
  EXPECT_LE(most, kTurnBytes / 200);
  EXPECT_GE(most, 10U);
}

// Nobody is left out when there are more readers than a turn sends to, and what comes new waits until all have been
// served.
TEST(SessionFairnessOfSends, AllReadersAreServedInTurn) {
  RigSettings settings = small_turns();
  settings.worker.sends_per_turn = 3;
  LinkRig rig(settings);
  std::vector<Socket> readers;
  for (int i = 0; i < 20; ++i) {
    readers.push_back(rig.connect_logged_in());
    ASSERT_EQ(rig.ask(readers.back(), "RCVLOOP\r\n"), vscp::reply::kLoopEntered);
  }
  Crowd crowd(rig, 1);
  std::vector<std::uint64_t> events(readers.size());
  std::uint64_t worst = 0;
  std::vector<std::uint64_t> last(readers.size());
  for (std::uint64_t turn = 0; turn < 400; ++turn) {
    crowd.fill();
    rig.turn();
    for (std::size_t i = 0; i < readers.size(); ++i) {
      const auto text = rig.read(readers[i]);
      if (text.empty()) continue;
      events[i] += static_cast<std::uint64_t>(std::ranges::count(text, '\n'));
      worst = std::max(worst, turn - last[i]);
      last[i] = turn;
    }
  }
  EXPECT_LE(worst, 30U);  // 21 sessions with output, 3 in a turn
  const auto [least, most] = std::ranges::minmax(events);
  EXPECT_GT(least, 0U);
  EXPECT_LE(most - least, 3 * kTurnBytes / crowd.flooders.front()->line_bytes());
}

}  // namespace
}  // namespace link_test
