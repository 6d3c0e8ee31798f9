// The HTML report, its plots and the comparison of two files.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "tools/vscpbench/load_result.h"
#include "tools/vscpbench/output_file.h"
#include "tools/vscpbench/report/difference.h"
#include "tools/vscpbench/report/html.h"
#include "tools/vscpbench/report/plots.h"
#include "tools/vscpbench/tables.h"

namespace bench {
namespace {

Result load(const std::string& scenario, const std::string& server, const std::string& wire, std::size_t bytes,
            std::vector<double> cpu) {
  Result result;
  result.scenario = scenario;
  result.server = server;
  result.wire = wire;
  result.payload_bytes = bytes;
  for (const auto value : cpu) {
    result.add("server_us_per_delivery", value);
    result.add("deliveries_per_s", 1e6 / value);
  }
  return result;
}

/// Something of everything.
ResultFile everything() {
  ResultFile file;
  file.machine.cpu = "x";
  auto& results = file.results;
  results.push_back(load("1:1", "vscprouterd", "text", 8, {1, 1.1, 0.9}));
  results.push_back(load("1:16", "vscprouterd", "text", 8, {0.1, 0.2, 0.15}));
  results.push_back(load("1:1", "nats-server", "nats", 8, {2, 2.1, 2.2}));
  auto latency = load("latency", "vscprouterd", "text", 487, {30});
  latency.variant = "at 10000/s";
  latency.parameters = {{"rate", 10000}};
  Histogram histogram;
  for (std::uint64_t i = 1; i <= 100000; ++i) histogram.record(i * 10);
  latency.curves = {latency_curve("latency", histogram), latency_curve("send_lag", histogram)};
  results.push_back(latency);
  for (const auto count : {1.0, 100.0}) {
    auto filters = load("filter-crowd", "vscprouterd", "text", 8, {0.2});
    filters.variant = number_text(count) + " by class";
    filters.parameters = {{"filters", count}};
    results.push_back(filters);
  }
  Result idle;
  idle.scenario = "idle-crowd";
  idle.variant = "1000 sessions";
  idle.server = "vscprouterd";
  idle.wire = "text";
  idle.add("server_bytes_per_session", 580);
  idle.add("kernel_socket_bytes_per_session", -100);
  idle.curves = {latency_curve("fanout", histogram)};
  results.push_back(idle);
  auto storm = idle;
  storm.scenario = "connect-storm";
  storm.figures.clear();
  storm.add("connects_per_server_cpu_s", 15000);
  storm.curves = {latency_curve("login", histogram)};
  results.push_back(storm);
  auto slow = idle;
  slow.scenario = "slow-crowd";
  slow.figures.clear();
  slow.add("throughput_ratio", 0.9);
  slow.add("cpu_ratio", 1.1);
  results.push_back(slow);
  return file;
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

TEST(Plots, ThereIsOneForEachQuestion) {
  const auto plots = make_plots(everything().results);
  std::vector<std::string> names;
  for (const auto& plot : plots) names.push_back(plot.name);
  EXPECT_EQ(names, (std::vector<std::string>{"throughput", "cpu-per-delivery", "cpu-against-peers", "latency",
                                             "connects", "time-to-open", "memory-per-session", "one-event-to-all",
                                             "filters", "slow-crowd"}));
  EXPECT_TRUE(make_plots({}).empty());
}

TEST(Plots, PeersAreShownAsRatiosToTheMainServer) {
  const auto plots = make_plots(everything().results);
  const auto peers =
      std::find_if(plots.begin(), plots.end(), [](const Plot& p) { return p.name == "cpu-against-peers"; });
  ASSERT_NE(peers, plots.end());
  ASSERT_EQ(peers->bars.groups.size(), 1U);
  ASSERT_EQ(peers->bars.groups[0].bars.size(), 1U);
  EXPECT_DOUBLE_EQ(peers->bars.groups[0].bars[0].value, 2.1);
  EXPECT_DOUBLE_EQ(peers->bars.groups[0].bars[0].low, 2.0);
}

TEST(Plots, EveryOneIsDrawnInEveryForm) {
  for (const auto& plot : make_plots(everything().results)) {
    const auto png = draw_png(plot, 860);
    EXPECT_EQ(png.substr(1, 3), "PNG") << plot.name;
    for (const auto width : {380.0, 860.0}) {
      const auto svg = draw_svg(plot, width, "x");
      EXPECT_EQ(svg.find("<svg class=\"x\""), 0U);
      EXPECT_NE(svg.find("</svg>"), std::string::npos);
      EXPECT_EQ(svg.find("nan"), std::string::npos) << plot.name;
      EXPECT_EQ(svg.find("inf\""), std::string::npos) << plot.name;
    }
  }
}

TEST(Plots, SurviveStrangeNumbers) {
  auto file = everything();
  for (auto& result : file.results) {
    for (auto& figure : result.figures) figure.values = {0, 0, 0};
    for (auto& curve : result.curves) curve.points = {{0, 0}};
  }
  for (const auto& plot : make_plots(file.results)) {
    EXPECT_EQ(draw_svg(plot, 380, "x").find("nan"), std::string::npos) << plot.name;
  }
}

TEST(Ticks, AreRoundAndCoverTheValues) {
  EXPECT_EQ(linear_ticks(9.5, 5), (std::vector<double>{0, 2, 4, 6, 8, 10}));
  EXPECT_EQ(linear_ticks(10, 5), (std::vector<double>{0, 2, 4, 6, 8, 10}));
  EXPECT_EQ(linear_ticks(0, 5), (std::vector<double>{0, 1}));
  EXPECT_EQ(log_ticks(1, 10000), (std::vector<double>{1, 10, 100, 1000, 10000}));
  EXPECT_EQ(log_ticks(3, 40), (std::vector<double>{2, 5, 10, 20, 50}));
  EXPECT_EQ(tick_text(1500), "1.5 k");
  EXPECT_EQ(tick_text(2e7), "20 M");
  EXPECT_EQ(tick_text(0.05), "0.05");
  for (const auto highest : {0.0003, 0.7, 12.0, 9.9e8}) {
    const auto ticks = linear_ticks(highest, 6);
    EXPECT_GE(ticks.back(), highest * 0.99);
    EXPECT_LE(ticks.size(), 9U);
  }
}

TEST(Html, HoldsEverythingAndLoadsNothing) {
  const auto html = html_report(everything());
  EXPECT_EQ(count(html, "<svg "), 20U);  // ten plots, wide and narrow
  for (const auto* loaded : {"http:", "https:", "src=", "href=", "@import", "url(", "<script"}) {
    EXPECT_EQ(html.find(loaded), std::string::npos) << loaded;
  }
  EXPECT_NE(html.find("prefers-color-scheme:dark"), std::string::npos);
  EXPECT_NE(html.find("Every event arrived"), std::string::npos);
  EXPECT_EQ(count(html, "<table"), count(html, "</table>"));
  EXPECT_EQ(count(html, "<tr"), count(html, "</tr>"));
}

TEST(Html, TextOfAResultFileIsNoHtml) {
  auto file = everything();
  file.machine.command = "<script>alert(1)</script>";
  file.machine.cpu = "\"><b>";
  file.results[0].scenario = "<i>1:1";
  file.results[0].server = "<u>";
  file.results[0].remark("<s>");
  file.results[0].faults.lost = 1;
  const auto html = html_report(file);
  for (const auto* tag : {"<script", "<b>", "<i>", "<u>", "<s>"}) EXPECT_EQ(html.find(tag), std::string::npos) << tag;
  EXPECT_NE(html.find("1 lost"), std::string::npos);
  EXPECT_EQ(html.find("Every event arrived"), std::string::npos);
}

ResultFile with_cpu(std::vector<double> cpu) {
  ResultFile file;
  file.results.push_back(load("1:1", "vscprouterd", "text", 8, std::move(cpu)));
  return file;
}

const Difference& cpu_of(const Comparison& comparison) {
  return *std::find_if(comparison.differences.begin(), comparison.differences.end(),
                       [](const Difference& d) { return d.unit == "us"; });
}

TEST(Diff, SaysNothingWithinTheSpread) {
  const auto comparison = compare(with_cpu({1, 1.2, 1.1}), with_cpu({1.15, 1.3, 1.25}));
  EXPECT_EQ(cpu_of(comparison).verdict, Verdict::kSame);
  EXPECT_EQ(difference_status(comparison, 0), 0);
}

TEST(Diff, KnowsBetterFromWorseInBothDirections) {
  const auto worse = compare(with_cpu({1, 1.2, 1.1}), with_cpu({1.3, 1.5, 1.43}));
  ASSERT_EQ(worse.differences.size(), 2U);
  for (const auto& difference : worse.differences) EXPECT_EQ(difference.verdict, Verdict::kWorse) << difference.figure;
  EXPECT_NEAR(cpu_of(worse).worse_percent(), 30, 0.01);
  EXPECT_EQ(difference_status(worse, 10), 1);
  EXPECT_EQ(difference_status(worse, 31), 0);
  const auto better = compare(with_cpu({1.3, 1.5, 1.43}), with_cpu({1, 1.2, 1.1}));
  for (const auto& difference : better.differences) EXPECT_EQ(difference.verdict, Verdict::kBetter);
  EXPECT_EQ(difference_status(better, 0), 0);
}

TEST(Diff, SaysThatOneRunHasNoSpread) {
  EXPECT_FALSE(cpu_of(compare(with_cpu({1}), with_cpu({2}))).spread_known);
  EXPECT_TRUE(cpu_of(compare(with_cpu({1, 1}), with_cpu({2, 2}))).spread_known);
}

TEST(Diff, NotesWhatCannotBeCompared) {
  auto before = with_cpu({1});
  auto after = with_cpu({1});
  before.machine.cpu = "a";
  after.machine.cpu = "b";
  before.results[0].parameters = {{"window", 1}};
  after.results[0].parameters = {{"window", 2}};
  before.results.push_back(load("1:2", "vscprouterd", "text", 8, {1}));
  after.results.push_back(load("1:3", "vscprouterd", "text", 8, {1}));
  after.results[0].faults.lost = 1;
  const auto comparison = compare(before, after);
  ASSERT_EQ(comparison.notes.size(), 5U);
  EXPECT_NE(comparison.notes[0].find("CPU was \"a\""), std::string::npos);
  EXPECT_NE(comparison.notes[1].find("window was 1"), std::string::npos) << comparison.notes[1];
  EXPECT_TRUE(comparison.new_faults);
  EXPECT_EQ(difference_status(comparison, 1000), 1);
}

TEST(OutputFile, SaysWhyItCannotBeWritten) {
  EXPECT_NE(write_output("/nonexistent/x", "text").find("/nonexistent/x"), std::string::npos);
  EXPECT_NE(check_output("/nonexistent/x"), "");
  if (std::filesystem::exists("/dev/full")) {
    EXPECT_NE(write_output("/dev/full", "text").find("No space left"), std::string::npos);
  }
  const auto path = std::filesystem::temp_directory_path() / ("vscpbench-output-" + std::to_string(getpid()));
  EXPECT_EQ(check_output(path.string()), "");
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_EQ(write_output(path.string(), "text"), "");
  EXPECT_EQ(check_output(path.string()), "");
  std::ifstream file(path);
  std::string read;
  EXPECT_TRUE(std::getline(file, read));
  EXPECT_EQ(read, "text");
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace bench
