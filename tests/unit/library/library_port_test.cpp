// A port with a worker whose turns the test takes, and a host that the test plays in the shared memory.
#include "drivers/library/library_port.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "router/base/clock.h"
#include "router/io/uring_ring.h"

namespace drivers::library {
namespace {

constexpr std::uint64_t kLimitNs = 20'000'000'000;
constexpr std::uint16_t kClass = 20;

vscp::Event numbered(std::uint32_t number) {
  vscp::Event event;
  event.vscp_class = kClass;
  event.vscp_type = static_cast<std::uint16_t>(number);
  event.data_size = 0;
  return event;
}

class PortAndHost : public testing::Test {
 protected:
  PortAndHost() {
    router::RouterSettings settings;
    settings.guid = *vscp::parse_guid("FF:FF:FF:FF:FF:FF:FF:F5:00:00:00:00:00:01:00:00");
    std::string error;
    router_ = router::Router::make(
        settings, clock_, [](std::string& why) { return router::make_uring_ring({}, why); }, error);
    EXPECT_NE(router_, nullptr) << error;
    worker().run_once(false);
  }
  ~PortAndHost() override {
    for (auto& port : ports_) port->abort();
    EXPECT_TRUE(turn_until([&] { return worker().counters().remotes.value() == 0; }));
  }
  router::Worker& worker() { return router_->worker(0); }
  LibraryPort& add(std::uint32_t max_rate = 0) {
    router::EventPortSettings settings;
    settings.name = "driver test";
    settings.queue.max_out_queue = 10'000;
    auto& port = *ports_.emplace_back(std::make_unique<LibraryPort>(*router_, worker(), settings, max_rate, bell_));
    EXPECT_TRUE(port.open());
    return port;
  }
  std::shared_ptr<HostLink> attach(LibraryPort& port, bool ready = true) {
    auto link = HostLink::make({});
    EXPECT_TRUE(link);
    port.attach(*link);
    if (ready) set_ready(**link);
    return *link;
  }
  static void set_ready(HostLink& link) {
    link.memory().status.phase.store(static_cast<std::uint32_t>(Phase::kReady));
    link.wake_router();
  }
  bool turn_until(const std::function<bool()>& done) {
    const std::uint64_t deadline = clock_.monotonic_ns() + kLimitNs;
    while (!done()) {
      if (clock_.monotonic_ns() > deadline) return false;
      worker().run_once(false);
    }
    return true;
  }
  /// What the host finds in the ring to it.
  static std::vector<std::uint16_t> take(RingReader& ring) {
    std::vector<std::uint16_t> out;
    vscp::Event event;
    while (ring.take(event) == RingResult::kDone) out.push_back(event.vscp_type);
    ring.release();
    return out;
  }

