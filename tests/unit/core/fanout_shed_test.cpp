// What is kept and what is lost when readers fall behind and when the log is full.
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "router/core/fanout.h"

namespace {

using router::Amount;
using router::EventBuf;
using router::Fanout;
using router::FanoutSettings;
using router::kNoLimit;
using vscp::Filter;
using vscp::WireFormat;

class StuckReader final : public router::Reader {
 public:
  explicit StuckReader(std::uint32_t id) { channel = id; }
  void on_events_waiting() noexcept override {}
  void on_overrun() noexcept override { over = true; }
  void on_behind() noexcept override {}
  void take_rest_of_line(std::span<const char>) noexcept override {}
  bool over = false;
};

struct Got {
  std::uint32_t number = 0;
  std::uint8_t priority = 0;
};

class FanoutShed : public testing::Test {
 protected:
  static constexpr std::size_t kSegment = 16'384;

  ~FanoutShed() override {
    for (auto& reader : readers_) {
      if (reader->is_joined()) fanout_->leave(*reader);
    }
    if (fanout_ == nullptr) return;
    EXPECT_EQ(fanout_->chunks_in_use(), 0U);
    EXPECT_EQ(fanout_->skip_rules_in_use(), 0U);
    EXPECT_LE(fanout_->segments_in_use(), router::kFormats);
  }
  void open(std::size_t segments, std::size_t chunks = 4096) {
    FanoutSettings settings;
    settings.log_bytes = segments * kSegment;
    settings.segment_bytes = kSegment;
    settings.index_chunks = chunks;
    settings.sweep_min = 200;
    fanout_ = std::make_unique<Fanout>(settings);
  }
  StuckReader& join(std::uint32_t events_max = 10'000'000, const Filter& filter = {},
                    WireFormat format = WireFormat::kLegacyLine) {
    readers_.push_back(std::make_unique<StuckReader>(static_cast<std::uint32_t>(readers_.size() + 1)));
    readers_.back()->events_max = events_max;
    fanout_->join(*readers_.back(), filter, format);
    return *readers_.back();
  }
  /// Delivers one event and ends the turn; readers over their limit lose by priority.
  void deliver(std::uint8_t priority, std::uint16_t type = 1, std::uint32_t origin = 1'000'000) {
    EventBuf event;
    event.event.time_ns = 1'767'323'045'000'000'000ULL;
    event.event.obid = origin;
    event.event.vscp_class = 10;
    event.event.vscp_type = type;
    event.event.head = static_cast<std::uint16_t>(priority << 5U);
    event.event.data_size = 4;
    for (unsigned i = 0; i < 4; ++i) event.event.data[i] = static_cast<std::uint8_t>(number_ >> (8 * i));
    ++number_;
    fanout_->deliver(event);
    fanout_->flush();
    for (auto& reader : readers_) {
      if (reader->over) fanout_->drop_to(*reader, reader->limit_share(3, 4), true);
      reader->over = false;
    }
  }
  std::vector<Got> read_all(StuckReader& reader, WireFormat format = WireFormat::kLegacyLine) {
    std::vector<Got> all;
    for (auto line = fanout_->peek_line(reader); !line.empty(); line = fanout_->peek_line(reader)) {
      vscp::Event event;
      EXPECT_TRUE(vscp::decode_event(line, format, event).has_value());
      all.push_back({number_of(event), event.priority()});
      fanout_->pop_line(reader);
    }
    return all;
  }
  static std::uint32_t number_of(const vscp::Event& event) {
    std::uint32_t number = 0;
    for (unsigned i = 0; i < 4; ++i) number |= static_cast<std::uint32_t>(event.data[i]) << (8 * i);
    return number;
  }
  static std::array<std::uint32_t, 8> count(const std::vector<Got>& events) {
    std::array<std::uint32_t, 8> of{};
    for (const Got& event : events) ++of[event.priority];
    return of;
  }
  static bool in_order(const std::vector<Got>& events) {
    for (std::size_t i = 1; i < events.size(); ++i) {
      if (events[i].number <= events[i - 1].number) return false;
    }
    return true;
  }
  static Filter by_type(std::uint16_t type) {
    Filter filter;
    filter.filter_type = type;
    filter.mask_type = 0xffff;
    return filter;
  }

