#include "drivers/link/self_test.h"

#include <gtest/gtest.h>

#include "protocol/link_reply.h"
#include "tests/unit/link/link_rig.h"

namespace link_test {
namespace {

struct Outcome {
  bool found = false;
  bool good = true;
  std::string text;
};

Outcome run(LinkRig& rig, std::string_view which) {
  Outcome outcome;
  outcome.found = drivers::link::run_self_tests(which, rig.worker(), outcome.text, outcome.good);
  return outcome;
}

TEST(SelfTest, AllOfThem) {
  LinkRig rig;
  const Outcome outcome = run(rig, "");
  EXPECT_TRUE(outcome.found);
  EXPECT_TRUE(outcome.good);
  EXPECT_EQ(
      outcome.text,
      "1 text-codec passed\r\n2 binary-codec passed\r\n3 crc passed\r\n4 random passed\r\n5 event-pool passed\r\n");
}

TEST(SelfTest, OneByNumberOrName) {
  LinkRig rig;
  EXPECT_EQ(run(rig, "3").text, "3 crc passed\r\n");
  EXPECT_EQ(run(rig, "event-pool").text, "5 event-pool passed\r\n");
}

TEST(SelfTest, NoSuchTest) {
  LinkRig rig;
  for (const char* which : {"0", "6", "CRC", "cr", "1 2", " "}) {
    const Outcome outcome = run(rig, which);
    EXPECT_FALSE(outcome.found) << which;
    EXPECT_EQ(outcome.text, "") << which;
  }
}

TEST(SelfTest, FailureIsTold) {
  RigSettings settings;
  settings.event_pool = 1;
  LinkRig rig(settings);
  const router::Socket client = rig.connect_logged_in();
  EXPECT_TRUE(
      rig.ask(client, "TEST\r\n").ends_with(std::string("5 event-pool passed\r\n") + std::string(vscp::reply::kOk)));
  router::EventBuf* taken = rig.worker().pool().try_acquire();
  ASSERT_NE(taken, nullptr);
  EXPECT_EQ(rig.ask(client, "TEST event-pool\r\n"), "5 event-pool FAILED\r\n" + std::string(vscp::reply::kTestFailed));
  EXPECT_EQ(rig.ask(client, "TEST crc\r\n"), "3 crc passed\r\n" + std::string(vscp::reply::kOk));
  rig.worker().pool().give_back(taken);
  EXPECT_EQ(rig.ask(client, "TEST 9\r\n"), vscp::reply::kBadParameter);
}

}  // namespace
}  // namespace link_test
