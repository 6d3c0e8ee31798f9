// Readers that do not keep up, and those that do however small their limit is: holds, losses, and what others notice of it.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "protocol/event_line.h"
#include "protocol/link_reply.h"
#include "tests/unit/link/link_rig.h"

namespace link_test {
namespace {

using router::Socket;

const std::string kOk(vscp::reply::kOk);
const std::string kLoopEntered(vscp::reply::kLoopEntered);

std::size_t count_lines(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

struct Flow {
  router::ThreadIndex workers = 1;
  std::uint32_t limit = 0;
  std::uint64_t bytes_limit = 0;
};

class KeepsUp : public ::testing::TestWithParam<Flow> {};

// Senders that send as fast as they are let, from both workers, and a reader that takes all there is in every turn: whatever its
// limit is, it loses nothing. The limits are below what one turn of the worker could bring in.
TEST_P(KeepsUp, AReaderThatReadsLosesNothing) {
  constexpr std::uint32_t kSenders = 8;
  constexpr std::uint32_t kEach = 3000;
  RigSettings settings;
  settings.workers = GetParam().workers;
  settings.config.max_out_queue = GetParam().limit;
  settings.config.max_out_bytes = GetParam().bytes_limit;
  settings.config.rcvloop_gap_ms = 0;
  settings.faults.socket_bytes = 60'000;
  LinkRig rig(settings);
  const Socket reader = rig.connect_logged_in(0);
  EXPECT_EQ(rig.ask(reader, "RCVLOOP\r\n"), kLoopEntered);
  std::string lines;
  for (std::uint32_t i = 0; i < kEach; ++i) lines += send_line(i);
  std::vector<Socket> senders;
  std::vector<std::string_view> rest(kSenders, lines);
  for (std::uint32_t i = 0; i < kSenders; ++i) {
    senders.push_back(rig.connect_logged_in(static_cast<router::ThreadIndex>(i % GetParam().workers)));
  }
  std::string text;
  std::size_t answers = 0;
  const std::size_t all_answers = std::size_t{kSenders} * kEach * kOk.size();
  for (int turns = 0; turns < 100'000 && answers < all_answers; ++turns) {
    for (std::uint32_t i = 0; i < kSenders; ++i) {
      const int sent = rest[i].empty() ? 0 : rig.net().send(senders[i], rest[i]);
      if (sent > 0) rest[i].remove_prefix(static_cast<std::size_t>(sent));
      answers += rig.read(senders[i]).size();
    }
    rig.turn();
    rig.advance(10'000);
    text += rig.read(reader);
  }
  text += rig.read_all(reader);
  EXPECT_EQ(answers, all_answers);
  EXPECT_EQ(rig.session(reader)->events_dropped(), 0U);
  EXPECT_EQ(count_lines(text, "\r\n"), std::size_t{kSenders} * kEach);
  EXPECT_EQ(rig.end(), "");
}

INSTANTIATE_TEST_SUITE_P(Limits, KeepsUp,
                         ::testing::Values(Flow{1, 256, 0}, Flow{1, 1000, 0}, Flow{1, 32'000, 65'536}, Flow{2, 256, 0},
                                           Flow{2, 1000, 0}, Flow{2, 32'000, 65'536}));

class SlowReader : public ::testing::Test {
 protected:
  void begin(RigSettings settings) {
    settings.config.rcvloop_gap_ms = 0;
    rig_ = std::make_unique<LinkRig>(settings);
    sender_ = rig_->connect_logged_in();
  }
  /// In the loop, and never reads.
  Socket add_stuck(std::uint16_t vscp_class) {
    const Socket client = rig_->connect_logged_in();
    const std::string number = std::to_string(vscp_class);
    EXPECT_EQ(rig_->ask(client, "SFLT 0," + number + ",0,-\r\nSMSK 0,0xffff,0,-\r\nRCVLOOP\r\n"),
              kOk + kOk + kLoopEntered);
    return client;
  }
  static std::string event(std::uint16_t vscp_class) {
    return "SEND 0," + std::to_string(vscp_class) + ",1,0,,,-,1,2,3\r\n";
  }
  /// Sends, and lets time pass in small steps until all is answered; returns for how much of it senders were held.
  std::uint64_t send_and_measure_hold(const std::string& lines) {
    std::uint64_t held_ns = 0;
    std::size_t left = count_lines(lines, "\r\n") * kOk.size();
    std::string_view rest = lines;
    for (int steps = 0; steps < 100'000 && left > 0; ++steps) {
      const int sent = rest.empty() ? 0 : rig_->net().send(sender_, rest);
      if (sent > 0) rest.remove_prefix(static_cast<std::size_t>(sent));
      rig_->pass_time(kMillisecond);
      held_ns += rig_->worker().hold().is_on() ? kMillisecond : 0;
      left -= rig_->read(sender_).size();
    }
    EXPECT_EQ(left, 0U);
    return held_ns;
  }
  void TearDown() override { EXPECT_TRUE(rig_ == nullptr || rig_->end().empty()); }

  std::unique_ptr<LinkRig> rig_;
  Socket sender_ = -1;
};

TEST_F(SlowReader, AStuckReaderCostsAQuarterOfTheHold) {
  RigSettings settings;
  settings.config.max_out_queue = 256;
  settings.config.hold_producers_ms = 400;
  settings.faults.socket_bytes = 500;
  begin(settings);
  const Socket stuck = add_stuck(100);
  const std::uint64_t held_ns = send_and_measure_hold(repeat(event(100), 1000));
  EXPECT_GT(held_ns, 90 * kMillisecond);
  EXPECT_LE(held_ns, 110 * kMillisecond);
  EXPECT_GT(rig_->session(stuck)->events_dropped(), 0U);
}

// Each of many readers gets stuck once, one after the other: each could hold the senders, but not all of them.
TEST_F(SlowReader, HoldsInVainAreLimitedForAllTogether) {
  constexpr std::uint16_t kReaders = 60;
  RigSettings settings;
  settings.config.max_out_queue = 64;
  settings.config.hold_producers_ms = 500;
  settings.faults.socket_bytes = 500;
  begin(settings);
  for (std::uint16_t i = 0; i < kReaders; ++i) add_stuck(static_cast<std::uint16_t>(100 + i));
  const std::uint64_t start_ns = rig_->worker().now_ns();
  std::uint64_t held_ns = 0;
  for (std::uint16_t i = 0; i < kReaders; ++i) {
    held_ns += send_and_measure_hold(repeat(event(static_cast<std::uint16_t>(100 + i)), 60));
  }
  const std::uint64_t took_ns = rig_->worker().now_ns() - start_ns;
  EXPECT_GT(rig_->worker().counters().holds.value(), 1U);
  EXPECT_LT(rig_->worker().counters().holds.value(), kReaders / 2U);
  EXPECT_LE(held_ns, router::HoldState::kVainAtOnceNs + took_ns / router::HoldState::kVainShare + 130 * kMillisecond);
  // Later there are holds again.
  rig_->pass_time(30 * kSecond);
  add_stuck(500);
  EXPECT_GT(send_and_measure_hold(repeat(event(500), 60)), 100 * kMillisecond);
}

// While the stuck ones have used everything up, a reader whose holds were worth it still gets one.
TEST_F(SlowReader, AReaderThatHasUsedItsHoldsWellGetsOneAllTheSame) {
  RigSettings settings;
  settings.config.max_out_queue = 64;
  settings.config.hold_producers_ms = 500;
  settings.faults.socket_bytes = 500;
  begin(settings);
  const Socket good = add_stuck(99);
  ASSERT_TRUE(rig_->send(sender_, repeat(event(99), 60)));
  rig_->settle();
  ASSERT_TRUE(rig_->worker().hold().is_on());
  while (!rig_->read_all(good).empty()) {
  }
  rig_->pass_time(10 * kMillisecond);
  ASSERT_FALSE(rig_->worker().hold().is_on());
  rig_->read_all(good);
  static_cast<void>(rig_->read_all(sender_));
  for (std::uint16_t i = 0; i < 20; ++i) {
    add_stuck(static_cast<std::uint16_t>(100 + i));
    send_and_measure_hold(repeat(event(static_cast<std::uint16_t>(100 + i)), 60));
  }
  const std::uint64_t holds = rig_->worker().counters().holds.value();
  add_stuck(300);
  send_and_measure_hold(repeat(event(300), 60));
  ASSERT_EQ(rig_->worker().counters().holds.value(), holds) << "the stuck ones have had all there is";
  ASSERT_TRUE(rig_->send(sender_, repeat(event(99), 60)));
  rig_->settle();
  EXPECT_TRUE(rig_->worker().hold().is_on());
  EXPECT_EQ(rig_->session(good)->events_dropped(), 0U);
}

}  // namespace
}  // namespace link_test