  std::unique_ptr<Fanout> fanout_;
  std::vector<std::unique_ptr<StuckReader>> readers_;
  std::uint32_t number_ = 0;
};

// The log is overrun twenty times by events of all priorities; one in sixteen is an alarm.
TEST_F(FanoutShed, AlarmsSurviveAFullLog) {
  open(32);
  StuckReader& stuck = join();
  StuckReader& binary = join(10'000'000, {}, WireFormat::kFrame);
  std::uint32_t alarms = 0;
  std::array<std::uint32_t, 8> sent{};
  for (std::uint32_t i = 0; i < 140'000; ++i) {
    // All alarms of the run must fit: they come less often.
    const auto priority = static_cast<std::uint8_t>(i % 100 == 0 ? 0 : 1 + i % 7);
    alarms += priority == 0 ? 1 : 0;
    ++sent[priority];
    deliver(priority);
  }
  EXPECT_GT(fanout_->counters().encoded_bytes.value(), 20 * 32 * kSegment);
  EXPECT_GT(fanout_->counters().evicted.value(), 500U);
  EXPECT_EQ(fanout_->counters().log_full.value(), 0U);
  for (auto* reader : {&stuck, &binary}) {
    const auto events = read_all(*reader, reader == &stuck ? WireFormat::kLegacyLine : WireFormat::kFrame);
    EXPECT_TRUE(in_order(events));
    const auto got = count(events);
    EXPECT_EQ(got[0], alarms) << "every alarm";
    EXPECT_EQ(events.size() + reader->events_dropped(), number_) << "every loss is counted";
    // Of the rest the low ones went first: what is there of a priority is never less than of the one below.
    for (std::size_t p = 1; p < 7; ++p) EXPECT_GE(got[p] + 400U, got[p + 1]) << p;
    EXPECT_LT(got[7], sent[7] / 10);
  }
}

// With one priority there is nothing to choose: the oldest go, in whole segments and without being moved about.
TEST_F(FanoutShed, OfOnePriorityTheOldestGo) {
  open(16);
  StuckReader& stuck = join();
  for (std::uint32_t i = 0; i < 20'000; ++i) deliver(3);
  const auto events = read_all(stuck);
  ASSERT_FALSE(events.empty());
  EXPECT_TRUE(in_order(events));
  EXPECT_EQ(events.back().number, number_ - 1);
  EXPECT_EQ(events.front().number, number_ - events.size()) << "no gap";
  EXPECT_EQ(events.size() + stuck.events_dropped(), number_);
  EXPECT_EQ(fanout_->counters().rescued_bytes.value(), 0U);
}

// A reader that wants one event in fifty and is stuck pins little, although its lines are spread over the whole log: it loses
// nothing, while the log is written many times over.
TEST_F(FanoutShed, ASparseReaderLosesNothing) {
  open(32);
  StuckReader& sparse = join(10'000'000, by_type(7));
  join(1'000);  // takes the others' events in, within its own limit
  std::uint32_t wanted = 0;
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    const bool of_sparse = i % 50 == 0;
    wanted += of_sparse ? 1 : 0;
    deliver(3, of_sparse ? 7 : 1);
  }
  EXPECT_GT(fanout_->counters().evicted.value(), 100U);
  EXPECT_EQ(sparse.events_dropped(), 0U);
  EXPECT_EQ(read_all(sparse).size(), wanted);
}

// Index memory runs out before the log does: alarms are kept all the same.
TEST_F(FanoutShed, AlarmsSurviveAFullIndex) {
  open(256, 64);
  StuckReader& stuck = join();
  std::uint32_t alarms = 0;
  for (std::uint32_t i = 0; i < 40'000; ++i) {
    const auto priority = static_cast<std::uint8_t>(i % 100 == 0 ? 0 : 7);
    alarms += priority == 0 ? 1 : 0;
    deliver(priority);
  }
  EXPECT_GT(fanout_->counters().evicted.value(), 10U);
  const auto events = read_all(stuck);
  EXPECT_TRUE(in_order(events));
  EXPECT_EQ(count(events)[0], alarms);
  EXPECT_EQ(events.size() + stuck.events_dropped(), number_);
}

// A thousand stuck readers shed by priority out of one chain: the index does not grow with their number.
TEST_F(FanoutShed, ManyWhoShedShareOneIndex) {
  open(64);
  std::vector<StuckReader*> stuck;
  for (int i = 0; i < 300; ++i) {
    stuck.push_back(&join(1'000));
    deliver(static_cast<std::uint8_t>(i % 8));  // each a little further on than the one before
  }
  for (std::uint32_t i = 0; i < 20'000; ++i) deliver(static_cast<std::uint8_t>(i % 8));
  EXPECT_LT(fanout_->chunks_in_use(), 400U);
  EXPECT_GT(fanout_->counters().swept.value(), 0U);
  for (StuckReader* reader : stuck) {
    EXPECT_FALSE(fanout_->lag(*reader).exceeds(reader->limit()));
    const auto events = read_all(*reader);
    EXPECT_GE(events.size(), 750U);
    EXPECT_TRUE(in_order(events));
    const auto got = count(events);
    // 20 000 events, 2 500 of them alarms, room for 1 000: nothing but the newest alarms is left of the old ones.
    EXPECT_GT(got[0], 700U);
    ASSERT_EQ(events.size() + reader->events_dropped() + (reader->channel - 1), number_);
  }
}

// What a reader has lost never comes back, whatever it reads in between and however often it loses again.
TEST_F(FanoutShed, ATrickleReaderGetsEveryAlarm) {
  open(64);
  StuckReader& trickle = join(500);
  std::vector<Got> events;
  std::uint32_t alarms = 0;
  for (std::uint32_t i = 0; i < 50'000; ++i) {
    const auto priority = static_cast<std::uint8_t>(i % 150 == 0 ? 0 : 1 + i % 7);
    alarms += priority == 0 ? 1 : 0;
    deliver(priority);
    if (i % 100 == 99) {  // one event in a hundred is read
      const auto line = fanout_->peek_line(trickle);
      vscp::Event event;
      ASSERT_TRUE(vscp::decode_event(line, WireFormat::kLegacyLine, event).has_value());
      events.push_back({number_of(event), event.priority()});
      fanout_->pop_line(trickle);
    }
  }
  const auto rest = read_all(trickle);
  events.insert(events.end(), rest.begin(), rest.end());
  EXPECT_TRUE(in_order(events));
  EXPECT_EQ(count(events)[0], alarms);
  EXPECT_EQ(events.size() + trickle.events_dropped(), number_);
}

// Its own events stand between the others in its chain; they cost it nothing and are counted nowhere.
TEST_F(FanoutShed, OwnEventsAreNotLost) {
  open(64);
  StuckReader& both = join(200);
  for (std::uint32_t i = 0; i < 5'000; ++i) {
    deliver(static_cast<std::uint8_t>(i % 8), 1, i % 3 == 0 ? 1'000'000 : both.channel);
  }
  const std::uint32_t others = (5'000 + 2) / 3;
  EXPECT_EQ(fanout_->count_waiting(both).events + both.events_dropped(), others);
  const auto events = read_all(both);
  EXPECT_GE(events.size(), 150U);
  EXPECT_EQ(events.size() + both.events_dropped(), others);
}

}  // namespace
