#include "router/base/cpu.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using router::parse_cpu_list;

TEST(CpuList, Good) {
  const std::pair<const char*, std::vector<int>> cases[] = {
      {"", {}},     {"0", {0}},      {"3,1", {3, 1}}, {"0,2-5", {0, 2, 3, 4, 5}}, {" 1 , 2 - 3 ", {1, 2, 3}},
      {"7-7", {7}}, {"1023", {1023}}};
  for (const auto& [text, expected] : cases) {
    bool ok = false;
    EXPECT_EQ(parse_cpu_list(text, ok), expected) << text;
    EXPECT_TRUE(ok) << text;
  }
}

TEST(CpuList, Bad) {
  for (const char* text :
       {"x", ",1", "1,,2", "5-2", "-1", "1-", "-", "1024", "0-99999999999", "1.5", "0x1", " ", "1 2"}) {
    bool ok = true;
    EXPECT_TRUE(parse_cpu_list(text, ok).empty()) << text;
    EXPECT_FALSE(ok) << text;
  }
}

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
