// vscpbench against a server that spoils one event: what it reports must be what was done.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "tools/vscpbench/engine.h"
#include "tools/vscpbench/fake_server.h"
#include "tools/vscpbench/json_files.h"
#include "tools/vscpbench/report.h"
#include "tools/vscpbench/sequence.h"

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

TEST(Vscpbench, ReportsNothingWhenNothingIsWrong) {
  const auto outcome = run_case(small());
  EXPECT_TRUE(outcome.faultless());
  EXPECT_EQ(outcome.events, 2000U);
  EXPECT_EQ(outcome.deliveries, 2000U);
  EXPECT_GT(outcome.seconds, 0);
  EXPECT_GT(outcome.latency.total(), 0U);
}

TEST(Vscpbench, CountsEveryConsumerOfEveryProducer) {
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

TEST(Vscpbench, WorksWithSeveralClientThreads) {
  auto c = small();
  c.load.producers = 4;
  c.load.consumers = 4;
  c.load.threads = 3;
  const auto outcome = run_case(c);
  EXPECT_TRUE(outcome.faultless());
  EXPECT_EQ(outcome.deliveries, 8000U);
}

TEST(Vscpbench, ReadsEveryDialectAndPayloadSize) {
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

TEST(Vscpbench, KeepsTheRateAndTheSchedule) {
  auto c = small();
  c.load.events = 200;
  c.load.rate = 2000;
  const auto outcome = run_case(c);
  EXPECT_TRUE(outcome.faultless());
  EXPECT_EQ(outcome.latency.total(), 200U);
  EXPECT_EQ(outcome.send_lag.total(), 200U);
  EXPECT_GE(outcome.seconds, 199.0 / 2000);  // never ahead of the schedule
}

TEST(Vscpbench, ChecksTheWarmUpButDoesNotMeasureIt) {
  auto c = small();
  c.load.warmup_seconds = 0.02;
  c.faults.lose = 1;
  const auto outcome = run_case(c);
  EXPECT_EQ(outcome.deliveries, 2000U);
  EXPECT_EQ(outcome.lost, 1U);
}

TEST(Vscpbench, NoticesALostEvent) {
  auto c = small();
  c.faults.lose = 700;
  const auto outcome = run_case(c);
  EXPECT_EQ(outcome.lost, 1U);
  EXPECT_EQ(outcome.deliveries, 1999U);
  EXPECT_EQ(outcome.reordered + outcome.duplicated + outcome.corrupted, 0U);
}

TEST(Vscpbench, NoticesALostEndAndGivesUp) {
  auto c = small();
  c.faults.lose_from = 1990;
  c.load.stall_seconds = 1;
  const auto outcome = run_case(c);
  EXPECT_TRUE(outcome.stalled);
  EXPECT_EQ(outcome.lost, 11U);
}

TEST(Vscpbench, NoticesADuplicate) {
  auto c = small();
  c.faults.duplicate = 701;
  const auto outcome = run_case(c);
  EXPECT_EQ(outcome.duplicated, 1U);
  EXPECT_EQ(outcome.deliveries, 2000U);
  EXPECT_EQ(outcome.lost + outcome.reordered + outcome.corrupted, 0U);
}

TEST(Vscpbench, NoticesAReorderedPair) {
  auto c = small();
  c.faults.swap_with_next = 702;
  const auto outcome = run_case(c);
  EXPECT_EQ(outcome.reordered, 1U);
  EXPECT_EQ(outcome.lost + outcome.duplicated + outcome.corrupted, 0U);
}

TEST(Vscpbench, NoticesOneChangedDigitWhenAskedToVerify) {
  for (const auto field : {&Faults::change_data, &Faults::change_class, &Faults::cut_data}) {
    auto c = small();
    c.faults.*field = 703;
    c.load.verify = true;
    const auto outcome = run_case(c);
    EXPECT_EQ(outcome.corrupted, 1U);
    EXPECT_EQ(outcome.lost, 0U);
  }
}

TEST(Vscpbench, NoticesAChangedGuidWhenAskedToVerify) {
  auto c = small();
  c.faults.change_guid = 704;
  c.load.verify = true;
  const auto outcome = run_case(c);
  EXPECT_EQ(outcome.corrupted, 1U);
  EXPECT_EQ(outcome.lost, 1U);
}

TEST(Vscpbench, NoticesACutEventWithoutVerify) {
  auto c = small();
  c.faults.cut_data = 705;
  EXPECT_EQ(run_case(c).corrupted, 1U);
}

TEST(Vscpbench, NoticesARefusedEvent) {
  auto c = small();
  c.faults.refuse = 706;
  const auto outcome = run_case(c);
  EXPECT_EQ(outcome.refused, 1U);
  EXPECT_EQ(outcome.lost, 1U);
  EXPECT_EQ(outcome.first_refusal, "-OK - Invalid parameter or format");
}

TEST(Vscpbench, NoticesAClosedConnection) {
  auto c = small();
  c.load.consumers = 2;
  c.faults.close_consumer = 1000;
  const auto outcome = run_case(c);
  EXPECT_EQ(outcome.closed, 1U);
  EXPECT_GT(outcome.lost, 0U);
  EXPECT_FALSE(outcome.faultless());
}

TEST(Vscpbench, SaysWhyALoginFails) {
  const FakeServer server;
  const std::atomic<bool> stop{false};
  const auto wire = make_text_wire();
  const auto outcome = run_load({{"127.0.0.1", server.port(), ""}, "bench", "wrong"}, {}, {}, *wire, 0, stop);
  ASSERT_FALSE(outcome.has_value());
  EXPECT_NE(outcome.error().find("-OK - Invalid username or password."), std::string::npos) << outcome.error();
}

TEST(SequenceTracker, TellsLateFromTwice) {
  SequenceTracker tracker;
  EXPECT_EQ(tracker.arrive(0), Arrival::kInOrder);
  EXPECT_EQ(tracker.arrive(10), Arrival::kAfterGap);
  EXPECT_EQ(tracker.lost(11), 9U);
  EXPECT_EQ(tracker.arrive(5), Arrival::kReordered);
  EXPECT_EQ(tracker.arrive(5), Arrival::kDuplicate);
  EXPECT_EQ(tracker.arrive(1), Arrival::kReordered);
  EXPECT_EQ(tracker.arrive(9), Arrival::kReordered);
  EXPECT_EQ(tracker.arrive(0), Arrival::kDuplicate);
  EXPECT_EQ(tracker.arrive(10), Arrival::kDuplicate);
  EXPECT_EQ(tracker.lost(11), 6U);
  EXPECT_EQ(tracker.lost(13), 8U);
  for (const std::uint64_t late : {2U, 3U, 4U, 6U, 7U, 8U}) EXPECT_EQ(tracker.arrive(late), Arrival::kReordered);
  EXPECT_EQ(tracker.lost(11), 0U);
}

TEST(Histogram, IsNeverOffByMoreThanOnePartInSixtyFour) {
  for (std::uint64_t value = 1; value < (1ULL << 62U); value = value * 3 / 2 + 1) {
    Histogram histogram;
    histogram.record(value);
    histogram.record(~std::uint64_t{0});
    const auto median = histogram.percentile(0.5);
    EXPECT_GE(median, value);
    EXPECT_LE(median, value + value / 64);
  }
}

TEST(Histogram, FindsPercentiles) {
  Histogram histogram;
  for (std::uint64_t i = 1; i <= 100; ++i) histogram.record(i);
  EXPECT_EQ(histogram.percentile(0.5), 50U);
  EXPECT_EQ(histogram.percentile(0.99), 99U);
  EXPECT_EQ(histogram.percentile(1), 100U);
  EXPECT_EQ(histogram.max(), 100U);
}

TEST(Payload, VariantsArePermutations) {
  const auto first = payload_of(487, 0);
  const auto second = payload_of(487, 1);
  EXPECT_NE(first, second);
  EXPECT_TRUE(std::is_permutation(first.begin(), first.end(), second.begin()));
}

TEST(Report, TakesTheMedianAndTheExtremes) {
  const auto odd = figure_of({3, 1, 2});
  EXPECT_EQ(odd.median, 2);
  EXPECT_EQ(odd.low, 1);
  EXPECT_EQ(odd.high, 3);
  EXPECT_EQ(odd.spread_percent(), 100);
  EXPECT_EQ(figure_of({1, 2, 4, 9}).median, 3);
  EXPECT_EQ(figure_of({}).median, 0);
}

TEST(Report, DividesServerTimeByDeliveriesOrElseByEvents) {
  Row row;
  Outcome outcome;
  outcome.seconds = 2;
  outcome.events = 1000;
  outcome.deliveries = 4000;
  outcome.server_known = true;
  outcome.server_before.cpu_ns = 500;
  outcome.server_after.cpu_ns = 4'000'500;
  row.outcomes = {outcome};
  auto summary = summarize(row);
  EXPECT_EQ(summary.events_per_s.median, 500);
  EXPECT_EQ(summary.deliveries_per_s.median, 2000);
  EXPECT_EQ(summary.server_us.median, 1);
  row.outcomes.front().deliveries = 0;
  EXPECT_EQ(summarize(row).server_us.median, 4);
}

TEST(Report, FailsForEveryFaultAndForgivesOnlyLoss) {
  Row clean;
  clean.outcomes.resize(2);
  EXPECT_EQ(exit_status({clean}, false), 0);
  for (const auto fault :
       {&Outcome::lost, &Outcome::refused, &Outcome::duplicated, &Outcome::reordered, &Outcome::corrupted}) {
    auto row = clean;
    row.outcomes[1].*fault = 1;
    EXPECT_EQ(exit_status({clean, row}, false), 1);
    const bool forgiven = fault == &Outcome::lost || fault == &Outcome::refused;
    EXPECT_EQ(exit_status({clean, row}, true), forgiven ? 0 : 1);
  }
  auto closed = clean;
  closed.outcomes[0].closed = 1;
  EXPECT_EQ(exit_status({closed}, true), 1);
  auto stalled = clean;
  stalled.outcomes[0].stalled = true;
  EXPECT_EQ(exit_status({stalled}, false), 1);
}

TEST(Report, RefusesAServerOptionWithoutAValue) {
  std::string error;
  SpawnOptions options;
  options.server_options = {"max-out-queue=5", "line-format=nanoseconds"};
  const auto files = spawn_files(options, {}, "hash", "/tmp/x", error);
  EXPECT_EQ(error, "");
  EXPECT_NE(files.config.find("\"max-out-queue\": 5"), std::string::npos) << files.config;
  EXPECT_NE(files.config.find("\"line-format\": \"nanoseconds\""), std::string::npos) << files.config;
  options.server_options = {"nonsense"};
  spawn_files(options, {}, "hash", "/tmp/x", error);
  EXPECT_NE(error, "");
}

TEST(ProcessStats, SeesItsOwnWorkAndPort) {
  const auto before = read_process(getpid());
  ASSERT_TRUE(before.has_value());
  const FakeServer server;
  EXPECT_EQ(find_listener(server.port()), getpid());
  const auto after = read_process(getpid());
  ASSERT_TRUE(after.has_value());
  EXPECT_GT(after->cpu_ns, before->cpu_ns);
  EXPECT_GT(after->rss_bytes, 0U);
  EXPECT_GE(after->threads, 2U);
  EXPECT_FALSE(read_process(-1).has_value());
}

}  // namespace
}  // namespace bench
