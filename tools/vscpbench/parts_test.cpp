// The small parts: sequence numbers, histograms, payloads, the kernel's accounting.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "tools/vscpbench/fake_server.h"
#include "tools/vscpbench/histogram.h"
#include "tools/vscpbench/sequence.h"
#include "tools/vscpbench/server_stats.h"
#include "tools/vscpbench/wire.h"

namespace bench {
namespace {

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
