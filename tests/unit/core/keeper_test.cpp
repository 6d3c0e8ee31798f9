#include "router/core/keeper.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <utility>
#include <vector>

#include "router/core/withheld.h"

namespace router {
namespace {

using Keepers = std::vector<std::pair<ThreadIndex, const KeptCounts*>>;

TEST(Promises, WithoutKeepersNothingIsPromised) {
  Promises promises;
  promises.set_keepers(0, {});
  EXPECT_FALSE(promises.any());
  const ThreadIndex receiver = 3;
  promises.note_staged({&receiver, 1});
  EXPECT_EQ(promises.given(), 0U);
}

TEST(Promises, AreKeptWhenEveryKeeperHasAsManyAsItWasGiven) {
  KeptCounts disk_a;
  KeptCounts disk_b;
  const Keepers keepers{{4, &disk_a}, {6, &disk_b}};
  Promises promises;
  promises.set_keepers(1, keepers);
  const ThreadIndex both[] = {2, 4, 6};
  const ThreadIndex only_b[] = {6};
  const ThreadIndex neither[] = {2, 3};
  promises.note_staged(both);
  promises.note_staged(neither);
  EXPECT_EQ(promises.given(), 1U);
  promises.mark();
  promises.note_staged(only_b);
  EXPECT_EQ(promises.given(), 2U);
  EXPECT_EQ(promises.marked(), 1U);
  promises.mark();
  EXPECT_EQ(promises.kept(), 0U);

  std::vector<ThreadIndex> told;
  const auto tell = [&told](ThreadIndex producer) { told.push_back(producer); };
  disk_b.note_taken(1);
  disk_b.note_taken(1);
  disk_b.publish(tell);
  EXPECT_EQ(told, std::vector<ThreadIndex>{1});
  EXPECT_EQ(promises.kept(), 0U) << "the other keeper has not got it";
  disk_a.note_taken(1);
  EXPECT_EQ(promises.kept(), 0U) << "taken, not safe";
  disk_a.publish(tell);
  EXPECT_EQ(promises.kept(), 2U);
  disk_a.publish(tell);
  EXPECT_EQ(told.size(), 2U) << "no news, nobody told";
}

TEST(Promises, OfOneProducerDoNotCountForAnother) {
  KeptCounts disk;
  const Keepers keepers{{4, &disk}};
  Promises promises;
  promises.set_keepers(1, keepers);
  const ThreadIndex receiver = 4;
  promises.note_staged({&receiver, 1});
  promises.mark();
  disk.note_taken(0);
  disk.publish([](ThreadIndex) {});
  EXPECT_EQ(promises.kept(), 0U);
}

TEST(Promises, ALossIsSeenOnceAndByItsProducerOnly) {
  KeptCounts disk;
  const Keepers keepers{{4, &disk}};
  Promises mine;
  Promises other;
  mine.set_keepers(1, keepers);
  other.set_keepers(2, keepers);
  disk.note_lost(1);
  EXPECT_TRUE(mine.has_lost());
  EXPECT_FALSE(mine.has_lost());
  EXPECT_FALSE(other.has_lost());
}

TEST(Promises, MoreMarksThanRoomAreNeverKeptTooEarly) {
  KeptCounts disk;
  const Keepers keepers{{4, &disk}};
  Promises promises;
  promises.set_keepers(0, keepers);
  const ThreadIndex receiver = 4;
  for (int i = 0; i < 5000; ++i) {
    promises.note_staged({&receiver, 1});
    promises.mark();
  }
  for (std::uint64_t taken = 1; taken <= 5000; ++taken) {
    disk.note_taken(0);
    disk.publish([](ThreadIndex) {});
    ASSERT_LE(promises.kept(), taken);
  }
  EXPECT_EQ(promises.kept(), 5000U);
}

// Replies of one byte each, some with a promise; against the simplest model: a byte may go when its promise is kept, and none overtakes.
TEST(Withheld, LetsNoReplyOutBeforeItsPromiseIsKept) {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    std::mt19937 random(seed);
    WithheldTable table;
    table.reserve();
    WithheldTable::Place place = WithheldTable::kNone;
    std::deque<std::uint64_t> queue;  // the promise of each byte that waits
    std::uint64_t given = 0;
    std::uint64_t marked = 0;
    std::uint64_t kept = 0;
    std::uint64_t newest = 0;
    for (int step = 0; step < 400; ++step) {
      switch (random() % 5) {
        case 0:
          newest = ++given;
          if (place == WithheldTable::kNone) {
            place = table.take(newest, queue.size());
          } else {
            table[place].add(newest, queue.size(), table[place].promise <= marked);
          }
          [[fallthrough]];
        case 1:
          queue.push_back(newest > kept ? newest : 0);
          break;
        case 2:
          marked = given;
          break;
        case 3:
          kept += random() % (marked - kept + 1);
          if (place != WithheldTable::kNone && table[place].settle(kept)) {
            table.give(place);
            place = WithheldTable::kNone;
          }
          break;
        default: {
          const std::size_t free = place == WithheldTable::kNone ? queue.size() : table[place].free;
          ASSERT_LE(free, queue.size());
          const std::size_t out = free == 0 ? 0 : random() % (free + 1);
          for (std::size_t i = 0; i < out; ++i) {
            ASSERT_LE(queue.front(), kept) << "seed " << seed;
            queue.pop_front();
          }
          if (place != WithheldTable::kNone) table[place].consume(out);
        }
      }
    }
    // In the end everything is safe, and everything goes out.
    marked = kept = given;
    while (place != WithheldTable::kNone && !table[place].settle(kept)) {
    }
  }
}

TEST(Withheld, TellsWaitersInTheOrderOfTheirPromises) {
  WithheldTable table;
  EXPECT_FALSE(table.is_full());
  table.reserve();
  EXPECT_FALSE(table.is_waiting());
  table.enqueue(1, 11);
  table.enqueue(2, 12);
  EXPECT_EQ(table.dequeue(0), kNoChannel);
  EXPECT_EQ(table.dequeue(1), 11U);
  EXPECT_EQ(table.dequeue(1), kNoChannel);
  EXPECT_EQ(table.dequeue(5), 12U);
  EXPECT_FALSE(table.is_waiting());
  for (std::size_t i = 0; i < WithheldTable::kPlaces; ++i) table.take(1, 0);
  EXPECT_TRUE(table.is_full());
  table.give(7);
  EXPECT_FALSE(table.is_full());
}

}  // namespace
}  // namespace router
