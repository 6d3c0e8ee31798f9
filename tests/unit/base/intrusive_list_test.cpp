#include "router/base/intrusive_list.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <vector>

#include "router/base/random.h"

namespace {

struct FirstTag;
struct SecondTag;
using router::IntrusiveList;
using router::ListNode;

struct Item : ListNode<FirstTag>, ListNode<SecondTag> {
  int number = 0;
};
using FirstList = IntrusiveList<Item, FirstTag>;
using SecondList = IntrusiveList<Item, SecondTag>;

template <typename List>
std::vector<int> numbers(List& list) {
  std::vector<int> result;
  for (Item* item = list.front(); item != nullptr; item = list.next(*item)) result.push_back(item->number);
  return result;
}

TEST(IntrusiveList, OneElementInTwoLists) {
  std::deque<Item> items(3);
  for (int i = 0; i < 3; ++i) items[static_cast<std::size_t>(i)].number = i;
  FirstList first;
  SecondList second;
  for (auto& item : items) first.push_back(item);
  second.push_back(items[2]);
  second.push_back(items[0]);
  EXPECT_EQ(numbers(first), (std::vector{0, 1, 2}));
  EXPECT_EQ(numbers(second), (std::vector{2, 0}));
  static_cast<ListNode<FirstTag>&>(items[0]).unlink();
  EXPECT_EQ(numbers(first), (std::vector{1, 2}));
  EXPECT_EQ(numbers(second), (std::vector{2, 0}));
  static_cast<ListNode<FirstTag>&>(items[0]).unlink();  // once more does nothing
  EXPECT_FALSE(static_cast<ListNode<FirstTag>&>(items[0]).is_linked());
  first.clear();
  EXPECT_TRUE(first.empty());
  EXPECT_EQ(first.front(), nullptr);
  EXPECT_FALSE(static_cast<ListNode<FirstTag>&>(items[1]).is_linked());
}

TEST(IntrusiveList, AListThatGoesLetsItsElementsGo) {
  Item item;
  {
    FirstList list;
    list.push_back(item);
  }
  EXPECT_FALSE(static_cast<ListNode<FirstTag>&>(item).is_linked());
}

TEST(IntrusiveListDeathTest, AnElementIsInOneListOfATagOnly) {
  Item item;
  FirstList list;
  list.push_back(item);
  FirstList other;
  EXPECT_DEATH(other.push_back(item), "assertion failed");
}

TEST(IntrusiveList, AgreesWithVectors) {
  router::SeededRandom random(1);
  std::deque<Item> items(20);
  for (std::size_t i = 0; i < items.size(); ++i) items[i].number = static_cast<int>(i);
  FirstList lists[2];
  std::vector<int> models[2];
  const auto remove = [&](int number) {
    for (auto& model : models) std::erase(model, number);
  };
  for (int step = 0; step < 20'000; ++step) {
    const std::size_t at = random.below(2);
    Item& item = items[random.below(items.size())];
    ListNode<FirstTag>& node = item;
    switch (random.below(4)) {
      case 0:
        node.unlink();
        remove(item.number);
        lists[at].push_back(item);
        models[at].push_back(item.number);
        break;
      case 1:
        node.unlink();
        remove(item.number);
        EXPECT_FALSE(node.is_linked());
        break;
      case 2: {
        Item* front = lists[at].pop_front();
        ASSERT_EQ(front == nullptr, models[at].empty());
        if (front == nullptr) break;
        EXPECT_EQ(front->number, models[at].front());
        models[at].erase(models[at].begin());
        break;
      }
      default:
        if (random.below(10) != 0) break;
        lists[at].splice_back(lists[1 - at]);
        models[at].insert(models[at].end(), models[1 - at].begin(), models[1 - at].end());
        models[1 - at].clear();
        break;
    }
    for (std::size_t i = 0; i < 2; ++i) {
      ASSERT_EQ(numbers(lists[i]), models[i]);
      ASSERT_EQ(lists[i].empty(), models[i].empty());
    }
  }
}

}  // namespace
