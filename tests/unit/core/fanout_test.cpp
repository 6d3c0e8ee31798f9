// Single cases of the fan-out that once went wrong or that the model cannot tell apart.
#include "router/core/fanout.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace {

using router::EventBuf;
using router::Fanout;
using router::FanoutSettings;
using vscp::Filter;
using vscp::WireFormat;

class TestReader final : public router::Reader {
 public:
  explicit TestReader(std::uint32_t id) { channel = id; }
  void on_events_waiting() noexcept override { ++told; }
  void on_overrun() noexcept override { ++overruns; }
  void on_behind() noexcept override { ++behind; }
  void take_rest_of_line(std::span<const char> bytes) noexcept override { rest.append(bytes.data(), bytes.size()); }

  int told = 0;
  int overruns = 0;
  int behind = 0;
  std::string rest;
};

class FanoutTest : public testing::Test {
 protected:
  ~FanoutTest() override {
    for (auto& reader : readers) fanout->leave(*reader);
    EXPECT_EQ(fanout->chunks_in_use(), 0U);
  }
  void open(const FanoutSettings& settings = {}) { fanout = std::make_unique<Fanout>(settings); }
  TestReader& join(std::uint32_t events_max = 1'000, const Filter& filter = {}) {
    readers.push_back(std::make_unique<TestReader>(static_cast<std::uint32_t>(readers.size() + 1)));
    readers.back()->events_max = events_max;
    fanout->join(*readers.back(), filter, WireFormat::kLegacyLine);
    return *readers.back();
  }
  void deliver(std::uint32_t count, std::uint32_t origin = 1'000'000) {
    for (std::uint32_t i = 0; i < count; ++i) {
      EventBuf event;
      event.event.timestamp_us = ++number;
      event.event.obid = origin;
      event.event.data_size = 0;
      fanout->deliver(event);
    }
  }
  /// Sends `bytes` of what waits.
  void send(TestReader& reader, std::size_t bytes) {
    std::array<iovec, 4> ranges;
    ASSERT_GE(fanout->gather(reader, ranges, 1).bytes, bytes);
    fanout->finish_send(reader, bytes);
  }
  std::string next_line(TestReader& reader) {
    const auto line = fanout->peek_line(reader);
    std::string text(line.data(), line.size());
    if (!line.empty()) fanout->pop_line(reader);
    return text;
  }
  static Filter by_type(std::uint16_t type) {
    Filter filter;
    filter.filter_type = type;
    filter.mask_type = 0xffff;
    return filter;
  }

  std::unique_ptr<Fanout> fanout;
  std::vector<std::unique_ptr<TestReader>> readers;
  std::uint32_t number = 0;
};

TEST_F(FanoutTest, ABegunLineSurvivesAChangeOfFilterWithoutIndexMemory) {
  open({.log_bytes = 1 << 20, .segment_bytes = 1 << 16, .index_chunks = 1});
  TestReader& reader = join();
  deliver(3);
  fanout->flush();
  send(reader, 10);
  ASSERT_TRUE(fanout->is_inside_line(reader));
  fanout->change_filter(reader, by_type(7));
  EXPECT_TRUE(reader.rest.ends_with("\r\n")) << "half a line is worse than none";
  EXPECT_FALSE(fanout->is_inside_line(reader));
  EXPECT_EQ(reader.events_dropped() + fanout->count_waiting(reader).events, 2U);
}

