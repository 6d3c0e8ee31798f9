#include "drivers/mqtt/site_batch.h"

#include <gtest/gtest.h>

#include <vector>

namespace drivers::mqtt {
namespace {

using Bytes = std::vector<std::uint8_t>;

TEST(SiteBatch, RecordsComeBackInOrder) {
  BatchWriter writer;
  writer.begin(0x1122334455667788, 42);
  for (std::uint8_t i = 1; i <= 100; ++i) writer.add(Bytes(i, i));
  const auto batch = read_batch(writer.bytes());
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->run, 0x1122334455667788U);
  EXPECT_EQ(batch->number, 42U);
  auto rest = batch->records;
  for (std::uint8_t i = 1; i <= 100; ++i) {
    const auto record = next_record(rest);
    ASSERT_TRUE(record);
    EXPECT_EQ(Bytes(record->begin(), record->end()), Bytes(i, i));
  }
  const auto end = next_record(rest);
  ASSERT_TRUE(end);
  EXPECT_TRUE(end->empty());
  writer.begin(1, 2);
  EXPECT_EQ(writer.bytes().size(), kBatchHeader) << "a writer begins anew";
}

TEST(SiteBatch, NeverGrowsBeyondItsBound) {
  BatchWriter writer;
  writer.begin(1, 1);
  while (writer.room() >= 602) writer.add(Bytes(600, 1));
  EXPECT_LE(writer.bytes().size(), kBatchBytesMax);
  EXPECT_GT(writer.bytes().size() + 602, kBatchBytesMax);
}

TEST(SiteBatch, EveryTruncationIsAnErrorOrFewerRecords) {
  BatchWriter writer;
  writer.begin(1, 1);
  writer.add(Bytes(5, 1));
  writer.add(Bytes(7, 2));
  const auto whole = writer.bytes();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto batch = read_batch(whole.first(size));
    if (size < kBatchHeader) {
      EXPECT_FALSE(batch) << size;
      continue;
    }
    auto rest = batch->records;
    bool failed = false;
    std::size_t count = 0;
    for (auto record = next_record(rest);; record = next_record(rest)) {
      failed = !record;
      if (failed || record->empty()) break;
      ++count;
    }
    // Cut exactly between two records it is a shorter batch.
    const bool at_border = size == kBatchHeader || size == kBatchHeader + 7;
    EXPECT_EQ(failed, !at_border) << size;
    EXPECT_LT(count, 2U);
  }
}

TEST(SiteBatch, WhatHasArrived) {
  const std::vector<std::uint64_t> numbers{1, 2, 0xffffffffffffffff};
  const auto payload = write_arrived(77, numbers);
  const auto read = read_arrived(payload);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->run, 77U);
  EXPECT_EQ(read->numbers, numbers);
  EXPECT_FALSE(read_arrived(std::span(payload).first(payload.size() - 1)));
  EXPECT_FALSE(read_arrived(std::span(payload).first(11)));
  EXPECT_FALSE(read_arrived(write_hello()));
  EXPECT_FALSE(read_batch(payload));
}

TEST(BatchOrder, TakesEachBatchInItsPlaceOnly) {
  BatchOrder order;
  EXPECT_FALSE(order.take(1, 5)) << "the beginning was missed";
  const std::uint64_t first = next_generation(0);
  EXPECT_TRUE(order.take(1, first));
  EXPECT_FALSE(order.take(1, first)) << "once";
  EXPECT_TRUE(order.take(1, first + 1));
  EXPECT_FALSE(order.take(1, first + 3)) << "one was lost";
  EXPECT_TRUE(order.take(1, first + 2));
  const std::uint64_t second = next_generation(first + 2);
  EXPECT_FALSE(order.take(1, second + 1));
  EXPECT_TRUE(order.take(1, second));
  EXPECT_FALSE(order.take(1, first + 3)) << "of an earlier generation";
  EXPECT_FALSE(order.take(2, second + 1)) << "another run begins at its beginning";
  EXPECT_TRUE(order.take(2, 0));
  EXPECT_TRUE(order.take(2, 1));
  order.refuse();
  EXPECT_FALSE(order.take(2, 2));
  EXPECT_TRUE(order.take(2, next_generation(2)));
}

TEST(SiteBatch, NamesOfSitesHaveDistinctHashes) {
  EXPECT_NE(site_hash("north"), site_hash("south"));
  EXPECT_EQ(site_hash("a"), 0xe40c292cU) << "FNV-1a";
}

}  // namespace
}  // namespace drivers::mqtt
