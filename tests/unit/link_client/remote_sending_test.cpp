// What goes out: windows, answers, what is sent again, what waits and what is dropped.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/unit/link_client/remote_rig.h"

namespace link_client_test {
namespace {

using drivers::link_client::RemoteConfig;

void send_only(RemoteConfig& config) {
  config.receive = false;
}

/// Last data byte of each SEND.
std::vector<int> numbers_of(std::string_view text) {
  std::vector<int> numbers;
  while (!text.empty()) {
    const auto end = text.find("\r\n");
    const std::string_view line = text.substr(0, end);
    EXPECT_TRUE(line.starts_with("SEND ")) << line;
    numbers.push_back(std::stoi(std::string(line.substr(line.rfind(',') + 1))));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 2);
  }
  return numbers;
}

std::vector<int> count_up(int from, int to) {
  std::vector<int> numbers;
  for (; from < to; ++from) numbers.push_back(from);
  return numbers;
}

TEST(RemoteSending, OneAtATimeToServersThatAnswerOnlyTheFirstOfSeveral) {
  RemoteRig rig(send_only);
  rig.start();
  const auto far = rig.accept_sender();
  for (std::uint8_t i = 0; i < 3; ++i) rig.publish(5, i);
  EXPECT_EQ(numbers_of(rig.heard(far)), count_up(0, 1));
  EXPECT_EQ(numbers_of(rig.talk(far, "+OK\r\n")), count_up(1, 2));
  EXPECT_EQ(numbers_of(rig.talk(far, "-OK - no right\r\n")), count_up(2, 3));
  EXPECT_EQ(rig.talk(far, "+OK\r\n"), "");
  const auto status = rig.status();
  EXPECT_EQ(status.figures.events_out, 2U);
  EXPECT_EQ(status.figures.refused, 1U);
  EXPECT_EQ(status.queued, 0U);
}

TEST(RemoteSending, AWindowToRoutersOfOurKind) {
  RemoteRig rig([](RemoteConfig& config) {
    config.receive = false;
    config.send_window = 4;
  });
  rig.start();
  const auto far = rig.accept();
  EXPECT_EQ(rig.talk(far, "Welcome\r\nVersion: vscprouterd 0.1.0\r\n+OK\r\n"), "BRIDGE\r\n");
  rig.say(far, "+OK\r\n");
  for (std::uint8_t i = 0; i < 10; ++i) rig.publish(5, i);
  EXPECT_EQ(numbers_of(rig.heard(far)), count_up(0, 4));
  EXPECT_EQ(numbers_of(rig.talk(far, "+OK\r\n+OK\r\n")), count_up(4, 6));
  EXPECT_EQ(numbers_of(rig.talk(far, "+OK\r\n+OK\r\n+OK\r\n+OK\r\n")), count_up(6, 10));
  rig.say(far, "+OK\r\n+OK\r\n+OK\r\n+OK\r\n");
  EXPECT_EQ(rig.status().figures.events_out, 10U);
}

TEST(RemoteSending, WhatWasNotAnsweredIsSentAgainFirst) {
  RemoteRig rig([](RemoteConfig& config) {
    config.receive = false;
    config.send_window = 5;
  });
  rig.start();
  auto far = rig.accept_sender();
  for (std::uint8_t i = 0; i < 8; ++i) rig.publish(5, i);
  EXPECT_EQ(numbers_of(rig.heard(far)), count_up(0, 5));
  rig.net().send(far, std::string_view("+OK\r\n+OK\r\n"));
  rig.settle();
  rig.net().reset(far);
  rig.settle();
  rig.publish(5, 8);
  far = rig.accept_sender();
  EXPECT_EQ(numbers_of(rig.heard(far)), count_up(2, 7));
  rig.say(far, "+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n");
  EXPECT_EQ(numbers_of(rig.heard(far)), count_up(7, 9));
  rig.say(far, "+OK\r\n+OK\r\n");
  const auto status = rig.status();
  EXPECT_EQ(status.figures.events_out, 9U);
  EXPECT_GE(status.resent, 3U);
  EXPECT_EQ(status.queued, 0U);
}

TEST(RemoteSending, NamesOurReceivingConnectionSoThatNothingComesBack) {
  RemoteRig rig;
  rig.start();
  const auto receiver = rig.accept_receiver("41");
  const auto sender = rig.accept_sender();
  rig.publish(5, 1);
  EXPECT_TRUE(rig.heard(sender).starts_with("SEND 96,20,5,41,"));
  rig.say(sender, "+OK\r\n");
  // While the receiving connection is being made again: not before its channel is known.
  rig.net().close(receiver);
  rig.settle();
  const auto again = rig.accept();
  EXPECT_EQ(rig.talk(again, "+OK\r\n"), "CHID\r\n");
  rig.publish(5, 2);
  EXPECT_EQ(rig.heard(sender), "");
  EXPECT_EQ(rig.talk(again, "42\r\n+OK\r\n"), "RCVLOOP\r\n");
  rig.say(again, "+OK\r\n");
  EXPECT_TRUE(rig.heard(sender).starts_with("SEND 96,20,5,42,"));
}

TEST(RemoteSending, WhatCameFromThereDoesNotGoBack) {
  RemoteRig rig;
  rig.start();
  const auto receiver = rig.accept_receiver();
  const auto sender = rig.accept_sender();
  rig.say(receiver, event_line(1));
  EXPECT_EQ(rig.status().figures.events_in, 1U);
  EXPECT_EQ(rig.heard(sender), "");
  EXPECT_EQ(rig.status().queued, 0U);
}

TEST(RemoteSending, EventsWaitWhileTheFarSideIsAwayUpToTheLimitLowestPriorityGoesFirst) {
  RemoteRig rig([](RemoteConfig& config) {
    config.receive = false;
    config.queue.max_out_queue = 32;
    config.send_window = 64;
  });
  rig.net().close(rig.listener());
  rig.start();
  for (std::uint8_t i = 0; i < 20; ++i) rig.publish(5, i, 1);
  for (std::uint8_t i = 100; i < 150; ++i) {
    rig.publish(5, i, 7);
    rig.settle();
  }
  const auto status = rig.status();
  EXPECT_LE(status.queued, 32U);
  EXPECT_EQ(status.queued + status.dropped, 70U);
  const auto listener = rig.net().listen();
  rig.addresses().addresses = {rig.net().address_of(listener)};
  int far = -1;
  ASSERT_TRUE(rig.pass_until([&] { return (far = rig.net().accept(listener)) >= 0; }, 10 * kSecond));
  rig.say(far, "+OK\r\n");
  const auto numbers = numbers_of(rig.heard(far));
  ASSERT_GE(numbers.size(), 20U);
  EXPECT_TRUE(std::equal(numbers.begin(), numbers.begin() + 20, count_up(0, 20).begin()));
  EXPECT_EQ(numbers.back(), 149);
  EXPECT_EQ(numbers.size(), status.queued);
  for (std::size_t i = 0; i < numbers.size(); ++i) rig.say(far, "+OK\r\n");
  EXPECT_EQ(rig.status().queued, 0U);
}

TEST(RemoteSending, AQuietConnectionIsAskedWhetherItLives) {
  RemoteRig rig(send_only);
  rig.start();
  const auto far = rig.accept_sender();
  rig.pass_time(16 * kSecond);
  EXPECT_EQ(rig.heard(far), "NOOP\r\n");
  rig.publish(5, 1);
  EXPECT_EQ(rig.heard(far), "");
  EXPECT_EQ(numbers_of(rig.talk(far, "+OK\r\n")), count_up(1, 2));
  rig.say(far, "+OK\r\n");
  rig.pass_time(16 * kSecond);
  EXPECT_EQ(rig.heard(far), "NOOP\r\n");
  rig.pass_time(16 * kSecond);
  EXPECT_EQ(rig.status().last_error, "the far side did not answer in 15 s");
}

// Connections that break at every moment, in a network with every fault: each event arrives at least once, in order but
// for what is repeated.
TEST(RemoteSending, NothingIsLostWhateverBreaks) {
  std::uint64_t resent = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    RemoteRig rig(
        [](RemoteConfig& config) {
          config.receive = false;
          config.send_window = 8;
          config.retry_max_s = 1;
        },
        router::SimFaults{}, seed);
    rig.start();
    std::vector<int> got;
    int published = 0;
    int far = -1;
    std::string input;
    for (int step = 0; step < 4000 && (got.empty() || got.back() != 199); ++step) {
      if (published < 200 && rig.net().chance(300)) rig.publish(5, static_cast<std::uint8_t>(published++));
      rig.pass_time(kMillisecond);
      if (far < 0) {
        far = rig.accept(2 * kSecond);
        ASSERT_GE(far, 0) << "seed " << seed;
        input.clear();
        rig.net().send(far, std::string_view("+OK\r\n"));
        continue;
      }
      if (rig.net().chance(20)) {
        rig.net().reset(far);
        far = -1;
        continue;
      }
      input += rig.heard(far);
      for (auto end = input.find("\r\n"); end != std::string::npos; end = input.find("\r\n")) {
        if (input.starts_with("SEND ")) {
          const int number = numbers_of(input.substr(0, end + 2)).front();
          if (std::find(got.begin(), got.end(), number) == got.end()) {
            ASSERT_EQ(number, got.empty() ? 0 : got.back() + 1) << "seed " << seed;
            got.push_back(number);
          }
        }
        input.erase(0, end + 2);
        rig.net().send(far, std::string_view("+OK\r\n"));
      }
    }
    EXPECT_EQ(got, count_up(0, 200)) << "seed " << seed;
    resent += rig.status().resent;
  }
  EXPECT_GT(resent, 0U);
}

}  // namespace
}  // namespace link_client_test
