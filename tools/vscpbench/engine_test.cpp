// vscpbench against a server that spoils one event: what it reports must be what was done.
#include "tools/vscpbench/engine.h"

#include <gtest/gtest.h>

#include "tools/vscpbench/fake_server.h"

namespace bench {
namespace {

struct Case {
  Faults faults;
  Load load;
  EventShape shape;
};

Outcome run_case(Case c) {
  const FakeServer server(c.faults);
  const Target target{{"127.0.0.1", server.port(), ""}, "bench", "secret"};
  const std::atomic<bool> stop{false};
  const auto wire = make_text_wire();
  auto outcome = run_load(target, c.load, c.shape, *wire, 0, stop);
  EXPECT_TRUE(outcome.has_value()) << outcome.error();
  return outcome ? *outcome : Outcome{};
}

Case small() {
  Case c;
  c.load.events = 2000;
  c.load.warmup_seconds = 0;
  c.load.window = 512;
  c.load.stall_seconds = 30;
  return c;
}

TEST(Engine, ReportsNothingWhenNothingIsWrong) {
  const auto outcome = run_case(small());
  EXPECT_TRUE(outcome.faultless());
  EXPECT_EQ(outcome.events, 2000U);
  EXPECT_EQ(outcome.deliveries, 2000U);
  EXPECT_GT(outcome.seconds, 0);
  EXPECT_GT(outcome.latency.total(), 0U);
}

TEST(Engine, CountsEveryConsumerOfEveryProducer) {
  auto c = small();
  c.load.producers = 3;
  c.load.consumers = 5;
  c.load.verify = true;
  const auto outcome = run_case(c);
  EXPECT_TRUE(outcome.faultless());
  EXPECT_EQ(outcome.events, 2000U);
  EXPECT_EQ(outcome.deliveries, 10000U);
  EXPECT_EQ(outcome.latency.total(), 10000U);
}

TEST(Engine, WorksWithSeveralClientThreads) {
  auto c = small();
  c.load.producers = 4;
  c.load.consumers = 4;
  c.load.threads = 3;
  const auto outcome = run_case(c);
  EXPECT_TRUE(outcome.faultless());
  EXPECT_EQ(outcome.deliveries, 8000U);
}

TEST(Engine, ReadsEveryDialectAndPayloadSize) {
  for (const std::size_t bytes : {0U, 1U, 487U, 512U}) {
    for (const auto form : {TimeForm::kNone, TimeForm::kDate, TimeForm::kNanoseconds}) {
      for (const bool hex : {false, true}) {
        auto c = small();
        c.load.events = 300;
        c.load.verify = true;
        c.shape.payload_bytes = bytes;
        c.shape.time_form = form;
        c.faults.hex_data = hex;
        c.faults.nanoseconds = hex;
        const auto outcome = run_case(c);
        EXPECT_TRUE(outcome.faultless()) << bytes << " bytes, hex " << hex;
        EXPECT_EQ(outcome.deliveries, 300U);
      }
    }
  }
}

TEST(Engine, KeepsTheRateAndTheSchedule) {
  auto c = small();
  c.load.events = 200;
  c.load.rate = 2000;
  const auto outcome = run_case(c);
  EXPECT_TRUE(outcome.faultless());
  EXPECT_EQ(outcome.latency.total(), 200U);
  EXPECT_EQ(outcome.send_lag.total(), 200U);
  EXPECT_GE(outcome.seconds, 199.0 / 2000);  // never ahead of the schedule
}

TEST(Engine, ChecksTheWarmUpButDoesNotMeasureIt) {
  auto c = small();
  c.load.warmup_seconds = 0.02;
  c.faults.lose = 1;
  const auto outcome = run_case(c);
  EXPECT_EQ(outcome.deliveries, 2000U);
  EXPECT_EQ(outcome.lost, 1U);
}

TEST(Engine, NoticesALostEvent) {
  auto c = small();
  c.faults.lose = 700;
  const auto outcome = run_case(c);
  EXPECT_EQ(outcome.lost, 1U);
  EXPECT_EQ(outcome.deliveries, 1999U);
  EXPECT_EQ(outcome.reordered + outcome.duplicated + outcome.corrupted, 0U);
}

TEST(Engine, NoticesALostEndAndGivesUp) {
  auto c = small();
  c.faults.lose_from = 1990;
  c.load.stall_seconds = 1;
  const auto outcome = run_case(c);
  EXPECT_TRUE(outcome.stalled);
  EXPECT_EQ(outcome.lost, 11U);
}

TEST(Engine, NoticesADuplicate) {
  auto c = small();
  c.faults.duplicate = 701;
  const auto outcome = run_case(c);
  EXPECT_EQ(outcome.duplicated, 1U);
  EXPECT_EQ(outcome.deliveries, 2000U);
  EXPECT_EQ(outcome.lost + outcome.reordered + outcome.corrupted, 0U);
}

TEST(Engine, NoticesAReorderedPair) {
  auto c = small();
  c.faults.swap_with_next = 702;
  const auto outcome = run_case(c);
  EXPECT_EQ(outcome.reordered, 1U);
  EXPECT_EQ(outcome.lost + outcome.duplicated + outcome.corrupted, 0U);
}

TEST(Engine, NoticesOneChangedDigitWhenAskedToVerify) {
  for (const auto field : {&Faults::change_data, &Faults::change_class, &Faults::cut_data}) {
    auto c = small();
    c.faults.*field = 703;
    c.load.verify = true;
    const auto outcome = run_case(c);
    EXPECT_EQ(outcome.corrupted, 1U);
    EXPECT_EQ(outcome.lost, 0U);
  }
}

TEST(Engine, NoticesAChangedGuidWhenAskedToVerify) {
  auto c = small();
  c.faults.change_guid = 704;
  c.load.verify = true;
  const auto outcome = run_case(c);
  EXPECT_EQ(outcome.corrupted, 1U);
  EXPECT_EQ(outcome.lost, 1U);
}

TEST(Engine, NoticesACutEventWithoutVerify) {
  auto c = small();
  c.faults.cut_data = 705;
  EXPECT_EQ(run_case(c).corrupted, 1U);
}

TEST(Engine, NoticesARefusedEvent) {
  auto c = small();
  c.faults.refuse = 706;
  const auto outcome = run_case(c);
  EXPECT_EQ(outcome.refused, 1U);
  EXPECT_EQ(outcome.lost, 1U);
  EXPECT_EQ(outcome.first_refusal, "-OK - Invalid parameter or format");
}

TEST(Engine, NoticesAClosedConnection) {
  auto c = small();
  c.load.consumers = 2;
  c.faults.close_consumer = 1000;
  const auto outcome = run_case(c);
  EXPECT_EQ(outcome.closed, 1U);
  EXPECT_GT(outcome.lost, 0U);
  EXPECT_FALSE(outcome.faultless());
}

TEST(Engine, EndsAtOnceWhenTheLastConsumerIsGone) {
  auto c = small();
  c.load.events = 0;
  c.load.seconds = 600;
  c.faults.close_consumer = 1000;
  const auto outcome = run_case(c);
  EXPECT_EQ(outcome.closed, 1U);
  EXPECT_FALSE(outcome.faultless());
}

TEST(Engine, SaysWhyALoginFails) {
  const FakeServer server;
  const std::atomic<bool> stop{false};
  const auto wire = make_text_wire();
  const auto outcome = run_load({{"127.0.0.1", server.port(), ""}, "bench", "wrong"}, {}, {}, *wire, 0, stop);
  ASSERT_FALSE(outcome.has_value());
  EXPECT_NE(outcome.error().find("-OK - Invalid username or password."), std::string::npos) << outcome.error();
}

}  // namespace
}  // namespace bench
