#include "router/io/memory_store.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "tests/unit/io/store_kinds.h"

namespace {

using router::MemoryStore;
using test::as_bytes;

TEST(MemoryStore, HoldsNoMemoryBeforeTheFirstRecord) {
  const router::ManualClock clock;
  const MemoryStore store({std::uint64_t{1} << 40U}, clock);
  EXPECT_EQ(store.memory_bytes(), 0U);
}

TEST(MemoryStore, MemoryGoesWithTheRecords) {
  const router::ManualClock clock;
  MemoryStore store({64U << 20U}, clock);
  const std::string record(1000, 'x');
  for (int i = 0; i < 20'000; ++i) ASSERT_TRUE(store.append(3, as_bytes(record)));
  ASSERT_TRUE(store.commit());
  const std::uint64_t full = store.memory_bytes();
  EXPECT_GE(full, 20'000U * 1000U);
  EXPECT_LE(full, 20'000U * router::stored_bytes(1000) + (1U << 20U));
  for (int i = 0; i < 200; ++i) test::release_all(store, test::read_some(store, 100));
  EXPECT_EQ(store.status().records, 0U);
  EXPECT_LE(store.memory_bytes(), 8U * 256U * 1024U);
}

TEST(MemoryStore, ASteadyFlowKeepsItsMemory) {
  const router::ManualClock clock;
  MemoryStore store({1U << 20U}, clock);
  const std::string record(100, 'x');
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_TRUE(store.append(static_cast<std::uint8_t>(i % 8), as_bytes(record)));
    ASSERT_TRUE(store.commit());
    test::release_all(store, test::read_some(store, 10));
    ASSERT_LE(store.memory_bytes(), 8U * 2U * 16U * 1024U);
  }
}

TEST(MemoryStore, MemoryIsBoundedWhateverIsDropped) {
  const router::ManualClock clock;
  MemoryStore store({1U << 20U, router::StoreFullPolicy::kDropOldest}, clock);
  for (unsigned i = 0; i < 50'000; ++i) {
    ASSERT_TRUE(store.append(static_cast<std::uint8_t>(i % 8), as_bytes(std::string(i * 7919U % 3000U, 'x'))));
    ASSERT_TRUE(store.commit());
    ASSERT_LE(store.memory_bytes(), (1U << 20U) * 3U / 2U);
  }
  EXPECT_LE(store.status().bytes, 1U << 20U);
  EXPECT_GT(store.status().dropped_full, 40'000U);
}

// For ThreadSanitizer: writer, reader and an observer at once.
TEST(MemoryStore, WriterReaderAndObserverAtOnce) {
  const router::SystemClock clock;
  MemoryStore store({1U << 22U, router::StoreFullPolicy::kRefuse}, clock);
  constexpr unsigned kCount = 20'000;
  std::thread writer([&store] {
    for (unsigned i = 0; i < kCount;) {
      if (store.append(static_cast<std::uint8_t>(i % 8), as_bytes(std::to_string(i)))) ++i;
      if (i % 16 == 0) {
        EXPECT_TRUE(store.commit());
      }
    }
    EXPECT_TRUE(store.commit());
  });
  std::vector<int> last(8, -1);
  unsigned received = 0;
  while (received < kCount) {
    const auto records = test::read_some(store, 64);
    for (const auto& record : records) {
      const int number = std::stoi(record.text);
      int& before = last[static_cast<std::size_t>(number) % 8];
      ASSERT_GT(number, before);
      before = number;
    }
    received += static_cast<unsigned>(records.size());
    test::release_all(store, records);
    ASSERT_LE(store.status().released, store.status().appended);
  }
  writer.join();
  EXPECT_EQ(store.status().records, 0U);
}

}  // namespace
