// Tours over the sessions of a router: each once, in steps that let turns pass.
#include "router/core/router.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "router/base/clock.h"
#include "router/core/stream_session.h"
#include "router/io/sim_net.h"
#include "router/io/sim_ring.h"

namespace router {
namespace {

class Idle final : public StreamSession {
 public:
  Idle(Worker& worker, Socket socket) : StreamSession(worker, socket, {}) { channel = worker.take_channel(*this); }
  std::size_t on_input(std::span<const char> bytes) noexcept override { return bytes.size(); }
  void on_deadline(std::uint64_t) noexcept override {}
};

class RouterTour : public testing::Test {
 protected:
  static constexpr std::size_t kSessions = 1000;

  RouterTour() : net_(1, clock_, SimFaults{}) {
    RouterSettings settings;
    settings.workers = 2;
    settings.worker.held_inputs = 64;
    std::string error;
    router_ = Router::make(
        settings, clock_, [this](std::string&) { return std::make_unique<SimRing>(net_, SimRingSettings{}, nullptr); },
        error);
    listener_ = net_.listen();
    for (std::size_t i = 0; i < kSessions; ++i) {
      clients_.push_back(net_.connect(listener_));
      (new Idle(router_->worker(static_cast<ThreadIndex>(i % 2)), net_.accept(listener_)))->start();
    }
  }
  ~RouterTour() override {
    for (const Socket client : clients_) net_.close(client);
    end_sessions();
  }
  void end_sessions() {
    for (int i = 0; i < 10'000 && net_.open_sockets() > 1; ++i) {
      clock_.advance(100'000'000);
      turn();
    }
    EXPECT_EQ(net_.open_sockets(), 1U);
  }
  void turn() {
    router_->worker(0).run_once(false);
    router_->worker(1).run_once(false);
  }

  ManualClock clock_;
  SimNet net_;
  std::unique_ptr<Router> router_;
  Socket listener_ = -1;
  std::vector<Socket> clients_;
};

TEST_F(RouterTour, VisitsEachSessionOnceAndLetsTurnsPass) {
  std::vector<std::uint32_t> seen;
  bool done = false;
  router_->visit_sessions([&](StreamSession& session) { seen.push_back(session.channel); }, [&] { done = true; });
  std::size_t most_in_a_turn = 0;
  for (int i = 0; i < 1000 && !done; ++i) {
    const std::size_t before = seen.size();
    turn();
    most_in_a_turn = std::max(most_in_a_turn, seen.size() - before);
  }
  EXPECT_TRUE(done);
  EXPECT_LT(most_in_a_turn, kSessions / 2);
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(seen.size(), kSessions);
  EXPECT_EQ(std::unique(seen.begin(), seen.end()), seen.end());
}

TEST_F(RouterTour, EndsWithoutSessionsToo) {
  for (const Socket client : clients_) net_.reset(client);
  clients_.clear();
  end_sessions();
  int visits = 0;
  bool done = false;
  router_->visit_sessions([&](StreamSession&) { ++visits; }, [&] { done = true; });
  for (int i = 0; i < 100 && !done; ++i) turn();
  EXPECT_TRUE(done);
  EXPECT_EQ(visits, 0);
}

}  // namespace
}  // namespace router
