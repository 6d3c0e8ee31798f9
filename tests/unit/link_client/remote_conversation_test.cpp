// What a remote says to far sides of all kinds, and what it takes from them.
#include <gtest/gtest.h>

#include <array>
#include <span>
#include <string>

#include "protocol/frame.h"
#include "tests/unit/link_client/remote_rig.h"

namespace link_client_test {
namespace {

using drivers::link_client::Mode;
using drivers::link_client::RemoteConfig;

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string frame_of(const vscp::CommandFrame& frame) {
  std::array<std::uint8_t, 64> bytes;
  const auto size = vscp::encode_command_frame(frame, bytes);
  return {reinterpret_cast<const char*>(bytes.data()), size.value_or(0)};
}

void receive_only(RemoteConfig& config) {
  config.send = false;
}

TEST(RemoteConversation, LogsInAndEntersTheLoop) {
  RemoteRig rig([](RemoteConfig& config) {
    config.user = "site";
    config.password = "open sesame";
  });
  rig.start();
  const auto far = rig.accept();
  EXPECT_EQ(rig.talk(far, "Welcome to the VSCP daemon.\r\nVersion: 14.0.5-4 Silicon\r\n+OK - Success.\r\n"),
            "USER site\r\n");
  EXPECT_EQ(rig.talk(far, "+OK - User name accepted, password please\r\n"), "PASS open sesame\r\n");
  EXPECT_EQ(rig.status().state, "connecting");
  EXPECT_EQ(rig.talk(far, "+OK - Success.\r\n"), "CHID\r\n");
  EXPECT_EQ(rig.talk(far, "12\r\n+OK\r\n"), "RCVLOOP\r\n");
  EXPECT_EQ(rig.talk(far, "+OK\r\n"), "");
  EXPECT_EQ(rig.status().state, "receiving only");
  const auto sender = rig.accept();
  EXPECT_EQ(rig.talk(sender, "+OK\r\n"), "USER site\r\n");
  EXPECT_EQ(rig.talk(sender, "+OK\r\n"), "PASS open sesame\r\n");
  EXPECT_EQ(rig.talk(sender, "+OK\r\n"), "");
  EXPECT_EQ(rig.status().state, "connected");
}

TEST(RemoteConversation, TakesEventsAndSkipsOurOwnAndThoseThatAreNone) {
  RemoteRig rig(receive_only);
  rig.start();
  const auto far = rig.accept_receiver("7");
  rig.say(far, event_line(1) + "+OK\r\n" + event_line(2, 7) + "this is no event\r\n" + event_line(3) + "0,20,3,0,,,");
  auto status = rig.status();
  EXPECT_EQ(status.figures.events_in, 2U);
  EXPECT_EQ(status.figures.echoes, 1U);
  EXPECT_EQ(status.figures.bad, 1U);
  rig.say(far, "-,1\r\n");
  EXPECT_EQ(rig.status().figures.events_in, 3U);
}

TEST(RemoteConversation, DropsWhatHasComeBefore) {
  RemoteRig rig(receive_only);
  rig.router().seen().activate();
  rig.start();
  const auto far = rig.accept_receiver();
  rig.say(far, event_line(1) + event_line(2) + event_line(1, 33) + event_line(3));
  EXPECT_EQ(rig.status().figures.events_in, 3U);
  EXPECT_EQ(rig.status().figures.duplicates, 1U);
  rig.pass_time(70 * kSecond);
  // By now the watchdog has ended the connection; the event is new again on the next one.
  rig.pass_time(5 * kSecond);
  const auto next = rig.accept_receiver();
  rig.say(next, event_line(1));
  EXPECT_EQ(rig.status().figures.events_in, 4U);
}

TEST(RemoteConversation, FiltersWhatComesAndAsksTheFarSideTo) {
  RemoteRig rig([](RemoteConfig& config) {
    config.send = false;
    config.in_filter.filter_type = 4;
    config.in_filter.mask_type = 0xffff;
    config.filter_remote = true;
  });
  rig.start();
  const auto far = rig.accept();
  EXPECT_EQ(rig.talk(far, "+OK\r\n"), "CHID\r\n");
  EXPECT_EQ(rig.talk(far, "7\r\n+OK\r\n"), "SFLT 0,0,4,00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00\r\n");
  EXPECT_EQ(rig.talk(far, "-OK\r\n"), "SMSK 0,0,65535,00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00\r\n");
  EXPECT_EQ(rig.talk(far, "-OK\r\n"), "RCVLOOP\r\n");
  rig.say(far, "+OK\r\n" + event_line(1));
  EXPECT_EQ(rig.status().figures.events_in, 0U);
  EXPECT_EQ(rig.status().figures.filtered, 1U);
}

TEST(RemoteConversation, NothingForTheWatchdogsTimeEndsTheConnection) {
  RemoteRig rig(receive_only);
  rig.start();
  const auto far = rig.accept_receiver();
  for (int i = 0; i < 10; ++i) {
    rig.pass_time(20 * kSecond);
    rig.say(far, "+OK\r\n");
  }
  EXPECT_EQ(rig.status().state, "connected");
  rig.pass_time(31 * kSecond);
  EXPECT_EQ(rig.status().last_error, "nothing has come from the far side for 30 s");
  EXPECT_GE(rig.accept(), 0);
}

TEST(RemoteConversation, ARefusedLoginIsTriedAgainLate) {
  RemoteRig rig([](RemoteConfig& config) {
    config.user = "site";
    config.password = "wrong";
  });
  rig.start();
  const auto far = rig.accept();
  rig.say(far, "+OK\r\n");
  rig.say(far, "+OK\r\n");
  rig.say(far, "-OK - Invalid username or password.\r\n");
  EXPECT_EQ(rig.status().last_error,
            "the far side refuses the login of user 'site': \"-OK - Invalid username or password.\"");
  EXPECT_EQ(rig.accept(44 * kSecond), -1);
  EXPECT_GE(rig.accept(32 * kSecond), 0);
}

TEST(RemoteConversation, PausesBetweenAttemptsDoubleUpToTheirLimit) {
  RemoteRig rig([](RemoteConfig& config) {
    config.retry_s = 1;
    config.retry_max_s = 8;
  });
  rig.net().close(rig.listener());
  rig.start();
  std::uint64_t previous = 0;
  for (const std::uint64_t seconds : {1U, 2U, 4U, 8U, 8U}) {
    const unsigned before = rig.addresses().asked;
    std::uint64_t waited = 0;
    while (rig.addresses().asked == before && waited < 20 * kSecond) {
      rig.pass_time(10 * kMillisecond);
      waited += 10 * kMillisecond;
    }
    EXPECT_GE(waited, seconds * kSecond * 3 / 4 - 20 * kMillisecond);
    EXPECT_LE(waited, seconds * kSecond * 5 / 4 + 20 * kMillisecond);
    previous = waited;
  }
  EXPECT_GT(previous, 0U);
  EXPECT_EQ(rig.status().figures.connects, 0U);
  EXPECT_NE(rig.status().last_error.find("Connection refused"), std::string::npos);
}

TEST(RemoteConversation, TriesTheAddressesOfANameInTurn) {
  RemoteRig rig(receive_only);
  const auto silent = rig.net().listen();
  rig.net().set_silent(silent, true);
  const auto closed = rig.net().listen();
  const sockaddr_storage good = rig.addresses().addresses[0];
  rig.addresses().addresses = {rig.net().address_of(silent), rig.net().address_of(closed), good};
  rig.net().close(closed);
  rig.start();
  EXPECT_EQ(rig.accept(9 * kSecond), -1);  // the first one does not answer for connect-timeout-s
  EXPECT_GE(rig.accept(2 * kSecond), 0);
}

TEST(RemoteConversation, ANameWithoutAddressIsTold) {
  RemoteRig rig(receive_only);
  rig.addresses().addresses.clear();
  rig.start();
  EXPECT_EQ(rig.status().last_error, "the name far has no address: no such name");
  EXPECT_EQ(rig.status().state, "waiting");
}

TEST(RemoteConversation, WithoutReceiveLoopTheFarSideIsPolled) {
  RemoteRig rig;
  rig.start();
  const auto far = rig.accept();
  EXPECT_EQ(rig.talk(far, "+OK\r\n"), "CHID\r\n");
  EXPECT_EQ(rig.talk(far, "-OK\r\n"), "RCVLOOP\r\n");
  EXPECT_EQ(rig.talk(far, "-OK\r\n"), "CDTA\r\n");
  EXPECT_EQ(rig.status().state, "polling");
  EXPECT_EQ(rig.talk(far, "250 \r\n+OK\r\n"), "RETR 100\r\n");
  EXPECT_EQ(rig.talk(far, event_line(1) + event_line(2) + "-OK\r\n"), "CDTA\r\n");
  EXPECT_EQ(rig.talk(far, "0\r\n+OK\r\n"), "");
  EXPECT_EQ(rig.status().figures.events_in, 2U);
  rig.pass_time(kSecond + 10 * kMillisecond);
  EXPECT_EQ(rig.heard(far), "CDTA\r\n");
  EXPECT_EQ(rig.talk(far, "-OK\r\n"), "RETR\r\n");
  EXPECT_EQ(rig.talk(far, event_line(3) + "+OK\r\n"), "RETR\r\n");
  EXPECT_EQ(rig.talk(far, "-OK\r\n"), "");
  EXPECT_EQ(rig.status().figures.events_in, 3U);
  EXPECT_EQ(rig.accept(kSecond / 2), -1);  // all on the one connection
}

TEST(RemoteConversation, AVisitFetchesSendsAndLeaves) {
  RemoteRig rig([](RemoteConfig& config) { config.mode = Mode::kInterval; });
  rig.publish(5, 1);
  rig.publish(5, 2);
  rig.start();
  for (int visit = 0; visit < 2; ++visit) {
    const auto far = rig.accept(61 * kSecond);
    ASSERT_GE(far, 0);
    EXPECT_EQ(rig.talk(far, "+OK\r\n"), "CDTA\r\n");
    EXPECT_EQ(rig.talk(far, "1\r\n+OK\r\n"), "RETR\r\n");
    const std::string next = rig.talk(far, event_line(1) + "+OK\r\n");
    EXPECT_EQ(next, "CDTA\r\n");
    std::string said = rig.talk(far, "0\r\n+OK\r\n");
    if (visit == 0) {
      EXPECT_TRUE(said.starts_with("SEND 96,20,5,0,2026-01-02T03:04:05Z,1,") && said.ends_with(",1\r\n")) << said;
      said = rig.talk(far, "+OK\r\n");
      EXPECT_TRUE(said.starts_with("SEND 96,20,5,0,2026-01-02T03:04:05Z,2,")) << said;
      said = rig.talk(far, "+OK\r\n");
    }
    EXPECT_EQ(said, "QUIT\r\n");
    rig.say(far, "+OK\r\n");
    rig.net().close(far);
    rig.settle();
    EXPECT_EQ(rig.status().state, "between visits");
    EXPECT_EQ(rig.accept(30 * kSecond), -1);
  }
  EXPECT_EQ(rig.status().figures.events_in, 2U);
  EXPECT_EQ(rig.status().last_error, "");
}

TEST(RemoteConversation, BinaryOnlyWithRoutersOfOurKindThatOfferIt) {
  const auto binary = [](RemoteConfig& config) { config.binary = true; };
  for (const std::string answer : {"+OK - Binary mode enabled\r\n", "-OK - Unknown command\r\n"}) {
    RemoteRig rig(binary);
    rig.start();
    const auto far = rig.accept();
    EXPECT_EQ(rig.talk(far, "Version: vscprouterd 9\r\n+OK\r\n"), "CHID\r\n");
    EXPECT_EQ(rig.talk(far, "7\r\n+OK\r\n"), "BINARY\r\n");
    const std::string next = rig.talk(far, answer);
    if (answer.front() == '-') {
      EXPECT_EQ(next, "RCVLOOP\r\n");
      rig.say(far, "+OK\r\n");
    } else {
      EXPECT_EQ(next.substr(0, 3), std::string("\xe0\0\7", 3));  // OPEN
      rig.say(far, frame_of({.type = vscp::FrameType::kReply, .code = 7, .error = 0, .argument = {}}));
    }
    EXPECT_EQ(rig.status().state, "receiving only");
    rig.publish(5, 42);
    const auto sender = rig.accept();
    EXPECT_EQ(rig.talk(sender, "Version: vscprouterd 9\r\n+OK\r\n"), "BRIDGE 7\r\n");
    EXPECT_EQ(rig.talk(sender, "+OK\r\n"), "BINARY\r\n");
    const std::string sent = rig.talk(sender, answer);
    if (answer.front() == '-') {
      EXPECT_TRUE(sent.starts_with("SEND 96,20,5,7,2026-01-02T03:04:05Z,")) << sent;
      rig.say(sender, "+OK\r\n");
    } else {
      vscp::Event event;
      ASSERT_TRUE(vscp::decode_event_frame(bytes_of(sent), event));
      EXPECT_EQ(event.data[0], 42);
      const std::array<std::uint8_t, 6> argument{0, 0, 0, 96, 1, 2};
      rig.say(sender, frame_of({.type = vscp::FrameType::kReply, .code = 0xffff, .error = 0, .argument = argument}));
      // What comes is an event, in pieces.
      rig.say(far, sent.substr(0, 10));
      rig.say(far, sent.substr(10));
      EXPECT_EQ(rig.status().figures.events_in, 1U);
      rig.pass_time(16 * kSecond);
      EXPECT_EQ(rig.heard(far).substr(0, 3), std::string("\xe0\0\0", 3));  // NOOP: does it live?
    }
    EXPECT_EQ(rig.status().figures.events_out, 1U);
  }
  RemoteRig rig(binary);
  rig.start();
  const auto far = rig.accept();
  EXPECT_EQ(rig.talk(far, "Some server\r\n+OK\r\n"), "CHID\r\n");
  EXPECT_EQ(rig.talk(far, "7\r\n+OK\r\n"), "RCVLOOP\r\n");
}

TEST(RemoteConversation, WhatIsNoFrameEndsTheConnection) {
  RemoteRig rig([](RemoteConfig& config) {
    config.binary = true;
    config.send = false;
  });
  rig.start();
  const auto far = rig.accept();
  rig.say(far, "Version: vscprouterd 9\r\n+OK\r\n");
  rig.say(far, "7\r\n+OK\r\n");
  rig.say(far, "+OK\r\n");
  rig.say(far, std::string(600, '\x55'));
  EXPECT_EQ(rig.status().last_error, "the far side sends what is no frame");
}

TEST(RemoteConversation, AGreetingWithoutEndOrWithoutStatusLine) {
  RemoteRig rig(receive_only);
  rig.start();
  const auto endless = rig.accept();
  for (int i = 0; i < 300; ++i) rig.net().send(endless, std::string_view("hello hello hello hello hello hello\r\n"));
  rig.settle();
  EXPECT_EQ(rig.status().last_error, "the greeting of the far side has no end");
  const auto mute = rig.accept();
  EXPECT_EQ(rig.talk(mute, "thermometer\r\n"), "");
  rig.pass_time(4 * kSecond);
  EXPECT_EQ(rig.heard(mute), "CHID\r\n");
}

TEST(RemoteConversation, NoAnswerEndsTheConnection) {
  RemoteRig rig(receive_only);
  rig.start();
  const auto far = rig.accept();
  rig.say(far, "+OK\r\n");
  rig.pass_time(16 * kSecond);
  EXPECT_EQ(rig.status().last_error, "the far side did not answer in 15 s");
}

}  // namespace
}  // namespace link_client_test
