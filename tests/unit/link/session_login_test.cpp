// Login, and what a session does while an answer is worked out elsewhere.
#include <gtest/gtest.h>

#include "protocol/link_reply.h"
#include "tests/unit/link/link_rig.h"

namespace link_test {
namespace {

namespace reply = vscp::reply;
using router::Socket;

const std::string kOk(reply::kOk);
const std::string kUserOk(reply::kUserOk);

TEST(SessionLogin, CommandsBehindPassWait) {
  LinkRig rig;
  rig.run_logins(false);
  const Socket client = rig.connect();
  rig.read(client);
  EXPECT_EQ(rig.ask(client, "USER admin\r\nPASS secret\r\nCDTA\r\nNOOP\r\nSEND 0,20"), kUserOk);
  EXPECT_EQ(rig.ask(client, ",3,0,,,-,1\r\nNOOP\r\n"), "");
  rig.run_logins(true);
  EXPECT_EQ(rig.read_all(client), kOk + "0\r\n" + kOk + kOk + kOk + kOk);
}

TEST(SessionLogin, CommandsBehindAWrongPassAreNotRun) {
  LinkRig rig;
  const Socket client = rig.connect();
  const Socket other = rig.connect_logged_in();
  rig.read(client);
  EXPECT_EQ(rig.ask(client, "USER admin\r\nPASS wrong\r\nUSER admin\r\nPASS secret\r\n" + send_line(1) + "NOOP\r\n"),
            kUserOk);
  // The refusal waits for its delay; the session does nothing meanwhile.
  rig.pass_time(500 * kMillisecond);
  EXPECT_EQ(rig.ask(client, "NOOP\r\n"), "");
  rig.pass_time(501 * kMillisecond);
  EXPECT_EQ(rig.read_all(client), reply::kBadLogin);
  EXPECT_TRUE(rig.is_closed(client));
  EXPECT_EQ(rig.ask(other, "CDTA\r\n"), "0\r\n" + kOk);
  EXPECT_EQ(rig.worker().counters().login_failures.value(), 1U);
}

TEST(SessionLogin, SecondFailureWaitsLonger) {
  LinkRig rig;
  for (const std::uint64_t wait_ms : {1000U, 2000U, 4000U, 8000U, 8000U}) {
    const Socket client = rig.connect();
    rig.read(client);
    EXPECT_EQ(rig.ask(client, "USER admin\r\nPASS wrong\r\n"), kUserOk);
    rig.pass_time((wait_ms - 2) * kMillisecond);
    EXPECT_EQ(rig.read_all(client), "");
    rig.pass_time(4 * kMillisecond);
    EXPECT_EQ(rig.read_all(client), reply::kBadLogin);
  }
}

TEST(SessionLogin, DisconnectWhileThePasswordIsChecked) {
  LinkRig rig;
  for (const bool by_reset : {false, true}) {
    rig.run_logins(false);
    const Socket client = rig.connect();
    rig.ask(client, "USER admin\r\nPASS secret\r\n");
    if (by_reset) {
      rig.reset(client);
    } else {
      rig.close(client);
    }
    rig.pass_time(10 * kSecond);
    rig.run_logins(true);
    // The next one gets the channel of the one before; the answer is not for it.
    const Socket next = rig.connect();
    rig.read(next);
    EXPECT_EQ(rig.ask(next, "CHID\r\n"), reply::kLoginFirst) << by_reset;
    rig.close(next);
  }
  // Who only closed his side could still have read the answer.
  EXPECT_EQ(rig.worker().counters().logins.value(), 1U);
  EXPECT_EQ(rig.end(), "");
}

TEST(SessionLogin, HalfCloseWhileThePasswordIsChecked) {
  LinkRig rig;
  rig.run_logins(false);
  const Socket client = rig.connect();
  rig.read(client);
  EXPECT_EQ(rig.ask(client, "USER admin\r\nPASS secret\r\nNOOP\r\n"), kUserOk);
  rig.half_close(client);
  EXPECT_EQ(rig.read_all(client), "");
  rig.run_logins(true);
  EXPECT_EQ(rig.read_all(client), kOk + kOk);
  EXPECT_TRUE(rig.is_closed(client));
}

TEST(SessionLogin, NoTimeoutWhileThePasswordIsChecked) {
  RigSettings settings;
  settings.config.login_timeout_s = 5;
  LinkRig rig(settings);
  rig.run_logins(false);
  const Socket client = rig.connect();
  rig.read(client);
  EXPECT_EQ(rig.ask(client, "USER admin\r\nPASS secret\r\n"), kUserOk);
  rig.pass_time(60 * kSecond);
  EXPECT_EQ(rig.read_all(client), "");
  rig.run_logins(true);
  EXPECT_EQ(rig.read_all(client), kOk);
}

TEST(SessionLogin, Timeouts) {
  RigSettings settings;
  settings.config.login_timeout_s = 5;
  settings.config.idle_timeout_s = 60;
  LinkRig rig(settings);
  const Socket silent = rig.connect();
  const Socket talking = rig.connect();
  const Socket idle = rig.connect_logged_in();
  const Socket loop = rig.connect_logged_in();
  rig.read(silent);
  rig.read(talking);
  rig.ask(loop, "RCVLOOP\r\n");
  rig.pass_time(4900 * kMillisecond);
  // Commands alone are no login.
  EXPECT_EQ(rig.ask(talking, "NOOP\r\n"), kOk);
  EXPECT_EQ(rig.read_all(silent), "");
  rig.pass_time(200 * kMillisecond);
  EXPECT_EQ(rig.read_all(silent), reply::kLoginTimeout);
  EXPECT_EQ(rig.read_all(talking), reply::kLoginTimeout);
  rig.pass_time(50 * kSecond);
  EXPECT_EQ(rig.ask(idle, "NOOP\r\n"), kOk);
  rig.pass_time(59 * kSecond);
  EXPECT_EQ(rig.read_all(idle), "");
  rig.pass_time(2 * kSecond);
  EXPECT_EQ(rig.read_all(idle), reply::kIdleTimeout);
  EXPECT_TRUE(rig.is_closed(idle));
  // In the loop nothing is expected from the client; out of it the time since its last word counts.
  EXPECT_NE(rig.session(loop), nullptr);
  rig.read(loop);
  EXPECT_EQ(rig.ask(loop, "QUITLOOP\r\n"), reply::kLoopLeft);
  rig.pass_time(61 * kSecond);
  EXPECT_EQ(rig.read_all(loop), reply::kIdleTimeout);
  EXPECT_EQ(rig.worker().counters().timeouts.value(), 4U);
}

TEST(SessionLogin, HostsOfAUser) {
  RigSettings settings;
  settings.users = {make_user("admin", "secret")};
  ASSERT_TRUE(settings.users[0].host_rules.add("192.168.1.1").has_value());
  LinkRig rig(settings);
  const Socket client = rig.connect();
  rig.read(client);
  EXPECT_EQ(rig.ask(client, "USER admin\r\nPASS secret\r\nNOOP\r\n"), kUserOk + std::string(reply::kBadPeer));
  EXPECT_TRUE(rig.is_closed(client));
}

TEST(SessionLogin, TooManyChecksWaiting) {
  RigSettings settings;
  LinkRig rig(settings);
  rig.run_logins(false);
  const auto wait = [&rig] {
    drivers::link::LoginRequest request;
    request.done = [](drivers::link::LoginResult) {};
    return rig.logins().check(std::move(request));
  };
  while (wait()) {
  }
  const Socket client = rig.connect();
  rig.read(client);
  EXPECT_EQ(rig.ask(client, "USER admin\r\nPASS secret\r\nNOOP\r\n"), kUserOk + std::string(reply::kBusy));
  EXPECT_TRUE(rig.is_closed(client));
}

// ---- INTERFACE ------------------------------------------------------------------------------------------------------

TEST(SessionInterface, LongReplyComesWholeAndInOrder) {
  constexpr int kSessions = 1200;
  RigSettings settings;
  settings.workers = 2;
  settings.ring.buffer_count = 64;
  LinkRig rig(settings);
  const Socket client = rig.connect_logged_in();
  for (int i = 0; i < kSessions; ++i) rig.connect(static_cast<router::ThreadIndex>(i % 2));
  std::string answer = rig.ask(client, "CHID\r\nINTERFACE\r\nINTERFACE LIST\r\nNOOP\r\nCHID\r\n");
  const auto lines = lines_of(answer);
  ASSERT_EQ(lines.size(), 2U + 2U * (kSessions + 3U) + 1U + 2U);
  const auto count_rows = [&](std::size_t from, std::size_t to) {
    std::size_t rows = 0;
    for (std::size_t i = from; i < to; ++i) rows += lines[i].find("|Started at ") != std::string::npos ? 1U : 0U;
    return rows;
  };
  EXPECT_EQ(count_rows(2, 4 + kSessions), kSessions + 2U);
  EXPECT_EQ(lines[4 + kSessions] + "\r\n", kOk);
  EXPECT_EQ(count_rows(5 + kSessions, 7 + 2 * kSessions), kSessions + 2U);
  EXPECT_EQ(lines[7 + 2 * kSessions] + "\r\n", kOk);
  EXPECT_EQ(lines[8 + 2 * kSessions] + "\r\n", kOk);
  EXPECT_EQ(lines[9 + 2 * kSessions], std::to_string(rig.session(client)->channel));
}

// The answer to the second INTERFACE is being worked out when the first is done: what follows must still wait for it.
TEST(SessionInterface, PipelinedAnswersKeepTheirOrder) {
  RigSettings settings;
  settings.workers = 3;
  LinkRig rig(settings);
  const Socket client = rig.connect_logged_in();
  const std::string one = rig.ask(client, "INTERFACE\r\n");
  EXPECT_EQ(lines_of(one).size(), 3U);
  EXPECT_EQ(rig.ask(client, "INTERFACE\r\nINTERFACE\r\nVERS\r\nINTERFACE\r\nCDTA\r\n"),
            one + one + "1,2,3,4\r\n" + kOk + one + "0\r\n" + kOk);
  EXPECT_EQ(rig.ask(client, "INTERFACE\r\n+\r\n+\r\nVERS\r\n"),
            one + "INTERFACE\r\n" + one + "INTERFACE\r\n" + one + "1,2,3,4\r\n" + kOk);
}

// Who asks and does not read costs a page, not the list: rows that are not written yet are not worked out either.
TEST(SessionInterface, RowsAreCollectedAsTheClientTakesThem) {
  constexpr int kSessions = 3000;
  LinkRig rig;
  const Socket client = rig.connect_logged_in();
  for (int i = 0; i < kSessions; ++i) rig.connect();
  ASSERT_TRUE(rig.send(client, "INTERFACE\r\n"));
  rig.settle();
  for (int i = 0; i < 100; ++i) rig.connect();
  const auto lines = lines_of(rig.read_all(client));
  EXPECT_EQ(lines.size(), 1U + 1U + kSessions + 100U + 1U) << "those that came later are in the list";
  EXPECT_EQ(lines.back() + "\r\n", kOk);
}

TEST(SessionInterface, SessionGoesWhileRowsAreCollected) {
  for (int turns = 0; turns < 8; ++turns) {
    for (const bool by_reset : {false, true}) {
      RigSettings settings;
      settings.workers = 3;
      LinkRig rig(settings);
      const Socket client = rig.connect_logged_in();
      const Socket other = rig.connect_logged_in(1);
      ASSERT_TRUE(rig.send(client, "INTERFACE\r\n"));
      for (int i = 0; i < turns; ++i) rig.turn();
      if (by_reset) {
        rig.net().reset(client);
      } else {
        rig.net().close(client);
      }
      rig.settle();
      const Socket next = rig.connect();
      EXPECT_EQ(rig.read_all(next), "Welcome\r\n" + kOk);
      EXPECT_EQ(lines_of(rig.ask(other, "INTERFACE\r\n")).back() + "\r\n", kOk);
      ASSERT_EQ(rig.end(), "");
    }
  }
}

}  // namespace
}  // namespace link_test
