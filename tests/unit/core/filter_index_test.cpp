#include "router/core/filter_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "router/base/random.h"

namespace {

using router::FilterIndex;
using router::IndexedFilter;
using vscp::Event;
using vscp::Filter;

struct Item : IndexedFilter {
  Filter wanted;  ///< as given to add(), not canonical
};

std::vector<const Item*> found_by(const FilterIndex& index, const Event& event) {
  std::vector<const Item*> found;
  index.for_each_match(event, [&](IndexedFilter& item) { found.push_back(static_cast<const Item*>(&item)); });
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<const Item*> found_by(const std::vector<std::unique_ptr<Item>>& items, const Event& event) {
  std::vector<const Item*> found;
  for (const auto& item : items) {
    if (item->wanted.matches(event)) found.push_back(item.get());
  }
  std::sort(found.begin(), found.end());
  return found;
}

// Values and masks from small sets, so that filters meet: equal ones, equal masks, masks within masks; and now and then
// any bits at all.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}
  std::uint64_t below(std::uint64_t bound) { return random_.below(bound); }

  Filter filter() {
    Filter filter;
    filter.filter_priority = priority();
    filter.mask_priority = static_cast<std::uint8_t>(any_of({0, 0, 7, 4, 0xff, random_.below(0x100)}));
    filter.filter_class = vscp_class();
    filter.mask_class =
        static_cast<std::uint16_t>(any_of({0, 0, 0xffff, 0xffff, 0x07ff, 0x00f0, random_.below(0x10000)}));
    filter.filter_type = type();
    filter.mask_type = static_cast<std::uint16_t>(any_of({0, 0xffff, 0xffff, 0x0001, random_.below(0x10000)}));
    filter.filter_guid = guid();
    const std::uint64_t prefix = any_of({0, 0, 16, 15, 14, 8, random_.below(17)});
    for (std::size_t i = 0; i < prefix; ++i) filter.mask_guid.bytes[i] = 0xff;
    if (below(20) == 0) filter.mask_guid.bytes[below(16)] ^= static_cast<std::uint8_t>(below(0x100));
    return filter;
  }
  Event event() {
    Event event;
    event.head = static_cast<std::uint16_t>(any_of({0, below(8)}) << 5U);
    event.vscp_class = vscp_class();
    event.vscp_type = type();
    event.guid = guid();
    event.data_size = 0;
    return event;
  }

 private:
  std::uint64_t any_of(std::initializer_list<std::uint64_t> choices) { return choices.begin()[below(choices.size())]; }
  std::uint8_t priority() { return static_cast<std::uint8_t>(any_of({3, 3, below(8), below(0x100)})); }
  std::uint16_t vscp_class() { return static_cast<std::uint16_t>(any_of({10, 10, 20, 2058, below(0x10000)})); }
  std::uint16_t type() { return static_cast<std::uint16_t>(any_of({1, 6, 6, below(8), below(0x10000)})); }
  vscp::Guid guid() {
    vscp::Guid guid{};
    for (const std::size_t at : {0U, 7U, 8U, 15U}) guid.bytes[at] = static_cast<std::uint8_t>(below(2));
    if (below(10) == 0) guid.bytes[below(16)] = static_cast<std::uint8_t>(below(0x100));
    return guid;
  }

  router::SeededRandom random_;
};

class Model {
 public:
  explicit Model(std::uint64_t seed) : dice_(seed) {}
  ~Model() {
    for (const auto& item : items_) index_.remove(*item);
    EXPECT_EQ(index_.size(), 0U);
    EXPECT_EQ(index_.mask_count(), 0U);
  }

