#include "router/base/cpu.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

namespace {

TEST(Cpus, AreThoseOfThisProcess) {
  const auto cpus = router::available_cpus();
  ASSERT_FALSE(cpus.empty());
  EXPECT_TRUE(std::is_sorted(cpus.begin(), cpus.end()));
  cpu_set_t set;
  CPU_ZERO(&set);
  ASSERT_EQ(::sched_getaffinity(0, sizeof(set), &set), 0);
  EXPECT_EQ(static_cast<int>(cpus.size()), CPU_COUNT(&set));
}

TEST(Cpus, AThreadIsNamedAndPinned) {
  const int last = router::available_cpus().back();
  std::thread([last] {
    router::name_and_pin_thread("vr-test", last);
    char name[32] = {};
    ASSERT_EQ(pthread_getname_np(pthread_self(), name, sizeof(name)), 0);
    EXPECT_EQ(std::string(name), "vr-test");
    const auto cpus = router::available_cpus();
    EXPECT_NE(std::find(cpus.begin(), cpus.end(), last), cpus.end()) << "pinned, or the pin was refused";
  }).join();
}

}  // namespace
