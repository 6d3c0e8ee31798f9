#include "router/base/slab.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <vector>

#include "router/base/random.h"

namespace {

using router::Slab;

TEST(Slab, SlotsAreApartAndAligned) {
  Slab slab(100, 50);
  EXPECT_EQ(slab.slot_bytes(), 128U);
  std::vector<std::byte*> slots;
  for (int i = 0; i < 50; ++i) slots.push_back(static_cast<std::byte*>(slab.try_take()));
  EXPECT_EQ(slab.try_take(), nullptr);
  EXPECT_EQ(slab.taken(), 50U);
  std::sort(slots.begin(), slots.end());
  for (std::size_t i = 0; i < slots.size(); ++i) {
    ASSERT_NE(slots[i], nullptr);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(slots[i]) % 64, 0U);
    if (i > 0) {
      EXPECT_GE(slots[i] - slots[i - 1], 100);
    }
    std::memset(slots[i], static_cast<int>(i), 100);
  }
  for (std::byte* slot : slots) slab.give(slot);
  EXPECT_EQ(slab.taken(), 0U);
}

TEST(Slab, TheLastGivenIsTheNextTaken) {
  Slab slab(64, 10);
  void* first = slab.try_take();
  void* second = slab.try_take();
  slab.give(first);
  slab.give(second);
  EXPECT_EQ(slab.try_take(), second);
  EXPECT_EQ(slab.try_take(), first);
}

TEST(Slab, NoSlotIsOutTwice) {
  router::SeededRandom random(1);
  Slab slab(64, 30);
  std::vector<void*> out;
  std::set<void*> all;
  for (int i = 0; i < 10'000; ++i) {
    if (random.below(2) == 0) {
      void* slot = slab.try_take();
      EXPECT_EQ(slot == nullptr, out.size() == 30);
      if (slot == nullptr) continue;
      ASSERT_EQ(std::count(out.begin(), out.end(), slot), 0);
      out.push_back(slot);
      all.insert(slot);
    } else if (!out.empty()) {
      std::swap(out[random.below(out.size())], out.back());
      slab.give(out.back());
      out.pop_back();
    }
    ASSERT_EQ(slab.taken(), out.size());
  }
  EXPECT_EQ(all.size(), 30U);
}

TEST(SlabDeathTest, MoreGivenThanTaken) {
  Slab slab(64, 1);
  void* slot = slab.try_take();
  slab.give(slot);
  EXPECT_DEATH(slab.give(slot), "assertion failed");
}

TEST(SlabDeathTest, TooMuchMemoryIsOneClearLine) {
  EXPECT_DEATH(router::map_memory(std::size_t{1} << 62U),
               "cannot reserve .* give the program more memory or smaller pools");
}

TEST(MapMemory, IsZeroAndGoesBack) {
  auto* bytes = static_cast<char*>(router::map_memory(100'000));
  EXPECT_EQ(std::count(bytes, bytes + 100'000, '\0'), 100'000);
  bytes[99'999] = 1;
  router::unmap_memory(bytes, 100'000);
}

}  // namespace
