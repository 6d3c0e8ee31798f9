// "+", "+n" and "++".
#include <gtest/gtest.h>

#include "protocol/link_reply.h"
#include "tests/unit/link/link_rig.h"

namespace link_test {
namespace {

namespace reply = vscp::reply;
using router::Socket;

const std::string kOk(reply::kOk);

TEST(SessionHistory, KeepsThirtyTwo) {
  LinkRig rig;
  const Socket client = rig.connect_logged_in();
  for (int i = 0; i < 40; ++i) EXPECT_EQ(rig.ask(client, "NOOP " + std::to_string(i) + "\r\n"), kOk);
  const auto lines = lines_of(rig.ask(client, "++\r\n"));
  ASSERT_EQ(lines.size(), 33U);
  for (int i = 0; i < 32; ++i)
    EXPECT_EQ(lines[static_cast<std::size_t>(i)], std::to_string(32 - i) + " - NOOP " + std::to_string(8 + i));
  EXPECT_EQ(rig.ask(client, "+32\r\n"), "NOOP 8\r\n" + kOk);
  EXPECT_EQ(rig.ask(client, "+33\r\n"), reply::kBadParameter);
  // Repeating is not remembered itself.
  EXPECT_EQ(lines_of(rig.ask(client, "++\r\n")).size(), 33U);
}

TEST(SessionHistory, SendTakesThePlaceOfTheSendBefore) {
  LinkRig rig;
  const Socket client = rig.connect_logged_in();
  EXPECT_EQ(rig.ask(client, send_line(1)), kOk);
  EXPECT_EQ(rig.ask(client, send_line(2) + send_line(3)), kOk + kOk);
  EXPECT_EQ(rig.ask(client, "++\r\n"), "1 - SEND 0,20,3,0,,,-,0,0,0,3\r\n" + kOk);
  EXPECT_EQ(rig.ask(client, send_line(4) + "NOOP\r\n" + send_line(5) + send_line(6) + "CDTA\r\n"),
            kOk + kOk + kOk + kOk + "0\r\n" + kOk);
  EXPECT_EQ(rig.ask(client, "++\r\n"),
            "4 - SEND 0,20,3,0,,,-,0,0,0,4\r\n3 - NOOP\r\n2 - SEND 0,20,3,0,,,-,0,0,0,6\r\n1 - CDTA\r\n" + kOk);
  // In one buffer with "+".
  EXPECT_EQ(rig.ask(client, send_line(7) + "+\r\n"), kOk + "SEND 0,20,3,0,,,-,0,0,0,7\r\n" + kOk);
  EXPECT_EQ(rig.worker().counters().events_in.value(), 8U);
}

TEST(SessionHistory, NoPasswordEver) {
  LinkRig rig;
  const Socket client = rig.connect();
  rig.read(client);
  const std::string answers = rig.ask(
      client,
      "NOOP\r\nPASS secret\r\nUSER admin\r\n+\r\n+1\r\n++\r\nuser admin\r\n  PASS  secret \r\n+\r\n++\r\nUSER admin\r\n"
      "PASS secret\r\npass secret\r\nPaSs\tsecret\r\n+\r\n+1\r\n+2\r\n++\r\n");
  EXPECT_EQ(answers.find("secret"), std::string::npos) << answers;
  EXPECT_EQ(answers.find("admin"), std::string::npos) << answers;
  EXPECT_TRUE(answers.ends_with(kOk));
}

TEST(SessionHistory, BeforeLoginNothingIsKept) {
  RigSettings settings;
  settings.config.line_max = 10'000;
  LinkRig rig(settings);
  const Socket client = rig.connect();
  rig.read(client);
  const std::string line = "NOOP " + std::string(5000, 'x') + "\r\n";
  for (int i = 0; i < 5; ++i) EXPECT_EQ(rig.ask(client, line), kOk);
  EXPECT_EQ(rig.ask(client, "++\r\n"), kOk);
  EXPECT_EQ(rig.ask(client, "+\r\n"), reply::kBadParameter);
}

TEST(SessionHistory, RepeatedSendWaitsForItsTurn) {
  LinkRig rig;
  const Socket client = rig.connect_logged_in();
  const Socket other = rig.connect_logged_in();
  EXPECT_EQ(rig.ask(client, send_line(1)), kOk);
  rig.worker().hold().add();
  EXPECT_EQ(rig.ask(client, "+\r\nNOOP\r\n"), "");
  rig.worker().hold().remove();
  EXPECT_EQ(rig.read_all(client), "SEND 0,20,3,0,,,-,0,0,0,1\r\n" + kOk + kOk);
  EXPECT_EQ(rig.ask(other, "CDTA\r\n"), "2\r\n" + kOk);
}

TEST(SessionHistory, RepeatOfARepeatIsNoLoop) {
  LinkRig rig;
  const Socket client = rig.connect_logged_in();
  EXPECT_EQ(rig.ask(client, "VERS\r\n"), "1,2,3,4\r\n" + kOk);
  EXPECT_EQ(rig.ask(client, "+\r\n+\r\n+1\r\n"), repeat("VERS\r\n1,2,3,4\r\n" + kOk, 3));
  EXPECT_EQ(rig.ask(client, "QUIT\r\n+\r\n"), reply::kBye);
}

}  // namespace
}  // namespace link_test