// Each reader has a filter of its own, and all want the event: every one needs an index of its own for it.
TEST_F(FanoutTest, AnEventThatSeventyThousandFiltersWant) {
  open();
  constexpr std::uint32_t kFilters = 70'000;
  for (std::uint32_t i = 0; i < kFilters; ++i) {
    Filter filter;
    std::memcpy(filter.mask_guid.bytes.data(), &i, sizeof(i));  // of a GUID that is 0 there
    join(1'000, filter);
  }
  deliver(2);
  fanout->flush();
  std::size_t without = 0;
  for (auto& reader : readers) without += fanout->count_waiting(*reader).events == 2 ? 0U : 1U;
  EXPECT_EQ(without, 0U);
  EXPECT_EQ(fanout->counters().log_full.value(), 0U);
}

TEST_F(FanoutTest, OwnEventsPushNobodyElsesOut) {
  open();
  TestReader& reader = join(100);
  deliver(10);
  deliver(500, reader.channel);
  fanout->flush();
  EXPECT_EQ(reader.overruns, 1);
  EXPECT_EQ(fanout->drop_to(reader, {75, router::kNoLimit}, false), 0U);
  EXPECT_EQ(fanout->count_waiting(reader).events, 10U);
  EXPECT_LE(fanout->lag(reader).events, 75U) << "or it would be looked at in every turn";
  deliver(1);
  fanout->flush();
  EXPECT_EQ(reader.overruns, 1);
}

// Another reader's question settles the group before flush(): the one that is behind must be found all the same.
TEST_F(FanoutTest, ASettledGroupIsLookedAtToo) {
  open();
  TestReader& slow = join(10);
  TestReader& busy = join(1'000);
  deliver(20);
  EXPECT_EQ(fanout->count_waiting(busy).events, 20U);
  fanout->flush();
  EXPECT_EQ(slow.overruns, 1);
}

TEST_F(FanoutTest, ABacklogCountsTowardsTheLimit) {
  open();
  TestReader& reader = join(100);
  deliver(90);
  fanout->change_filter(reader, by_type(0));
  EXPECT_EQ(reader.overruns, 0);
  deliver(11);
  fanout->flush();
  EXPECT_EQ(fanout->lag(reader).events, 101U);
  EXPECT_EQ(reader.overruns, 1);
}

TEST_F(FanoutTest, AReaderInALoopIsToldInTimeAndAPollingOneIsNot) {
  open();
  TestReader& polling = join(100);
  TestReader& looping = join(100);
  looping.in_loop = true;
  deliver(50);
  fanout->flush();
  EXPECT_EQ(looping.behind, 0);
  for (int turn = 1; turn <= 3; ++turn) {
    deliver(1);
    fanout->flush();
    EXPECT_EQ(looping.behind, turn);
  }
  EXPECT_EQ(polling.behind, 0);
  // One that begins its loop while it is behind is found too.
  polling.in_loop = true;
  deliver(6);
  fanout->flush();
  EXPECT_GT(polling.behind, 0);
  EXPECT_EQ(polling.overruns, 0);
  deliver(42);
  fanout->flush();
  EXPECT_EQ(polling.overruns, 1);
  EXPECT_EQ(looping.overruns, 1);
}

// Index memory that is all in the segment being written: one event is lost, then the next ones find room.
TEST_F(FanoutTest, AFullIndexRecovers) {
  open({.log_bytes = 1 << 20, .segment_bytes = 1 << 16, .index_chunks = 2});
  TestReader& stuck = join(100'000);
  TestReader& other = join(100'000, by_type(0));
  deliver(500);
  fanout->flush();
  EXPECT_GT(fanout->counters().log_full.value(), 0U);
  EXPECT_GT(fanout->counters().evicted.value(), 0U) << "nobody made room";
  const std::uint64_t full = fanout->counters().log_full.value();
  EXPECT_LT(full, 100U) << "most events must find room";
  EXPECT_GT(stuck.events_dropped() + other.events_dropped(), 0U);
  while (!next_line(stuck).empty()) {
  }
  while (!next_line(other).empty()) {
  }
  deliver(1);
  fanout->flush();
  EXPECT_EQ(fanout->counters().log_full.value(), full);
  EXPECT_NE(next_line(stuck), "");
  EXPECT_NE(next_line(other), "");
}

TEST_F(FanoutTest, ReadersOfOneFilterShareOneGroup) {
  open();
  Filter noise = by_type(5);
  noise.filter_class = 99;  // ignored: its mask is zero
  join(10, by_type(5));
  join(10, noise);
  EXPECT_EQ(fanout->group_count(), 1U);
  join(10, by_type(6));
  EXPECT_EQ(fanout->group_count(), 2U);
}

TEST_F(FanoutTest, ANewcomerGetsNothingFromBefore) {
  open();
  TestReader& first = join();
  deliver(1);
  TestReader& second = join();
  deliver(1);
  fanout->flush();
  EXPECT_EQ(fanout->count_waiting(first).events, 2U);
  EXPECT_EQ(fanout->count_waiting(second).events, 1U);
  EXPECT_EQ(first.told, 1);
  EXPECT_EQ(second.told, 1);
}

}  // namespace
