// Random operations on the fan-out and on a naive model of it must agree. VR_SEED=n replays one seed, VR_SEEDS=n runs n of them.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/unit/core/fanout_model.h"

namespace {

using fanout_model::Run;
using fanout_model::Size;
using fanout_model::Totals;

constexpr std::uint32_t kOperationsPerSeed = 2'000;

Totals run_seeds(const Size& size, std::uint64_t first_seed, std::uint64_t seeds) {
  if (const char* more = std::getenv("VR_SEEDS"); more != nullptr) seeds = std::strtoull(more, nullptr, 10);
  const char* wanted = std::getenv("VR_SEED");
  if (wanted != nullptr) {
    first_seed = std::strtoull(wanted, nullptr, 10);
    seeds = 1;
  }
  Totals totals;
  std::printf("seeds %llu..%llu\n", static_cast<unsigned long long>(first_seed),
              static_cast<unsigned long long>(first_seed + seeds - 1));
  for (std::uint64_t seed = first_seed; seed < first_seed + seeds && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("replay with VR_SEED=" + std::to_string(seed));
    Run run(seed, size);
    run.operate(kOperationsPerSeed, totals);
  }
  std::printf(
      "%llu operations, %llu lines read, %llu lost, %llu rests of lines, %llu evictions, %llu without memory, "
      "%llu overruns, %llu times behind, %llu swept, %llu bytes rescued, %llu times aside\n",
      static_cast<unsigned long long>(totals.operations), static_cast<unsigned long long>(totals.read),
      static_cast<unsigned long long>(totals.lost), static_cast<unsigned long long>(totals.rests),
      static_cast<unsigned long long>(totals.evicted), static_cast<unsigned long long>(totals.log_full),
      static_cast<unsigned long long>(totals.overruns), static_cast<unsigned long long>(totals.behind),
      static_cast<unsigned long long>(totals.swept), static_cast<unsigned long long>(totals.rescued_bytes),
      static_cast<unsigned long long>(totals.aside));
  return totals;
}

bool replays() {
  return std::getenv("VR_SEED") != nullptr;
}

// Memory is never short: what each reader gets, loses and keeps is known to the line.
TEST(FanoutProperty, RoomyLog) {
  const auto totals = run_seeds(
      {.log_segments = 64, .segment_bytes = 65'536, .index_chunks = 4'096, .readers = 8, .events_max = 200}, 1, 25);
  if (replays()) return;
  EXPECT_EQ(totals.log_full, 0U);
  EXPECT_GT(totals.overruns, 100U);
  EXPECT_GT(totals.behind, 100U);
  EXPECT_GT(totals.swept, 100U);
  EXPECT_GT(totals.aside, 100U);
}

// Long backlogs, and a log that is full of them: lines move about all the time.
TEST(FanoutProperty, FullLog) {
  const auto totals = run_seeds({.log_segments = 20,
                                 .segment_bytes = 3 * vscp::kEventWireMax,
                                 .index_chunks = 4'096,
                                 .readers = 8,
                                 .events_max = 3'000},
                                4'000, 40);
  if (replays()) return;
  EXPECT_GT(totals.evicted, 1'000U);
  EXPECT_GT(totals.rescued_bytes, 100'000U);
}

// Not everybody who sheds by priority can: the rest loses the oldest.
TEST(FanoutProperty, FewRules) {
  const auto totals = run_seeds({.log_segments = 32,
                                 .segment_bytes = 16'384,
                                 .index_chunks = 4'096,
                                 .readers = 12,
                                 .events_max = 100,
                                 .skip_rules = 2},
                                5'000, 15);
  if (replays()) return;
  EXPECT_GT(totals.overruns, 100U);
}

// Segments run out all the time: readers are moved on, begun lines are handed over.
TEST(FanoutProperty, TinyLog) {
  const auto totals = run_seeds({.log_segments = 6,
                                 .segment_bytes = 2 * vscp::kEventLineMax,
                                 .index_chunks = 1'024,
                                 .readers = 6,
                                 .events_max = 1'000},
                                1'000, 40);
  if (replays()) return;
  EXPECT_GT(totals.evicted, 1'000U);
  EXPECT_GT(totals.rests, 100U);
}

// Index chunks run out before segments do.
TEST(FanoutProperty, FewChunks) {
  const auto totals = run_seeds({.log_segments = 16,
                                 .segment_bytes = 3 * vscp::kEventLineMax,
                                 .index_chunks = 12,
                                 .readers = 10,
                                 .events_max = 1'000},
                                2'000, 40);
  if (replays()) return;
  EXPECT_GT(totals.evicted, 100U);
  EXPECT_GT(totals.log_full, 100U);
}

// One reader, so that its segment is written over and over.
TEST(FanoutProperty, OneReader) {
  run_seeds({.log_segments = 6,
             .segment_bytes = 2 * vscp::kEventLineMax,
             .index_chunks = 64,
             .readers = 1,
             .events_max = 100},
            3'000, 20);
}

}  // namespace
