#include "drivers/mqtt/paho_doorbell.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <vector>

namespace drivers::mqtt {
namespace {

TEST(PahoDoorbell, TheLibraryTakesWhatWakesItAsOftenAsItIsRung) {
  const auto bell = PahoDoorbell::shared();
  for (int i = 0; i < 1'000; ++i) ASSERT_TRUE(bell->ring());
}

TEST(PahoDoorbell, TheLibraryConnectsToIt) {
  const auto bell = PahoDoorbell::shared();
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!bell->is_connected() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  ASSERT_TRUE(bell->is_connected());
  for (int i = 0; i < 10'000; ++i) ASSERT_TRUE(bell->ring()) << "nobody reads what it sends but itself";
}

TEST(PahoDoorbell, ThereIsOneUntilTheLastOwnerHasGone) {
  auto bell = PahoDoorbell::shared();
  auto same = PahoDoorbell::shared();
  EXPECT_EQ(bell, same);
  bell.reset();
  EXPECT_TRUE(same->ring());
  same.reset();
  EXPECT_TRUE(PahoDoorbell::shared()->ring());
}

TEST(PahoDoorbell, AnyThreadMayRing) {
  const auto held = PahoDoorbell::shared();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([] {
      for (int n = 0; n < 200; ++n) EXPECT_TRUE(PahoDoorbell::shared()->ring());
    });
  }
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace drivers::mqtt