  router::SystemClock clock_;
  std::unique_ptr<router::Router> router_;
  Bell bell_;
  std::vector<std::unique_ptr<LibraryPort>> ports_;
};

TEST_F(PortAndHost, EventsCrossInOrderAndNothingComesBackToItsOwner) {
  LibraryPort& from = add();
  LibraryPort& to = add();
  const auto first = attach(from);
  const auto second = attach(to);
  RingWriter out(first->memory().in, first->memory().in_data);
  RingReader own(first->memory().out, first->memory().out_data);
  RingReader in(second->memory().out, second->memory().out_data);
  std::vector<std::uint16_t> want;
  std::vector<std::uint16_t> got;
  for (std::uint16_t number = 0; number < 3000; ++number) {
    ASSERT_EQ(out.put(numbered(number)), RingResult::kDone);
    want.push_back(number);
  }
  out.publish();
  first->wake_router();
  ASSERT_TRUE(turn_until([&] {
    for (const std::uint16_t type : take(in)) got.push_back(type);
    return got.size() >= want.size();
  }));
  EXPECT_EQ(got, want);
  EXPECT_TRUE(take(own).empty());
  EXPECT_EQ(from.figures().events_in, 3000U);
  EXPECT_EQ(to.figures().events_out, 3000U);
}

TEST_F(PortAndHost, AHostGetsEventsWhenItIsReady) {
  LibraryPort& from = add();
  LibraryPort& to = add();
  const auto first = attach(from);
  const auto second = attach(to, false);
  RingWriter out(first->memory().in, first->memory().in_data);
  RingReader in(second->memory().out, second->memory().out_data);
  ASSERT_EQ(out.put(numbered(5)), RingResult::kDone);
  out.publish();
  first->wake_router();
  ASSERT_TRUE(turn_until([&] { return from.figures().events_in == 1 && to.figures().waiting == 1; }));
  EXPECT_TRUE(take(in).empty());
  set_ready(*second);
  ASSERT_TRUE(turn_until([&] { return to.figures().events_out == 1; }));
  EXPECT_EQ(take(in), std::vector<std::uint16_t>{5});
}

TEST_F(PortAndHost, WhatTheNextHostGetsIsNotWhatTheLastOneHad) {
  LibraryPort& from = add();
  LibraryPort& to = add();
  const auto first = attach(from);
  auto dying = attach(to);
  RingWriter out(first->memory().in, first->memory().in_data);
  ASSERT_EQ(out.put(numbered(1)), RingResult::kDone);
  out.publish();
  first->wake_router();
  ASSERT_TRUE(turn_until([&] { return to.figures().events_out == 1; }));
  to.detach();
  ASSERT_TRUE(turn_until([&] { return !to.has_host(); }));
  EXPECT_EQ(dying.use_count(), 1) << "the port has let go";
  EXPECT_EQ(to.lost_with_host(), 1U) << "was in the ring";
  ASSERT_EQ(out.put(numbered(2)), RingResult::kDone);
  out.publish();
  first->wake_router();
  ASSERT_TRUE(turn_until([&] { return to.figures().waiting == 1; }));
  const auto next = attach(to);
  ASSERT_TRUE(turn_until([&] { return to.figures().events_out == 2; }));
  RingReader in(next->memory().out, next->memory().out_data);
  EXPECT_EQ(take(in), std::vector<std::uint16_t>{2});
}

TEST_F(PortAndHost, NonsenseInTheRingsIsToldAndNothingElse) {
  for (const bool towards_router : {true, false}) {
    LibraryPort& bad = add();
    LibraryPort& good = add();
    const auto link = attach(bad);
    const auto other = attach(good);
    if (towards_router) {
      link->memory().in.written.store(~std::uint64_t{0});
    } else {
      link->memory().out.taken.store(12'345);
      RingWriter out(other->memory().in, other->memory().in_data);
      for (std::uint32_t number = 0; number < 5000; ++number) ASSERT_EQ(out.put(numbered(number)), RingResult::kDone);
      out.publish();
      other->wake_router();
    }
    link->wake_router();
    ASSERT_TRUE(turn_until([&] { return link->broken.load(); })) << towards_router;
    EXPECT_FALSE(other->broken.load());
    bad.detach();
    ASSERT_TRUE(turn_until([&] { return !bad.has_host(); }));
  }
}

TEST_F(PortAndHost, AnEventfdThatTheHostHasSpoiltIsNonsenseToo) {
  LibraryPort& port = add();
  const auto link = attach(port);
  ASSERT_TRUE(turn_until([&] { return worker().counters().turns.value() > 10; }));
  // What a host may do to the open file that both share: it must not make the worker go round for ever.
  const std::uint64_t most = ~std::uint64_t{1};
  ASSERT_EQ(::write(link->event_descriptor(), &most, sizeof(most)), static_cast<ssize_t>(sizeof(most)));
  const std::uint64_t before = worker().counters().turns.value();
  ASSERT_TRUE(turn_until([&] { return worker().counters().turns.value() > before + 10; }));
  EXPECT_FALSE(link->broken.load());
}

TEST_F(PortAndHost, ARateIsKept) {
  LibraryPort& port = add(1000);
  const auto link = attach(port);
  RingWriter out(link->memory().in, link->memory().in_data);
  for (std::uint32_t number = 0; number < 5000; ++number) ASSERT_EQ(out.put(numbered(number)), RingResult::kDone);
  out.publish();
  const std::uint64_t begin = clock_.monotonic_ns();
  link->wake_router();
  ASSERT_TRUE(turn_until([&] { return port.figures().events_in >= 300; }));
  // 100 at once, then one a millisecond.
  EXPECT_GE(clock_.monotonic_ns() - begin, 190'000'000U);
}

TEST_F(PortAndHost, LeavingGivesWhatWaitsAndThenSaysStop) {
  LibraryPort& from = add();
  LibraryPort& to = add();
  const auto first = attach(from);
  const auto second = attach(to);
  RingWriter out(first->memory().in, first->memory().in_data);
  RingReader in(second->memory().out, second->memory().out_data);
  for (std::uint32_t number = 0; number < 6000; ++number) ASSERT_EQ(out.put(numbered(number)), RingResult::kDone);
  out.publish();
  first->wake_router();
  ASSERT_TRUE(turn_until([&] { return from.figures().events_in == 6000; }));
  to.leave();
  worker().run_once(false);
  EXPECT_EQ(second->memory().stop.load(), 0U) << "more waits than the ring has room for";
  std::size_t got = 0;
  ASSERT_TRUE(turn_until([&] {
    got += take(in).size();
    if (in.take_sleeper()) second->wake_router();
    return second->memory().stop.load() == 1;
  }));
  got += take(in).size();
  EXPECT_EQ(got, 6000U);
  EXPECT_TRUE(second->is_drained.load());
}

TEST_F(PortAndHost, TheSiteIsTold) {
  LibraryPort& port = add();
  LibraryPort& listener = add();
  const auto link = attach(listener);
  RingReader in(link->memory().out, link->memory().out_data);
  port.tell({.type = SiteType::kHung, .index = 3, .starts = 0x01020304});
  vscp::Event event;
  ASSERT_TRUE(turn_until([&] { return in.take(event) == RingResult::kDone; }));
  EXPECT_EQ(event.vscp_class, 508);
  EXPECT_EQ(event.vscp_type, 32);
  EXPECT_EQ(event.guid, port.guid());
  EXPECT_EQ(std::vector<std::uint8_t>(event.payload().begin(), event.payload().end()),
            (std::vector<std::uint8_t>{3, 255, 255, 1, 2, 3, 4}));
}

}  // namespace
}  // namespace drivers::library
