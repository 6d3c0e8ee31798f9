// Lines of a link session where a client over a real socket cannot put its finger: exact sizes, no memory, pieces.
#include <gtest/gtest.h>

#include "protocol/link_reply.h"
#include "tests/unit/link/link_rig.h"

namespace link_test {
namespace {

namespace reply = vscp::reply;
using router::Socket;

const std::string kOk(reply::kOk);
const std::string kBlockAndMore = repeat("x", router::OutBlock::kBytes + 500);

TEST(SessionLines, LineMaxIsExact) {
  for (const std::uint32_t line_max : {64U, 4096U, 10'000U}) {
    RigSettings settings;
    settings.config.line_max = line_max;
    settings.ring.buffer_bytes = 16'384;
    LinkRig rig(settings);
    const Socket whole = rig.connect_logged_in();
    const std::string longest = "NOOP " + std::string(line_max - 5, 'x');
    EXPECT_EQ(rig.ask(whole, longest + "\n"), kOk);
    EXPECT_EQ(rig.ask(whole, longest + "x\nNOOP\n"), reply::kLineTooLong);
    EXPECT_TRUE(rig.is_closed(whole));

    // The same in pieces; too long is too long without an end of line, too.
    const Socket pieces = rig.connect_logged_in();
    for (std::size_t i = 0; i < longest.size(); i += 1000) {
      EXPECT_EQ(rig.ask(pieces, longest.substr(i, 1000)), "");
    }
    EXPECT_EQ(rig.ask(pieces, "\n"), kOk);
    EXPECT_EQ(rig.ask(pieces, longest), "");
    EXPECT_EQ(rig.ask(pieces, "x"), reply::kLineTooLong);
    EXPECT_TRUE(rig.is_closed(pieces));
  }
}

TEST(SessionLines, CarriageReturnCountsAsPartOfTheLine) {
  RigSettings settings;
  settings.config.line_max = 64;
  LinkRig rig(settings);
  const Socket client = rig.connect_logged_in();
  EXPECT_EQ(rig.ask(client, "NOOP " + std::string(58, 'x') + "\r\n"), kOk);
  EXPECT_EQ(rig.ask(client, "NOOP " + std::string(59, 'x') + "\r\n"), reply::kLineTooLong);
}

TEST(SessionLines, TailLongerThanABlock) {
  RigSettings settings;
  settings.config.line_max = 8192;
  settings.ring.buffer_bytes = 1000;
  LinkRig rig(settings);
  const Socket client = rig.connect_logged_in();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(rig.ask(client, "NOOP " + kBlockAndMore), "");
    EXPECT_EQ(rig.worker().out_blocks().taken(), 1U);
    EXPECT_EQ(rig.ask(client, "\r\nNOOP\r\nNO"), kOk + kOk);
    EXPECT_EQ(rig.ask(client, "OP\r\n"), kOk);
    EXPECT_EQ(rig.worker().out_blocks().taken(), 0U);
  }
  // It goes away with its session, too.
  EXPECT_EQ(rig.ask(client, "NOOP " + kBlockAndMore), "");
  EXPECT_EQ(rig.end(), "");
}

// SEND over the edge of a buffer, and over the edge of a block, waits for a buffer of events and is then read again.
TEST(SessionLines, TailThatHasToWaitIsTriedAgain) {
  for (const std::size_t blanks : {std::size_t{10}, std::size_t{router::OutBlock::kBytes}}) {
    RigSettings settings;
    settings.config.line_max = 8192;
    LinkRig rig(settings);
    const Socket client = rig.connect_logged_in();
    const Socket other = rig.connect_logged_in();
    // While a hold is on nobody may publish.
    rig.worker().hold().add();
    EXPECT_EQ(rig.ask(client, "SEND " + std::string(blanks, ' ')), "");
    EXPECT_EQ(rig.ask(client, "0,20,3,0,,,-,1,2"), "");
    EXPECT_EQ(rig.ask(client, ",3\r\nNOOP\r\n"), "");
    EXPECT_EQ(rig.ask(client, "CHID"), "");
    rig.worker().hold().remove();
    EXPECT_EQ(rig.read_all(client), kOk + kOk);
    EXPECT_EQ(rig.ask(client, "\r\n"), std::to_string(rig.session(client)->channel) + "\r\n" + kOk);
    const std::string event = rig.ask(other, "RETR 2\r\n");
    EXPECT_NE(event.find(",1,2,3\r\n" + std::string(reply::kNoEvents)), std::string::npos) << event;
  }
}

// Without a hand free for replies a session is closed, and nothing is left of it.
TEST(SessionLines, NoMemoryForReplies) {
  RigSettings settings;
  settings.worker.out_blocks = 8;
  settings.faults.socket_bytes = 500;
  LinkRig rig(settings);
  const Socket client = rig.connect_logged_in();
  const Socket other = rig.connect_logged_in();
  ASSERT_TRUE(rig.send(client, "HELP\r\nHELP\r\nHELP\r\nHELP\r\nHELP\r\nHELP\r\n"));
  rig.settle();
  for (int i = 0; i < 50 && rig.session(client) != nullptr; ++i) {
    rig.send(client, repeat("HELP\r\n", 50));
    rig.settle();
  }
  EXPECT_EQ(rig.session(client), nullptr);
  EXPECT_EQ(rig.worker().out_blocks().taken(), 0U);
  EXPECT_EQ(rig.ask(other, "NOOP\r\n"), kOk);
  EXPECT_EQ(rig.end(), "");
}

TEST(SessionLines, NoMemoryForATail) {
  RigSettings settings;
  settings.worker.out_blocks = 2;
  LinkRig rig(settings);
  const Socket first = rig.connect_logged_in();
  const Socket second = rig.connect_logged_in();
  const Socket third = rig.connect_logged_in();
  EXPECT_EQ(rig.ask(first, "NO"), "");
  EXPECT_EQ(rig.ask(second, "NO"), "");
  EXPECT_EQ(rig.ask(third, "NO"), "");
  EXPECT_EQ(rig.session(third), nullptr);
  EXPECT_NE(rig.session(first), nullptr);
  rig.close(second);
  EXPECT_EQ(rig.ask(first, "OP\r\n"), kOk);
  EXPECT_EQ(rig.end(), "");
}

// Memory runs out while a long RETR is going on by itself, with no receive under way that would keep the session.
TEST(SessionLines, NoMemoryInTheMiddleOfRetr) {
  for (std::size_t blocks = 4; blocks < 24; ++blocks) {
    RigSettings settings;
    settings.worker.out_blocks = blocks;
    settings.faults.socket_bytes = 40'000;
    LinkRig rig(settings);
    const Socket client = rig.connect_logged_in();
    const Socket sender = rig.connect_logged_in();
    for (std::uint32_t i = 0; i < 3000; ++i) rig.ask(sender, send_line(i));
    ASSERT_TRUE(rig.send(client, "RETR 3000\r\n" + repeat("NOOP xxxxxxxxxxxxxxxxxxxxxx\r\n", 1000)));
    rig.settle();
    for (int i = 0; i < 1000 && rig.session(client) != nullptr; ++i) {
      // Others' half lines take the blocks that its replies give back.
      if (i % 3 == 0) rig.ask(rig.connect(), "NO");
      rig.read(client, 700);
      rig.settle();
    }
    EXPECT_EQ(rig.end(), "") << blocks;
  }
}

TEST(SessionLines, TooManySessions) {
  RigSettings settings;
  settings.worker.sessions_max = 2;
  LinkRig rig(settings);
  const Socket first = rig.connect();
  const Socket second = rig.connect();
  const Socket third = rig.connect();
  EXPECT_EQ(rig.read_all(third), reply::kTooManySessions);
  EXPECT_TRUE(rig.is_closed(third));
  rig.close(first);
  const Socket fourth = rig.connect();
  EXPECT_EQ(rig.read_all(fourth), "Welcome\r\n" + kOk);
  EXPECT_EQ(rig.ask(second, "NOOP\r\n"), "Welcome\r\n" + kOk + kOk);
}

// Any cut of a stream of commands gives the same bytes.
TEST(SessionLines, AnyPiecesAnyFaults) {
  const std::string commands = "NOOP\r\nCHID\nVERS\r\n\r\n \r\nSFLT 0,20,0,-\r\nSMSK 0,0xffff,0,-\r\n" + send_line(1) +
                               send_line(2) + "CDTA\r\nRETR 5\r\nwhat\r\nSEND 0,20\r\n+\r\n" + "NOOP " +
                               std::string(5000, 'x') + "\r\n++\r\n";
  std::string expected;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    RigSettings settings;
    settings.config.line_max = 8192;
    settings.config.receive_sent_events = true;
    settings.seed = seed;
    if (seed > 1) {
      settings.faults = {};
      settings.faults.socket_bytes = 100 + seed * 40;
      settings.faults.short_recv = 900;
      settings.ring.buffer_count = 1 + static_cast<std::uint32_t>(seed % 4);
      settings.ring.buffer_bytes = 16 + static_cast<std::uint32_t>(seed) * 20;
    }
    LinkRig rig(settings);
    const Socket client = rig.connect_logged_in();
    std::string answer;
    std::string_view rest = commands;
    while (!rest.empty()) {
      const std::size_t size = std::min<std::size_t>(rest.size(), 1 + rig.net().random().below(200));
      if (rig.send(client, rest.substr(0, size))) rest.remove_prefix(size);
      answer += rig.read_all(client);
    }
    // The clock moves differently: without dates and time stamps the bytes are the same.
    std::string shape;
    for (const auto& line : lines_of(answer)) {
      const std::size_t date = line.starts_with("0,20,3") ? line.find("20", 6) : std::string::npos;
      const std::size_t guid = line.find(",FF:");
      shape +=
          (date == std::string::npos || guid == std::string::npos ? line : line.substr(0, date) + line.substr(guid)) +
          '\n';
    }
    if (seed == 1) expected = shape;
    ASSERT_EQ(shape, expected) << "seed " << seed;
    ASSERT_EQ(rig.end(), "") << "seed " << seed;
  }
  EXPECT_NE(expected.find("SEND 0,20\n"), std::string::npos);
}

}  // namespace
}  // namespace link_test
