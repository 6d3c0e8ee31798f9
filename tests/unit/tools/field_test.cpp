#include "drivers/sim/field.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "protocol/names/measurement.h"

namespace drivers::sim {
namespace {

std::vector<vscp::Event> play(const FieldOptions& options, std::size_t count, std::uint64_t time_ns = 1) {
  Field field(options, 0);
  std::vector<vscp::Event> events(count);
  for (auto& event : events) field.next(time_ns, event);
  return events;
}

bool same_content(const vscp::Event& left, const vscp::Event& right) {
  return left.head == right.head && left.vscp_class == right.vscp_class && left.vscp_type == right.vscp_type &&
         left.guid == right.guid && std::ranges::equal(left.payload(), right.payload());
}

TEST(Field, EqualSeedsGiveEqualContentAtAnyTime) {
  const auto first = play({.seed = 7, .nodes = 20, .events_per_second = 100}, 2000, 1);
  const auto second = play({.seed = 7, .nodes = 20, .events_per_second = 100}, 2000, 999'999'999'999);
  const auto other = play({.seed = 8, .nodes = 20, .events_per_second = 100}, 2000, 1);
  bool differs = false;
  for (std::size_t i = 0; i < first.size(); ++i) {
    ASSERT_TRUE(same_content(first[i], second[i])) << i;
    differs = differs || !same_content(first[i], other[i]);
  }
  EXPECT_TRUE(differs);
}

TEST(Field, EventsAreDueAtTheRate) {
  Field field({.seed = 1, .nodes = 3, .events_per_second = 3}, 1000);
  vscp::Event event;
  EXPECT_EQ(field.next_time_ns(), 1000U);
  for (int i = 0; i < 300; ++i) field.next(1, event);
  EXPECT_EQ(field.count(), 300U);
  EXPECT_NEAR(static_cast<double>(field.next_time_ns()), 1000 + 100e9, 1000);
}

TEST(Field, SetsTheTimeItIsGiven) {
  Field field({}, 0);
  vscp::Event event;
  field.next(1'767'355'200'123'456'789, event);
  EXPECT_EQ(event.time_ns, 1'767'355'200'123'456'789U);
  EXPECT_EQ(event.timestamp_us, static_cast<std::uint32_t>(1'767'355'200'123'456U));
  EXPECT_EQ(event.obid, 0U);
}

TEST(Field, HasEveryKindOfEvent) {
  std::map<std::pair<int, int>, int> kinds;
  for (const auto& event : play({.seed = 1, .nodes = 5}, 20'000)) ++kinds[{event.vscp_class, event.vscp_type}];
  const std::set<std::pair<int, int>> expected = {{1, 2}, {1, 13}, {10, 6}, {20, 1}, {20, 3}, {20, 4}, {20, 9}};
  std::set<std::pair<int, int>> seen;
  for (const auto& [kind, count] : kinds) seen.insert(kind);
  EXPECT_EQ(seen, expected);
  EXPECT_GT((kinds[{10, 6}]), 10'000);
}

TEST(Field, TemperaturesArePlausibleAndEveryNodeSendsThem) {
  std::set<vscp::Guid> nodes;
  std::map<vscp::Guid, double> last;
  for (const auto& event : play({.seed = 3, .nodes = 10, .events_per_second = 1}, 100'000)) {
    if (event.vscp_class != 10) continue;
    const auto value = vscp::decode_measurement(event);
    ASSERT_TRUE(value);
    EXPECT_EQ(value->unit, "°C");
    EXPECT_GT(value->value, 10);
    EXPECT_LT(value->value, 35);
    const auto before = last.find(event.guid);
    if (before != last.end()) {
      ASSERT_LT(std::abs(before->second - value->value), 0.5);
    }
    last[event.guid] = value->value;
    nodes.insert(event.guid);
  }
  EXPECT_EQ(nodes.size(), 10U);
  EXPECT_TRUE(nodes.contains(Field::node_guid(0)));
  EXPECT_TRUE(nodes.contains(Field::node_guid(9)));
}

TEST(Field, APressIsFollowedByReleaseAndLamp) {
  const auto events = play({.seed = 5, .nodes = 4}, 20'000);
  std::map<vscp::Guid, bool> lamp;
  int presses = 0;
  for (std::size_t i = 0; i + 2 < events.size(); ++i) {
    if (events[i].vscp_class != 20 || events[i].vscp_type != 1 || events[i].data[0] != 1) continue;
    ++presses;
    EXPECT_EQ(events[i + 1].vscp_type, 1);
    EXPECT_EQ(events[i + 1].data[0], 0);
    lamp[events[i].guid] = !lamp[events[i].guid];
    EXPECT_EQ(events[i + 2].vscp_type, lamp[events[i].guid] ? 3 : 4);
    EXPECT_EQ(events[i + 1].guid, events[i].guid);
    EXPECT_EQ(events[i + 2].guid, events[i].guid);
  }
  EXPECT_GT(presses, 100);
}

TEST(Field, AlarmsHaveTheHighestPriorityAndAlternate) {
  std::map<vscp::Guid, bool> on;
  int alarms = 0;
  for (const auto& event : play({.seed = 5, .nodes = 4}, 20'000)) {
    EXPECT_EQ(event.priority() == 0, event.vscp_class == 1);
    if (event.vscp_class != 1) continue;
    ++alarms;
    bool& state = on[event.guid];
    state = !state;
    EXPECT_EQ(event.vscp_type, state ? 2 : 13);
  }
  EXPECT_GT(alarms, 20);
}

TEST(Field, ClampsItsOptions) {
  Field none({.seed = 1, .nodes = 0, .events_per_second = 0}, 0);
  vscp::Event event;
  none.next(1, event);
  EXPECT_EQ(event.guid.bytes[15], 1);
  EXPECT_EQ(none.next_time_ns(), 1'000'000'000'000U);
}

}  // namespace
}  // namespace drivers::sim
