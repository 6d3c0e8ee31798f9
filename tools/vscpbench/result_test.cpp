// Results: medians, faults, the result file and what is said about a damaged one.
#include "tools/vscpbench/result.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tools/vscpbench/json_files.h"
#include "tools/vscpbench/load_result.h"
#include "tools/vscpbench/scenario.h"
#include "tools/vscpbench/tables.h"

namespace bench {
namespace {

Figure figure(std::vector<double> values) {
  return {"x", "us", Better::kLower, std::move(values)};
}

ResultFile sample() {
  ResultFile file;
  file.machine.cpu = "a \"CPU\"";
  file.machine.cores = 2;
  file.machine.date = "2026-01-02T03:04:05Z";
  file.machine.command = "vscpbench run 1:1";
  file.machine.load_before = 0.5;
  Result result;
  result.scenario = "1:16";
  result.variant = "at 10/s";
  result.server = "vscprouterd";
  result.wire = "text";
  result.payload_bytes = 487;
  result.parameters = {{"producers", 1}, {"consumers", 16}};
  for (const double value : {3.0, 1.0, 2.5}) result.add("server_us_per_delivery", value);
  result.add("a_figure_of_tomorrow", 7);
  result.curves.push_back({"latency", "%", "us", {{50, 10.5}, {99, 100}}});
  result.faults.lost = 3;
  result.faults.stalled = true;
  result.remark("one thing");
  file.results.push_back(result);
  return file;
}

TEST(Figure, TakesTheMedianAndTheExtremes) {
  EXPECT_EQ(figure({3, 1, 2}).median(), 2);
  EXPECT_EQ(figure({3, 1, 2}).low(), 1);
  EXPECT_EQ(figure({3, 1, 2}).high(), 3);
  EXPECT_EQ(figure({3, 1, 2}).spread_percent(), 100);
  EXPECT_EQ(figure({1, 2, 4, 9}).median(), 3);
  EXPECT_EQ(figure({}).median(), 0);
}

TEST(Result, SaysARemarkOnce) {
  std::vector<Result> results(4);
  for (std::size_t i = 0; i < results.size(); ++i) {
    results[i].scenario = "1:" + std::to_string(i);
    results[i].server = "s";
    results[i].wire = "text";
    results[i].remark("busy");
  }
  results[3].remark("late");
  const auto a = label_of(results[0]);
  const auto b = label_of(results[1]);
  EXPECT_EQ(remark_lines(results, false),
            (std::vector<std::string>{a + "; " + b + " and 2 others: busy", label_of(results[3]) + ": late"}));
  results.resize(2);
  EXPECT_EQ(remark_lines(results, true), std::vector<std::string>{"s, " + a + "; s, " + b + ": busy"});
  EXPECT_TRUE(remark_lines({}, true).empty());
}

TEST(Result, KnowsUnitAndDirectionOfAFigure) {
  Result result;
  result.add("events_per_s", 5);
  result.add("events_per_s", 7);
  result.add("events_per_s", std::nan(""));  // nothing was measured
  ASSERT_NE(result.find("events_per_s"), nullptr);
  EXPECT_EQ(result.find("events_per_s")->unit, "1/s");
  EXPECT_EQ(result.find("events_per_s")->better, Better::kHigher);
  EXPECT_EQ(result.median("events_per_s"), 6);
  EXPECT_EQ(result.median("latency_p50_us", -1), -1);
}

TEST(Result, DividesServerTimeByDeliveriesOrElseByEvents) {
  Outcome outcome;
  outcome.seconds = 2;
  outcome.events = 1000;
  outcome.deliveries = 4000;
  outcome.server_known = true;
  outcome.server_before.cpu_ns = 500;
  outcome.server_after.cpu_ns = 4'000'500;
  outcome.server_after.rss_bytes = 1;
  Result with;
  add_outcomes({}, {outcome}, with);
  EXPECT_EQ(with.median("events_per_s"), 500);
  EXPECT_EQ(with.median("deliveries_per_s"), 2000);
  EXPECT_EQ(with.median("server_us_per_delivery"), 1);
  outcome.deliveries = 0;
  Result without;
  add_outcomes({}, {outcome}, without);
  EXPECT_EQ(without.median("server_us_per_delivery"), 4);
}

TEST(Result, SaysWhenTheGeneratorItselfWasLate) {
  Load load;
  load.rate = 1000;
  Outcome outcome;
  outcome.seconds = 1;
  for (int i = 0; i < 100; ++i) outcome.latency.record(1'000'000);
  for (int i = 0; i < 100; ++i) outcome.send_lag.record(900'000);
  Result late;
  add_outcomes(load, {outcome}, late);
  ASSERT_EQ(late.remarks.size(), 2U);  // and that the server is not known
  EXPECT_NE(late.remarks[1].find("generator itself was late"), std::string::npos);
  outcome.send_lag = Histogram();
  for (int i = 0; i < 100; ++i) outcome.send_lag.record(10'000);
  Result in_time;
  add_outcomes(load, {outcome}, in_time);
  EXPECT_EQ(in_time.remarks.size(), 1U);
}

TEST(Result, FailsForEveryFaultAndForgivesOnlyLoss) {
  const Result clean;
  EXPECT_EQ(exit_status({clean}, false), 0);
  for (const auto fault : {&Faults::lost, &Faults::refused, &Faults::duplicated, &Faults::reordered, &Faults::corrupted,
                           &Faults::closed, &Faults::failed}) {
    auto result = clean;
    result.faults.*fault = 1;
    EXPECT_EQ(exit_status({clean, result}, false), 1);
    const bool forgiven = fault == &Faults::lost || fault == &Faults::refused;
    EXPECT_EQ(exit_status({clean, result}, true), forgiven ? 0 : 1);
  }
  auto stalled = clean;
  stalled.faults.stalled = true;
  EXPECT_EQ(exit_status({stalled}, false), 1);
}

TEST(LatencyCurve, LeavesOutPercentsThatHaveNoEvents) {
  Histogram few;
  for (std::uint64_t i = 1; i <= 100; ++i) few.record(i * 1000);
  const auto curve = latency_curve("latency", few);
  ASSERT_FALSE(curve.points.empty());
  EXPECT_EQ(curve.points.back().x, 99);
  EXPECT_EQ(curve.points.front().x, 0);
  for (std::size_t i = 1; i < curve.points.size(); ++i) EXPECT_GE(curve.points[i].y, curve.points[i - 1].y);
}

TEST(ResultFile, IsReadAsItWasWritten) {
  const auto text = to_json(sample());
  const auto read = parse_result_file(text);
  ASSERT_TRUE(read.has_value()) << read.error();
  EXPECT_EQ(to_json(*read), text);
  const auto& result = read->results.at(0);
  EXPECT_EQ(result.find("server_us_per_delivery")->values, (std::vector<double>{3, 1, 2.5}));
  EXPECT_EQ(result.find("a_figure_of_tomorrow")->median(), 7);
  EXPECT_EQ(result.parameter("consumers"), 16);
  EXPECT_TRUE(result.faults.stalled);
  EXPECT_EQ(read->machine.cpu, "a \"CPU\"");
}

TEST(ResultFile, SaysWhatIsWrongWithADamagedOne) {
  const auto text = to_json(sample());
  EXPECT_FALSE(parse_result_file("").has_value());
  EXPECT_FALSE(parse_result_file(text.substr(0, text.size() / 2)).has_value());
  EXPECT_NE(parse_result_file("[]").error().find("no result file"), std::string::npos);
  EXPECT_NE(parse_result_file(R"({"format":"vscpbench-9"})").error().find("vscpbench-9"), std::string::npos);
  auto wrong = text;
  wrong.replace(wrong.find("\"payload_bytes\": 487"), 20, "\"payload_bytes\": \"x\"");
  ASSERT_FALSE(parse_result_file(wrong).has_value());
  EXPECT_EQ(parse_result_file(wrong).error().find("it is damaged: "), 0U) << parse_result_file(wrong).error();
  auto missing = text;
  missing.replace(missing.find("\"figures\""), 9, "\"figurez\"");
  EXPECT_NE(parse_result_file(missing).error().find("figures"), std::string::npos);
  EXPECT_NE(read_result_file("/nonexistent/x.json").error().find("/nonexistent/x.json"), std::string::npos);
}

TEST(SpawnFiles, RefusesAServerOptionWithoutAValue) {
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

TEST(Numbers, ShowWhatCanBeKnown) {
  EXPECT_EQ(number_text(6134000), "6 134 000");
  EXPECT_EQ(number_text(123.4), "123");
  EXPECT_EQ(number_text(12.34), "12.3");
  EXPECT_EQ(number_text(0.2314), "0.231");
  EXPECT_EQ(number_text(0.02314), "0.0231");
  EXPECT_EQ(number_text(-1234), "-1 234");
  EXPECT_EQ(figure_text(0.231, "us"), "231 ns");
  EXPECT_EQ(figure_text(34.2, "us"), "34.2 us");
  EXPECT_EQ(figure_text(2500, "us"), "2.50 ms");
  EXPECT_EQ(spread_text(figure({2500, 900, 4000})), "2.50 ms (0.900 to 4.00)");
  EXPECT_EQ(spread_text(figure({2500})), "2.50 ms");
  EXPECT_EQ(figure_text(580, "B"), "580 B");
  EXPECT_EQ(figure_text(3.0 * 1024 * 1024, "B"), "3.00 MiB");
  EXPECT_EQ(figure_text(6.1e6, "1/s"), "6.10 M/s");
  EXPECT_EQ(figure_text(219859, "1/s"), "220 k/s");
}

TEST(Scenarios, AreFoundByNameAndHintAtTheNearest) {
  for (const auto& scenario : scenarios()) EXPECT_TRUE(find_scenario(scenario.name).has_value());
  EXPECT_TRUE(find_scenario("3:5").has_value());
  EXPECT_TRUE(find_scenario("4:0").has_value());
  for (const auto* name : {"0:1", "1:x", "1:", ":1", "1:1 ", "70000:1", ""}) {
    EXPECT_FALSE(find_scenario(name).has_value()) << name;
  }
  EXPECT_NE(find_scenario("idlecrowd").error().find("did you mean \"idle-crowd\""), std::string::npos);
  EXPECT_NE(find_scenario("conect-storm").error().find("\"connect-storm\""), std::string::npos);
}

}  // namespace
}  // namespace bench
