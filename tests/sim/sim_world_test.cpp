// sim_world_test                      worlds for about the time of --milliseconds (20000)
// sim_world_test --seed N             that world alone
// sim_world_test --first N --worlds M worlds N .. N+M-1
#include "tests/sim/sim_world.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>

namespace {

struct Options {
  std::optional<std::uint64_t> seed;
  std::uint64_t first = 1;
  std::uint64_t worlds = 0;  ///< 0: until the time is over
  std::uint64_t milliseconds = 20'000;
};
Options options;
std::uint64_t running_seed = 0;

// An assertion of the router ends the program: say first how to come back here.
void tell_seed(int) {
  char text[80];
  const int size = std::snprintf(text, sizeof(text), "the failed world: --seed %llu\n",
                                 static_cast<unsigned long long>(running_seed));
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text, static_cast<std::size_t>(size));
  std::signal(SIGABRT, SIG_DFL);
}

sim::Outcome run_world(std::uint64_t seed) {
  running_seed = seed;
  auto world = std::make_unique<sim::SimWorld>(seed, sim::plan_of(seed));
  sim::Outcome outcome = world->run();
  EXPECT_EQ(outcome.failure, "") << "repeat it with --seed " << seed;
  // What is left in a failed world may be more than its destructors allow.
  if (!outcome.failure.empty()) static_cast<void>(world.release());
  return outcome;
}

TEST(SimWorld, SameSeedHasSameTrace) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    const sim::Outcome first = run_world(seed);
    const sim::Outcome second = run_world(seed);
    EXPECT_EQ(first.trace, second.trace) << "seed " << seed;
    EXPECT_EQ(first.virtual_ns, second.virtual_ns) << "seed " << seed;
    EXPECT_NE(first.trace, run_world(seed + 1000).trace);
  }
}

TEST(SimWorld, KeepsItsPromises) {
  if (options.seed) {
    std::printf("%s\n", sim::describe(sim::plan_of(*options.seed)).c_str());
    const sim::Outcome outcome = run_world(*options.seed);
    std::printf("seed %llu: trace %016llx, %llu events delivered, %llu answers, %llu dropped\n",
                static_cast<unsigned long long>(*options.seed), static_cast<unsigned long long>(outcome.trace),
                static_cast<unsigned long long>(outcome.deliveries), static_cast<unsigned long long>(outcome.answers),
                static_cast<unsigned long long>(outcome.dropped));
    return;
  }
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  const auto end = begin + std::chrono::milliseconds(options.milliseconds);
  sim::Outcome sum;
  std::uint64_t worlds = 0;
  while (!HasFailure() && (options.worlds > 0 ? worlds < options.worlds : Clock::now() < end)) {
    const sim::Outcome outcome = run_world(options.first + worlds++);
    sum.virtual_ns += outcome.virtual_ns;
    sum.deliveries += outcome.deliveries;
    sum.answers += outcome.answers;
    sum.dropped += outcome.dropped;
    sum.log_full += outcome.log_full;
    sum.holds += outcome.holds;
    sum.sleeps += outcome.sleeps;
    sum.pauses += outcome.pauses;
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  std::printf(
      "seeds %llu..%llu: %.1f worlds/s, %.1f s of virtual time; %llu events delivered, %llu answers, %llu dropped, "
      "%llu without "
      "memory, %llu holds, %llu sleeps, %llu pauses of input\n",
      static_cast<unsigned long long>(options.first), static_cast<unsigned long long>(options.first + worlds - 1),
      static_cast<double>(worlds) / seconds, static_cast<double>(sum.virtual_ns) / 1e9,
      static_cast<unsigned long long>(sum.deliveries), static_cast<unsigned long long>(sum.answers),
      static_cast<unsigned long long>(sum.dropped), static_cast<unsigned long long>(sum.log_full),
      static_cast<unsigned long long>(sum.holds), static_cast<unsigned long long>(sum.sleeps),
      static_cast<unsigned long long>(sum.pauses));
  if (worlds < 20) return;
  // A simulation in which nothing ever goes wrong proves nothing.
  EXPECT_GT(sum.deliveries, 0U);
  EXPECT_GT(sum.dropped, 0U);
  EXPECT_GT(sum.holds, 0U);
  EXPECT_GT(sum.sleeps, 0U);
  EXPECT_GT(sum.pauses, 0U);
}

}  // namespace

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::uint64_t value = std::strtoull(argv[i + 1], nullptr, 0);
    if (std::strcmp(argv[i], "--seed") == 0) options.seed = value;
    if (std::strcmp(argv[i], "--first") == 0) options.first = value;
    if (std::strcmp(argv[i], "--worlds") == 0) options.worlds = value;
    if (std::strcmp(argv[i], "--milliseconds") == 0) options.milliseconds = value;
  }
  if (options.seed) ::testing::GTEST_FLAG(filter) = "SimWorld.KeepsItsPromises";
  std::signal(SIGABRT, tell_seed);
  return RUN_ALL_TESTS();
}
