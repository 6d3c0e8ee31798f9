// Crowds of sessions in processes of their own, against a server that is made for tests.
#include "tools/vscpbench/crowd.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "tools/vscpbench/fake_server.h"
#include "tools/vscpbench/server_stats.h"

namespace bench {
namespace {

const std::atomic<bool> kNeverStop{false};

class CrowdTest : public ::testing::Test {
 protected:
  CrowdPlan plan(std::size_t sessions, unsigned processes, const std::string& password = "secret") {
    const Target target{{"127.0.0.1", server_.port(), ""}, "bench", password};
    CrowdPlan plan;
    plan.address = target.address;
    plan.sessions = sessions;
    plan.processes = processes;
    plan.at_once = 8;
    plan.wire = wire_.get();
    plan.steps = link_steps(target, *wire_);
    return plan;
  }

  /// Sends events `first` to `last`, one after the other.
  void send_events(std::uint32_t first, std::uint32_t last) {
    auto session = open_session({{"127.0.0.1", server_.port(), ""}, "", ""}, {});
    ASSERT_TRUE(session.has_value()) << session.error();
    for (auto sequence = first; sequence <= last; ++sequence) {
      auto event = wire_->make_event(shape_, sequence % kVariants);
      wire_->write_id({.time_ns = monotonic_ns(), .sequence = sequence, .producer = 0, .run = shape_.run},
                      event.data() + wire_->id_offset(shape_));
      ASSERT_EQ(send(session->fd(), event.data(), event.size(), MSG_NOSIGNAL), static_cast<ssize_t>(event.size()));
    }
    // The server closes in its turn: nothing of this is under way any more.
    std::array<char, 4096> bytes;
    ASSERT_EQ(send(session->fd(), "QUIT\r\n", 6, MSG_NOSIGNAL), 6);
    fcntl(session->fd(), F_SETFL, 0);
    while (recv(session->fd(), bytes.data(), bytes.size(), 0) > 0) {
    }
  }

  FakeServer server_;
  std::unique_ptr<Wire> wire_ = make_text_wire();
  EventShape shape_;
};

TEST_F(CrowdTest, OpensEverySessionAndSeesEveryEvent) {
  auto crowd = Crowd::start(plan(50, 3));
  ASSERT_TRUE(crowd.has_value()) << crowd.error();
  EXPECT_EQ(crowd->processes(), 3U);
  ASSERT_EQ(crowd->open(kNeverStop), "");
  EXPECT_EQ(crowd->counts().ready, 50U);
  ASSERT_EQ(crowd->mark(), "");
  const auto before = monotonic_ns();
  send_events(0, 4);
  EXPECT_TRUE(crowd->wait_for(250, kNeverStop));
  const auto counts = crowd->counts();
  EXPECT_EQ(counts.deliveries, 250U);
  EXPECT_EQ(counts.missed + counts.repeated + counts.corrupted + counts.failed + counts.closed, 0U);
  EXPECT_GE(counts.first_arrival_ns, before);
  EXPECT_GE(counts.last_arrival_ns, counts.first_arrival_ns);
  ASSERT_EQ(crowd->refresh(), "");
  EXPECT_EQ(crowd->opening_times().total(), 50U);
  EXPECT_EQ(crowd->arrival_times().total(), 250U);
  EXPECT_GT(crowd->cpu_ns(), 0U);
}

TEST_F(CrowdTest, CountsWhatIsMissingAndWhatComesTwice) {
  auto crowd = Crowd::start(plan(4, 2));
  ASSERT_TRUE(crowd.has_value()) << crowd.error();
  ASSERT_EQ(crowd->open(kNeverStop), "");
  send_events(0, 0);
  send_events(3, 3);
  EXPECT_TRUE(crowd->wait_for(8, kNeverStop));
  EXPECT_EQ(crowd->counts().missed, 8U);
  send_events(3, 4);
  EXPECT_TRUE(crowd->wait_for(12, kNeverStop));
  EXPECT_EQ(crowd->counts().repeated, 4U);
}

TEST_F(CrowdTest, SaysWhyNobodyGotIn) {
  auto crowd = Crowd::start(plan(5, 2, "wrong"));
  ASSERT_TRUE(crowd.has_value()) << crowd.error();
  const auto error = crowd->open(kNeverStop);
  EXPECT_NE(error.find("-OK - Invalid username or password."), std::string::npos) << error;
  EXPECT_EQ(crowd->counts().failed, 5U);
}

TEST_F(CrowdTest, SaysWhenNobodyListens) {
  auto nowhere = plan(3, 1);
  {
    const FakeServer gone;
    nowhere.address.port = gone.port();
  }
  auto crowd = Crowd::start(nowhere);
  ASSERT_TRUE(crowd.has_value()) << crowd.error();
  EXPECT_NE(crowd->open(kNeverStop).find("Connection refused"), std::string::npos);
}

TEST_F(CrowdTest, GivesUpWhenTheServerAnswersNoMore) {
  auto silent = plan(3, 1);
  silent.steps.back().await = "what this server never says";
  silent.stall_seconds = 0.2;
  auto crowd = Crowd::start(silent);
  ASSERT_TRUE(crowd.has_value()) << crowd.error();
  EXPECT_NE(crowd->open(kNeverStop).find("only 0 of 3 sessions"), std::string::npos);
}

TEST_F(CrowdTest, StopsWhenAsked) {
  auto silent = plan(3, 1);
  silent.steps.back().await = "what this server never says";
  auto crowd = Crowd::start(silent);
  ASSERT_TRUE(crowd.has_value()) << crowd.error();
  const std::atomic<bool> stop{true};
  EXPECT_EQ(crowd->open(stop), "interrupted");
}

TEST_F(CrowdTest, ReadersThatStopGetNothingUntilTheyReadAgain) {
  auto crowd = Crowd::start(plan(6, 2));
  ASSERT_TRUE(crowd.has_value()) << crowd.error();
  ASSERT_EQ(crowd->open(kNeverStop), "");
  ASSERT_EQ(crowd->read(Reading::kNothing), "");
  send_events(0, 9);
  EXPECT_EQ(crowd->counts().deliveries, 0U);
  ASSERT_EQ(crowd->read(Reading::kAll), "");
  EXPECT_TRUE(crowd->wait_for(60, kNeverStop));
  EXPECT_EQ(crowd->counts().missed, 0U);
}

TEST_F(CrowdTest, SendsEachSessionItsOwnCommands) {
  const Target target{{"127.0.0.1", server_.port(), ""}, "bench", "secret"};
  const auto steps =
      link_steps(target, *wire_, {[](std::size_t session) { return "SFLT " + std::to_string(session); }});
  ASSERT_EQ(steps.size(), 5U);  // greeting, USER, PASS, SFLT, RCVLOOP
  EXPECT_EQ(steps[0].send, nullptr);
  EXPECT_EQ(steps[2].send(0), "PASS secret\r\n");
  EXPECT_EQ(steps[3].send(17), "SFLT 17\r\n");
  EXPECT_EQ(steps[4].send(17), "RCVLOOP\r\n");
}

}  // namespace
}  // namespace bench
