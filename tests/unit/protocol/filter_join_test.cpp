#include "protocol/filter_join.h"

#include <gtest/gtest.h>

#include "router/base/random.h"

namespace vscp {
namespace {

// Few bits, so that filters and events often agree.
std::uint8_t few_bits(router::SeededRandom& random) {
  return static_cast<std::uint8_t>(random.next() & random.next() & 0x43U);
}

vscp::Filter random_filter(router::SeededRandom& random) {
  vscp::Filter filter;
  filter.filter_priority = static_cast<std::uint8_t>(random.below(8));
  filter.mask_priority = static_cast<std::uint8_t>(random.below(8) & random.below(8));
  filter.filter_class = few_bits(random);
  filter.mask_class = few_bits(random);
  filter.filter_type = few_bits(random);
  filter.mask_type = few_bits(random);
  filter.filter_guid.bytes[0] = few_bits(random);
  filter.mask_guid.bytes[0] = few_bits(random);
  filter.filter_guid.bytes[15] = few_bits(random);
  filter.mask_guid.bytes[15] = few_bits(random);
  return filter;
}

vscp::Event random_event(router::SeededRandom& random) {
  vscp::Event event;
  event.head = static_cast<std::uint16_t>(random.below(8) << 5U);
  event.vscp_class = few_bits(random);
  event.vscp_type = few_bits(random);
  event.guid.bytes[0] = few_bits(random);
  event.guid.bytes[15] = few_bits(random);
  return event;
}

TEST(FilterJoin, PassesWhatBothPass) {
  router::SeededRandom random(1);
  unsigned passed = 0;
  unsigned stopped = 0;
  for (int i = 0; i < 20'000; ++i) {
    const vscp::Filter first = random_filter(random);
    const vscp::Filter second = random_filter(random);
    const vscp::Filter joined = join_filters(first, second);
    for (int j = 0; j < 10; ++j) {
      const vscp::Event event = random_event(random);
      const bool expected = first.matches(event) && second.matches(event);
      ++(expected ? passed : stopped);
      ASSERT_EQ(joined.matches(event), expected) << "round " << i;
      // The class part alone may say yes too much, never no wrongly.
      ASSERT_TRUE(!expected || joined.may_match_class(event.vscp_class));
    }
  }
  EXPECT_GT(passed, 1000U);
  EXPECT_GT(stopped, 1000U);
}

TEST(FilterJoin, EmptyFilterChangesNothing) {
  router::SeededRandom random(2);
  for (int i = 0; i < 100; ++i) {
    const vscp::Filter filter = random_filter(random);
    EXPECT_EQ(join_filters(filter, {}).canonical(), filter.canonical());
    EXPECT_EQ(join_filters({}, filter).canonical(), filter.canonical());
    EXPECT_EQ(join_filters(filter, filter).canonical(), filter.canonical());
  }
}

TEST(FilterJoin, NothingPassesAContradiction) {
  struct Case {
    const char* what;
    void (*set)(vscp::Filter& filter, std::uint8_t value);
  };
  const Case cases[] = {
      {"priority",
       [](vscp::Filter& f, std::uint8_t v) {
         f.filter_priority = v;
         f.mask_priority = 1;
       }},
      {"class",
       [](vscp::Filter& f, std::uint8_t v) {
         f.filter_class = v;
         f.mask_class = 1;
       }},
      {"type",
       [](vscp::Filter& f, std::uint8_t v) {
         f.filter_type = v;
         f.mask_type = 1;
       }},
      {"GUID",
       [](vscp::Filter& f, std::uint8_t v) {
         f.filter_guid.bytes[7] = v;
         f.mask_guid.bytes[7] = 1;
       }},
  };
  for (const Case& each : cases) {
    vscp::Filter zero;
    vscp::Filter one;
    each.set(zero, 0);
    each.set(one, 1);
    const vscp::Filter joined = join_filters(zero, one);
    vscp::Event event;
    for (unsigned bits = 0; bits < 256; ++bits) {
      event.head = static_cast<std::uint16_t>(bits);  // every priority
      event.vscp_class = static_cast<std::uint16_t>(bits & 1U);
      event.vscp_type = static_cast<std::uint16_t>(bits >> 1U & 1U);
      event.guid.bytes[7] = static_cast<std::uint8_t>(bits >> 2U & 1U);
      EXPECT_FALSE(joined.matches(event)) << each.what;
    }
  }
}

}  // namespace
}  // namespace vscp