  void add(const Filter& filter) {
    items_.push_back(std::make_unique<Item>());
    items_.back()->wanted = filter;
    index_.add(*items_.back(), filter);
    ASSERT_EQ(items_.back()->filter(), filter.canonical());
  }
  void add() {
    add(!items_.empty() && dice_.below(5) == 0 ? items_[dice_.below(items_.size())]->wanted : dice_.filter());
  }
  void remove() {
    std::unique_ptr<Item>& last = items_[dice_.below(items_.size())];
    index_.remove(*last);
    last.swap(items_.back());
    items_.pop_back();
  }
  void check(int events) {
    ASSERT_EQ(index_.size(), items_.size());
    for (int i = 0; i < events; ++i) {
      const Event event = dice_.event();
      const auto expected = found_by(items_, event);
      ASSERT_EQ(found_by(index_, event), expected);
      matches_ += expected.size();
    }
    const Filter filter = !items_.empty() && dice_.below(2) == 0 ? items_.front()->wanted : dice_.filter();
    std::size_t equal = 0;
    for (const IndexedFilter* item = index_.find(filter); item != nullptr; item = item->next_equal()) {
      ASSERT_EQ(item->filter(), filter.canonical());
      ++equal;
    }
    ASSERT_EQ(equal, static_cast<std::size_t>(std::count_if(items_.begin(), items_.end(), [&](const auto& item) {
                return item->wanted.canonical() == filter.canonical();
              })));
  }
  Dice& dice() { return dice_; }
  std::size_t size() const { return items_.size(); }
  std::uint64_t matches() const { return matches_; }
  const FilterIndex& index() const { return index_; }

 private:
  Dice dice_;
  FilterIndex index_;
  std::vector<std::unique_ptr<Item>> items_;
  std::uint64_t matches_ = 0;
};

TEST(FilterIndex, AgreesWithTheFiltersWhateverComesAndGoes) {
  std::uint64_t matches = 0;
  for (std::uint64_t seed = 1; seed <= 30 && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Model model(seed);
    // Grows, then shrinks to nothing, then lives on few.
    for (int step = 0; step < 1'500 && !HasFailure(); ++step) {
      const std::uint64_t adds_of_ten = step < 500 ? 8 : step < 1'000 ? 1 : 5;
      if (model.size() == 0 || model.dice().below(10) < adds_of_ten) {
        model.add();
      } else {
        model.remove();
      }
      model.check(step % 25 == 0 ? 50 : 2);
    }
    matches += model.matches();
  }
  EXPECT_GT(matches, 10'000U) << "nothing is shown by events that no filter wants";
}

// The same filters as one session has them after the other: SETFILTER in a loop.
TEST(FilterIndex, AFilterThatComesBackIsFoundAgain) {
  FilterIndex index;
  Item items[2];
  Filter filter;
  filter.filter_type = 6;
  filter.mask_type = 0xffff;
  Event event;
  event.vscp_type = 6;
  event.data_size = 0;
  index.add(items[1], Filter{});
  for (int i = 0; i < 1'000; ++i) {
    index.add(items[0], filter);
    ASSERT_EQ(found_by(index, event).size(), 2U);
    index.remove(items[0]);
    ASSERT_EQ(found_by(index, event).size(), 1U);
  }
  EXPECT_EQ(index.mask_count(), 1U);
  index.remove(items[1]);
}

// What an event costs: a row per mask among the filters that do not name another class.
TEST(FilterIndex, FiltersWithTheSameMaskShareARow) {
  Model model(7);
  Filter filter;
  filter.mask_type = 0xffff;
  for (std::uint16_t type = 0; type < 5'000; ++type) {
    filter.filter_type = type;
    model.add(filter);
  }
  EXPECT_EQ(model.index().mask_count(), 1U);
  model.check(200);
  EXPECT_GT(model.matches(), 0U);
}

TEST(FilterIndex, AnyNumberOfMasks) {
  Model model(8);
  Filter filter;
  for (unsigned i = 0; i < 3'000; ++i) {
    filter.mask_guid.bytes = {};
    for (unsigned bit = 0; bit < 12; ++bit) {
      if ((i >> bit & 1U) != 0) filter.mask_guid.bytes[bit] = 1;
    }
    model.add(filter);
    if (i % 3 == 0) {  // some masks with two values
      Filter other = filter;
      other.mask_type = 0xff;
      other.filter_type = static_cast<std::uint16_t>(i & 0xffU);
      model.add(other);
      other.filter_type ^= 1;
      model.add(other);
    }
  }
  EXPECT_EQ(model.index().mask_count(), 4'000U);
  model.check(100);
  while (model.size() > 1'000) model.remove();
  model.check(100);
  EXPECT_GT(model.matches(), 0U);
}

}  // namespace
